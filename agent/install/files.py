"""Reading and replacing a file of somebody else's program: nothing is lost, no link and no other user leads astray."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from agent.problems import Problem

__all__ = ["Found", "find", "write"]

_LARGEST = 20_000_000


@dataclass(frozen=True)
class Found:
    """A file as it is. ``path`` is where it really lies; ``mode`` None means that there is none."""

    path: Path
    text: str = ""
    mode: int | None = None
    raw: bytes = b""


def find(file: Path, *, inside: Path | None = None) -> Found:
    """The file, read. ``inside``: a project, which no link may lead out of.

    Raises:
        Problem: it is no file of this user's, or cannot be read.
    """
    try:
        path = Path(os.path.realpath(file, strict=False))
        if path.is_symlink():  # a loop
            raise Problem(f"{file} is a link to itself", remedy="remove it", code="unsafe-file")
        if inside is not None and inside.resolve() not in path.parents:
            raise Problem(
                f"{file} leads out of the project", f"it is a link to {path}", "remove it", code="unsafe-file"
            )
        _safe_folder(path)
        return _read(path)
    except OSError as error:
        raise _failed("read", file, error) from error


def _read(path: Path) -> Found:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return Found(path)
    with os.fdopen(descriptor, "rb") as stream:
        about = os.fstat(stream.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise Problem(f"{path} is no file", remedy="move it away", code="unsafe-file")
        if about.st_uid != os.getuid():
            raise Problem(f"{path} belongs to somebody else", remedy="chown it, or move it away", code="unsafe-file")
        if about.st_size > _LARGEST:
            raise Problem(f"{path} is too large", f"{about.st_size} bytes", "look into it", code="unsafe-file")
        raw = stream.read()
    try:
        return Found(path, raw.decode("utf-8"), stat.S_IMODE(about.st_mode), raw)
    except UnicodeDecodeError as error:
        raise Problem(f"{path} is no UTF-8", f"byte {error.start}", "correct it", code="broken-file") from error


def _safe_folder(path: Path) -> None:
    """Who may write the nearest folder that is there: this user, or root. Others could put a link there."""
    folder = next(parent for parent in path.parents if parent.exists())
    about = folder.stat()
    open_to_all = about.st_mode & stat.S_IWOTH and not about.st_mode & stat.S_ISVTX
    if about.st_uid not in (os.getuid(), 0) or open_to_all:
        why = "everybody may write there" if open_to_all else "it belongs to somebody else"
        raise Problem(f"the folder {folder} is not yours alone", why, "correct its owner or mode", code="unsafe-file")


def write(found: Found, text: str, *, private: bool, backups: Path) -> Path | None:
    """Replace the file in one step, keeping its mode; the old one is copied into ``backups``. Where to, or None.

    Raises:
        Problem: somebody changed it meanwhile, or it cannot be written. Then it is as it was.
    """
    try:
        kept = _keep(found, backups) if found.mode is not None else None
        found.path.parent.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
        mode = found.mode if found.mode is not None else (0o600 if private else 0o666 & ~_umask())
        _replace(found, text.encode("utf-8"), mode)
    except OSError as error:
        raise _failed("written", found.path, error) from error
    return kept


def _replace(found: Found, data: bytes, mode: int) -> None:
    draft = found.path.with_name(f".{found.path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        now = _read(found.path)
        if (now.raw, now.mode) != (found.raw, found.mode):
            raise Problem(f"{found.path} was changed meanwhile", remedy="the same command again", code="changed")
        draft.replace(found.path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise


def _keep(found: Found, backups: Path) -> Path:
    backups.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    stem = f"{found.path.name.lstrip('.')}.{stamp}"
    for number in range(1000):
        file = backups / (f"{stem}-{number}" if number else stem)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(found.raw)
                os.fsync(stream.fileno())
            return file
    raise FileExistsError(errno.EEXIST, "too many backups", str(backups))


def _umask() -> int:
    old = os.umask(0o077)
    os.umask(old)
    return old


def _failed(what: str, file: Path, error: OSError) -> Problem:
    return Problem(f"{file} cannot be {what}", str(error.strerror or error), "look at its folder and mode", code="file")
