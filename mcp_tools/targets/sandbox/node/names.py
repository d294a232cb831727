"""Names of images, as docker reads them: ``nginx`` is ``docker.io/library/nginx:latest``.

Source: the grammar of ``github.com/distribution/reference``.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

_HOST = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_WHOLE = re.compile(
    rf"(?P<name>(?:{_HOST}(?::[0-9]+)?/)?{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,}))?"
)


class InvalidName(ValueError):
    """The text is no name of an image; the message is the one that docker gives."""


@dataclass(frozen=True)
class Name:
    """An image's name. ``repository`` is whole: ``docker.io/library/nginx``."""

    repository: str
    tag: str
    digest: str

    @property
    def registry(self) -> str:
        """``docker.io``."""
        return self.repository.partition("/")[0]

    @property
    def path(self) -> str:
        """``library/nginx``."""
        return self.repository.partition("/")[2]

    @property
    def short(self) -> str:
        """The repository as docker prints it: ``nginx``."""
        return self.repository.removeprefix("docker.io/").removeprefix("library/")

    @property
    def familiar(self) -> str:
        """As docker prints it, with tag or digest: ``nginx:latest``."""
        return f"{self.short}@{self.digest}" if self.digest else f"{self.short}:{self.tag}"


@functools.lru_cache(maxsize=4096)
def parse(text: str) -> Name:
    """Read a name.

    Raises:
        InvalidName: it is none.
    """
    found = _WHOLE.fullmatch(text)
    if found is None:
        remote = _remote(text)
        if remote.lower() != remote and _WHOLE.fullmatch(text.lower()):
            raise InvalidName(
                f'couldn\'t parse image name "{text}": invalid reference format: repository name'
                f" ({remote}) must be lowercase"
            )
        raise InvalidName(f'couldn\'t parse image name "{text}": invalid reference format')
    name, tag, digest = found["name"], found["tag"] or "", found["digest"] or ""
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}" if slash else f"docker.io/library/{name}"
    elif first == "docker.io" and "/" not in rest:
        name = f"docker.io/library/{rest}"
    return Name(name, tag or ("" if digest else "latest"), digest)


def _remote(text: str) -> str:
    """The repository without its registry, as docker names it in its refusals: ``library/App``."""
    first, slash, rest = text.partition("/")
    if not slash:
        return f"library/{text.partition(':')[0].partition('@')[0]}"
    registry = "." in first or ":" in first or first == "localhost" or first.lower() != first
    return (rest if registry else text).partition(":")[0].partition("@")[0]
