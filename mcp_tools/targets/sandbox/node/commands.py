"""Programs of the system: those that sleep, write, read and end. The shell and probes call them as well."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from mcp_tools.targets.sandbox.node.box import Box
from mcp_tools.targets.sandbox.node.commands_net import PROGRAMS as NETWORK
from mcp_tools.targets.sandbox.node.commands_net import Program, number, options
from mcp_tools.targets.sandbox.node.process import FOREVER, Say, Sleep, Step, Steps, Store, Use

_UNITS = {"": 1, "c": 1, "k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "m": 1 << 20, "G": 1 << 30, "g": 1 << 30}
_DURATION = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
MEMORY_STEPS = 8


def size_of(text: str) -> int:
    """``250M``, ``1G``, ``64k`` in bytes."""
    found = re.match(r"(\d+(?:\.\d+)?)\s*([kKmMgGc]?)", text)
    return int(float(found[1]) * _UNITS[found[2]]) if found else 0


def sleep(box: Box, argv: list[str], stdin: str) -> Steps:
    """sleep."""
    total = 0.0
    for word in argv[1:]:
        if word in ("infinity", "inf"):
            total = FOREVER
            continue
        found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)", word)
        if found is None:
            yield Say(f"sleep: invalid time interval '{word}'")
            return 1
        total += float(found[1]) * _DURATION[found[2]]
    yield Sleep(total)
    return 0


def _code(code: int) -> Program:
    def run(box: Box, argv: list[str], stdin: str) -> Steps:
        yield from ()
        return code

    return run


def _forever(box: Box, argv: list[str], stdin: str) -> Steps:
    yield Sleep(FOREVER)
    return 0


def _text(text: str, end: str = "") -> Iterator[Step]:
    """Write that, with the ends of lines that it has itself."""
    text += end
    if text:
        yield Say(text.removesuffix("\n"), open=not text.endswith("\n"))


def echo(box: Box, argv: list[str], stdin: str) -> Steps:
    """echo."""
    words, goes_on = argv[1:], False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        goes_on |= "n" in words[0]
        words = words[1:]
    yield from _text(" ".join(words), end="" if goes_on else "\n")
    return 0


def printf(box: Box, argv: list[str], stdin: str) -> Steps:
    """printf, as far as its format has %s and %d only."""
    form, values = (argv[1] if len(argv) > 1 else ""), list(argv[2:])
    text = re.sub(r"%-?\d*[sd]", lambda _: values.pop(0) if values else "", form)
    text = text.replace("%%", "%").replace("\\n", "\n").replace("\\t", "\t")
    yield from _text(text)
    return 0


def cat(box: Box, argv: list[str], stdin: str) -> Steps:
    """cat."""
    code = 0
    for path in [word for word in argv[1:] if not word.startswith("-")]:
        if not box.exists(path):
            gone = "No such file or directory"
            yield Say(f"cat: {path}: {gone}" if box.dash else f"cat: can't open '{path}': {gone}")
            code = 1
        elif text := box.text(path):
            yield from _text(text)
    if len(argv) == 1 and stdin:
        yield Say(stdin)
    return code


def ls(box: Box, argv: list[str], stdin: str) -> Steps:
    """ls: whether there is such a path."""
    code = 0
    for path in [word for word in argv[1:] if not word.startswith("-")]:
        if not box.exists(path):
            gone = "No such file or directory"
            yield Say(f"ls: cannot access '{path}': {gone}" if box.dash else f"ls: {path}: {gone}")
            code = 2 if box.dash else 1
        else:
            mount = box.mount_of(path)
            names = sorted((*mount.files, *mount.shared)) if mount is not None and mount.path == path else [path]
            yield Say("\n".join(names))
    return code


def _cannot(box: Box) -> str:
    """How the programs of GNU, and those of busybox, say it."""
    return "cannot" if box.dash else "can't"


def _write(name: str, gnu: str, busybox: str) -> Program:
    def run(box: Box, argv: list[str], stdin: str) -> Steps:
        for path in [word for word in argv[1:] if not word.startswith("-")]:
            why = box.write(path)
            if why:
                yield Say(f"{name}: {(gnu if box.dash else busybox).format(path)}: {why}")
                return 1
        return 0

    return run


def rm(box: Box, argv: list[str], stdin: str) -> Steps:
    """rm."""
    force = any(word.startswith("-") and "f" in word for word in argv[1:])
    for path in [word for word in argv[1:] if not word.startswith("-")]:
        if not box.exists(path):
            if not force:
                yield Say(f"rm: {_cannot(box)} remove '{path}': No such file or directory")
                return 1
            continue
        why = box.remove(path)
        if why:
            yield Say(f"rm: {_cannot(box)} remove '{path}': {why}")
            return 1
    return 0


def grow(box: Box, path: str, size: int, name: str) -> Steps:
    """Write a file of that size, in some pieces, so that limits are met on the way."""
    mount = box.mount_of(path)
    why = box.write(path, size)
    if why:
        yield Say(f"{name}: {path}: {why}")
        return 1
    yield Store(mount.volume if mount is not None else "", size)
    yield Sleep(size / (400 << 20))
    return 0


def dd(box: Box, argv: list[str], stdin: str) -> Steps:
    """dd: writes count x bs bytes."""
    found = dict(word.partition("=")[::2] for word in argv[1:])
    size = size_of(found.get("bs", "512")) * int(number(found.get("count", ""), 1 << 14))
    target = found.get("of", "")
    if not target or target == "/dev/null":
        yield Sleep(size / (1 << 30))
        return 0
    code = yield from grow(box, target, size, "dd: error writing")
    return code


def fallocate(box: Box, argv: list[str], stdin: str) -> Steps:
    """fallocate, truncate."""
    found, rest = options(argv, "los", ("length", "size"))
    size = size_of(found.get("l") or found.get("s") or found.get("length") or found.get("size") or "0")
    return (yield from grow(box, rest[0] if rest else "", size, argv[0]))


def stress(box: Box, argv: list[str], stdin: str) -> Steps:
    """stress, stress-ng: takes memory, keeps it."""
    found, _ = options(argv, "tmc", ("vm", "vm-bytes", "vm-hang", "cpu", "timeout", "io", "hdd"))
    size = size_of(found.get("vm-bytes") or "256M") * max(int(number(found.get("vm") or found.get("m") or "0", 0)), 0)
    yield Say("stress: info: [1] dispatching hogs: 0 cpu, 0 io, 1 vm, 0 hdd")
    yield from allocate(size)
    yield Sleep(number((found.get("timeout") or found.get("t") or "").rstrip("s"), FOREVER))
    return 0


def allocate(size: int, seconds: float = 0.8) -> Steps:
    """Take memory in some steps."""
    if not size:
        return 0
    for part in range(1, MEMORY_STEPS + 1):
        yield Use(size * part // MEMORY_STEPS)
        yield Sleep(seconds / MEMORY_STEPS)
    return 0


def hog() -> Steps:
    """Take memory without end."""
    size = 16 << 20
    while size < 1 << 45:
        yield Use(size)
        yield Sleep(0.05)
        size *= 2
    return 137


def tail(box: Box, argv: list[str], stdin: str) -> Steps:
    """tail: with -f it never ends; of /dev/zero it takes all memory."""
    if "/dev/zero" in argv:
        return (yield from hog())
    follows = any(word.startswith("-") and "f" in word.lower() and not word.startswith("--lines") for word in argv[1:])
    paths = [word for word in argv[1:] if word.startswith("/")]
    for path in paths:
        if not box.exists(path):
            yield Say(f"tail: can't open '{path}': No such file or directory")
            return 1
    if stdin:
        yield Say(stdin.rpartition("\n")[2])
    if follows:
        yield Sleep(FOREVER)
    return 0


def grep(box: Box, argv: list[str], stdin: str) -> Steps:
    """grep over what comes in, or over files of ConfigMaps and Secrets."""
    found, rest = options(argv, "emABC")
    pattern = found.get("e") or (rest.pop(0) if rest else "")
    text = "\n".join(filter(None, (box.text(path) for path in rest))) if rest else stdin
    flags = re.IGNORECASE if "i" in found else 0
    try:
        hits = [
            line for line in text.split("\n") if line and (re.search(pattern, line, flags) is None) == ("v" in found)
        ]
    except re.error:
        hits = [line for line in text.split("\n") if pattern in line]
    if "q" not in found and hits:
        yield Say(str(len(hits)) if "c" in found else "\n".join(hits))
    return 0 if hits else 1


def printenv(box: Box, argv: list[str], stdin: str) -> Steps:
    """printenv, env without a command."""
    names = [word for word in argv[1:] if "=" not in word]
    if not names:
        yield Say("\n".join(f"{key}={value}" for key, value in box.env.items()))
        return 0
    for name in names:
        if name not in box.env:
            return 1
        yield Say(box.env[name])
    return 0


def _say(text: str) -> Program:
    def run(box: Box, argv: list[str], stdin: str) -> Steps:
        yield Say(text)
        return 0

    return run


def hostname(box: Box, argv: list[str], stdin: str) -> Steps:
    """hostname."""
    yield Say(box.env.get("HOSTNAME", ""))
    return 0


def identity(box: Box, argv: list[str], stdin: str) -> Steps:
    """id, whoami."""
    name = "root" if not box.user else str(box.user)
    if argv[0] == "whoami":
        yield Say(name if not box.user else f"whoami: unknown uid {box.user}")
        return 0 if not box.user else 1
    yield Say(str(box.user) if "-u" in argv else f"uid={box.user} gid={box.user} groups={box.user}")
    return 0


def date(box: Box, argv: list[str], stdin: str) -> Steps:
    """date: the time of the machine; nothing depends on it."""
    yield Say(time.strftime("%a %b %e %H:%M:%S UTC %Y", time.gmtime()))
    return 0


def seq(box: Box, argv: list[str], stdin: str) -> Steps:
    """seq."""
    ends = [int(number(word, 0)) for word in argv[1:]] or [0]
    first, last = (1, ends[0]) if len(ends) == 1 else (ends[0], ends[-1])
    yield Say("\n".join(str(value) for value in range(first, min(last, first + 10_000) + 1)))
    return 0


def through(box: Box, argv: list[str], stdin: str) -> Steps:
    """A filter whose work is not simulated: what comes in goes out."""
    if stdin:
        yield Say(stdin)
    return 0


FILTERS = ("tee", "sed", "awk", "tr", "cut", "sort", "uniq", "wc", "head", "xargs", "base64", "jq")
PROGRAMS: dict[str, Program] = {
    "sleep": sleep,
    "true": _code(0),
    ":": _code(0),
    "false": _code(1),
    "echo": echo,
    "printf": printf,
    "cat": cat,
    "ls": ls,
    "stat": ls,
    "touch": _write("touch", "cannot touch '{}'", "{}"),
    "mkdir": _write("mkdir", "cannot create directory '{}'", "can't create directory '{}'"),
    "rm": rm,
    "dd": dd,
    "fallocate": fallocate,
    "truncate": fallocate,
    "stress": stress,
    "stress-ng": stress,
    "tail": tail,
    "yes": _forever,
    "grep": grep,
    "egrep": grep,
    "printenv": printenv,
    "hostname": hostname,
    "id": identity,
    "whoami": identity,
    "date": date,
    "seq": seq,
    "uname": _say("Linux"),
    "pwd": _say("/"),
    **dict.fromkeys(("chmod", "chown", "sync", "kill", "ulimit", "umask", "stty", "ps", "df", "du", "nproc"), _code(0)),
    **dict.fromkeys(("cp", "mv", "ln", "tar", "gzip", "openssl", "find", "mount", "install"), _code(0)),
    **dict.fromkeys(FILTERS, through),
    **NETWORK,
}
BUSYBOX = (
    frozenset(PROGRAMS)
    - {"curl", "psql", "pg_isready", "redis-cli", "mysql", "mysqladmin", "mongosh", "dig"}
    - {
        "stress",
        "stress-ng",
        "jq",
        "host",
        "openssl",
        "ncat",
    }
)
"""What an image with a shell has in any case."""
