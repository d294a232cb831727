"""One Docker daemon as the image transfer needs it: inspect, layers, archives in and out. Blocking; called in threads.

The programs' own client cannot pipe one daemon into another without a shell; the API can, with the tool in between.
"""

from __future__ import annotations

import builtins
import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from mcp_tools.engines.image_transfer_tar import CHUNK, Stopped, Tally
from mcp_tools.errors import EnvironmentNotReady, LongshoreError, NotFound, TimedOut, ToolFailed

__all__ = ["Daemon", "shared_prefix"]

TIMEOUT = 600
"""Seconds without a byte after which a request has failed; saving a large image takes long before its first byte."""


class Daemon:
    """A Docker daemon, by the settings that the docker program takes from its environment.

    ``env`` None means this machine's: DOCKER_HOST, or the current context of the docker program.
    """

    def __init__(self, env: Mapping[str, str] | None = None, *, title: str = "Docker") -> None:
        self._env = dict(env) if env is not None else None
        self.title = title
        self._api: Any = None

    @property
    def api(self) -> Any:
        """The client, connected at its first use.

        Raises:
            EnvironmentNotReady: the daemon does not answer.
        """
        if self._api is None:
            try:
                self._api = self._connect()
            except Exception as error:  # the client raises many kinds, of three packages
                raise self.translated(error, "connecting") from error
        return self._api

    def _connect(self) -> Any:
        import os

        from docker import APIClient
        from docker.context import ContextAPI
        from docker.utils import kwargs_from_env

        environment = self._env if self._env is not None else dict(os.environ)
        params = kwargs_from_env(environment=environment)
        if "base_url" not in params:
            params = {**ContextAPI.kwargs_from_context(environment=environment), **params}
        # The settings say it all: a proxy or CA bundle from the environment is for the internet, and would break TLS
        # with the node (REQUESTS_CA_BUNDLE replaces the CA that DOCKER_CERT_PATH names).
        asking = APIClient(version="1.44", timeout=10, **params)
        asking.trust_env = False
        version = asking.version(api_version=False)["ApiVersion"]
        asking.close()
        api = APIClient(version=version, timeout=TIMEOUT, **params)
        api.trust_env = False
        return api

    def translated(self, error: BaseException, doing: str) -> LongshoreError:
        """The client's error as one of ours."""
        import requests
        from docker import errors

        if isinstance(error, LongshoreError):
            return error
        if isinstance(error, errors.NotFound):
            return NotFound(f"{self.title}: {doing}", str(error.explanation or error))
        if isinstance(error, errors.APIError):
            return ToolFailed(f"{self.title}: {doing} failed", str(error.explanation or error), "the same again")
        if isinstance(error, requests.exceptions.ReadTimeout):
            return TimedOut(f"{self.title}: {doing} took too long", str(error), "the same again")
        if isinstance(error, (errors.DockerException, requests.exceptions.RequestException, OSError)):
            why = _reason(error)
            remedy = "start it, then environment_check"
            if "permission denied" in why.lower():
                remedy = "sudo usermod -aG docker $USER, then log in again; or use rootless Docker"
            return EnvironmentNotReady(f"{self.title} is not reachable", why, remedy)
        return ToolFailed(f"{self.title}: {doing} failed", str(error) or type(error).__name__, "the same again")

    def inspect(self, ref: str) -> dict[str, Any] | None:
        """The image of that name or ID; None when there is none."""
        from docker import errors

        try:
            found = self.api.inspect_image(ref)
        except errors.NotFound:
            return None
        except Exception as error:
            raise self.translated(error, f"inspecting {ref}") from error
        return found if isinstance(found, dict) else None

    def containerd_store(self) -> bool:
        """Whether images lie in containerd's store: then IDs are manifest digests, and no file may be left out."""
        try:
            info = self.api.info()
        except Exception as error:
            raise self.translated(error, "info") from error
        return any("io.containerd.snapshotter" in str(pair) for pair in info.get("DriverStatus") or [])

    def pushes_to_loopback(self) -> bool:
        """Whether this daemon shares our loopback: local, not in a virtual machine or network of its own."""
        if str(self.api.base_url) != "http+docker://localhost":  # how the client calls a unix socket
            return False
        try:
            info = self.api.info()
        except Exception as error:
            raise self.translated(error, "info") from error
        apart = "Docker Desktop" in str(info.get("OperatingSystem")) or "rootless" in str(info.get("SecurityOptions"))
        return not apart

    def push(self, image: str, repository: str, tag: str, tally: Tally) -> None:
        """``docker push`` under a name that is given for it and taken away again.

        Raises:
            ToolFailed: what the daemon said.
            Stopped: the transfer was cancelled.
        """
        self._untag(repository)  # what a transfer that was killed has left
        self.tag(image, f"{repository}:{tag}")
        events: Any = None
        try:
            events = self.api.push(repository, tag=tag, stream=True, decode=True)
            for event in events:
                if tally.stopped:
                    raise Stopped
                if "error" in event:
                    raise ToolFailed(f"{self.title} could not push", str(event["error"])[:300], "the same again")
        except (LongshoreError, Stopped):
            raise
        except Exception as error:
            raise self.translated(error, "pushing") from error
        finally:
            with contextlib.suppress(Exception):
                events.close()
            self._untag(repository)

    def _untag(self, repository: str) -> None:
        """Take all names of a transfer away; the images have their own."""
        with contextlib.suppress(Exception):
            for item in self.api.images(name=repository):
                for name in item.get("RepoTags") or []:
                    if name.startswith(f"{repository}:"):
                        self.api.remove_image(name, noprune=True)

    def common_layers(self, layers: list[str]) -> int:
        """How many of these layers, from the base, are in this daemon's store as part of its images."""
        best = 0
        try:
            for item in self.api.images(all=False):
                found = self.inspect(item["Id"])  # None: removed meanwhile
                best = max(best, shared_prefix(layers, layers_of(found)) if found else 0)
                if best == len(layers):
                    break
        except Exception as error:
            raise self.translated(error, "listing images") from error
        return best

    def save(self, image: str) -> Iterator[bytes]:
        """The chunks of the image's archive, as ``docker save`` writes it."""
        response: Any = None
        try:
            url = f"{self.api.base_url}/v{self.api.api_version}/images/{quote(image, safe=':')}/get"
            response = self.api.get(url, stream=True, timeout=TIMEOUT)
            if response.status_code != 200:
                raise ToolFailed(f"{self.title} could not save {image}", response.text[:300], "the same again")
            while chunk := response.raw.read(CHUNK):
                yield chunk
        except (GeneratorExit, LongshoreError):
            raise
        except Exception as error:
            raise self.translated(error, f"saving {image}") from error
        finally:
            if response is not None:
                with contextlib.suppress(Exception):
                    response.close()

    def load(self, archive: Iterable[bytes], tally: Tally) -> None:
        """Feed an archive to ``docker load``; the names and IDs it reports go into ``tally.loaded``.

        Raises:
            ToolFailed: the daemon refused it; nothing of it was tagged.
        """
        failure: builtins.list[BaseException] = []

        def watched() -> Iterator[bytes]:
            # The client hides what its data source raises; the first cause must be the one that is told.
            try:
                yield from archive
            except BaseException as error:
                failure.append(error)
                raise

        try:
            for event in self.api.load_image(watched(), quiet=True):
                _note(event, tally)
        except Exception as error:
            if failure:
                raise failure[0] from None
            raise self.translated(error, "loading the image") from error

    def tag(self, image: str, ref: str) -> None:
        """Let the name point at the image."""
        repository, _, tag = ref.rpartition(":")
        try:
            self.api.tag(image, repository, tag, force=True)
        except Exception as error:
            raise self.translated(error, f"tagging {ref}") from error

    def close(self) -> None:
        """Give the connections back."""
        if self._api is not None:
            self._api.close()


def _note(event: Any, tally: Tally) -> None:
    if isinstance(event, (bytes, str)):
        event = json.loads(event)
    if "error" in event:
        raise ToolFailed("the node refused the image", str(event["error"])[:500], "the same again")
    said = str(event.get("stream") or "")
    for lead in ("Loaded image ID:", "Loaded image:"):
        if said.startswith(lead):
            tally.loaded.append(said.removeprefix(lead).strip())


def _reason(error: BaseException) -> str:
    """The innermost cause, without the client's wrappings."""
    inner = error
    while inner.__cause__ or inner.__context__:
        inner = inner.__cause__ or inner.__context__ or inner
    return str(inner)[:300] or type(inner).__name__


def layers_of(image: Mapping[str, Any]) -> list[str]:
    """The diffIDs of an inspected image, base first."""
    return [str(layer) for layer in (image.get("RootFS") or {}).get("Layers") or []]


def shared_prefix(one: list[str], other: list[str]) -> int:
    """How many layers from the base are the same."""
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count
