"""What runs in a container: from its command, its image and its behaviour to the steps of a process."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mcp_tools.targets.sandbox.node import commands, names, registry
from mcp_tools.targets.sandbox.node.behaviour import Behaviour, Write
from mcp_tools.targets.sandbox.node.box import NO_SPACE, Box
from mcp_tools.targets.sandbox.node.network import NO_SUCH_HOST, RESOLVER, NetError
from mcp_tools.targets.sandbox.node.process import FOREVER, Answers, Listen, Say, Sleep, Step, Steps, Store, Use
from mcp_tools.targets.sandbox.node.servers import (
    NODE,
    PYTHON,
    SERVERS,
    bare,
    footprint,
    known_paths,
    prerequisites,
    throttled,
)

SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
WRAPPERS = frozenset({"docker-entrypoint.sh", "entrypoint.sh", "tini", "dumb-init", "gosu", "su-exec", "exec", "nice"})
NO_SHELL = ("pause", "coredns", "kube-", "etcd", "http-echo", "hello-world", "storage-provisioner", "distroless")
OCI = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process"


@dataclass(frozen=True)
class StartError:
    """The runtime cannot start the process: exit code and message of the terminated state."""

    code: int
    message: str


def ignores_term(box: Box, behaviour: Behaviour | None) -> bool:
    """Whether SIGTERM does not end it: as process 1 it has only the handlers that its program sets."""
    if behaviour is not None and behaviour.on_term is not None:
        return behaviour.on_term < 0
    if behaviour is not None and behaviour.serves:
        return False
    name = posixpath.basename(box.argv[0]) if box.argv else ""
    script = len(box.argv) > 1 and (box.argv[1] in ("-c", "-e") or "http.server" in box.argv)
    return name in SHELLS or name in commands.PROGRAMS or (script and (name in PYTHON or name in NODE))


def has_program(box: Box, name: str) -> bool:
    """Whether the image has that program."""
    image, base = box.image, posixpath.basename(name)
    own = (*image.entrypoint, *image.command)
    if name in own or base in {posixpath.basename(word) for word in own}:
        return True
    title = " ".join(image.tags) or " ".join(image.digests)
    if any(word in title.rpartition("/")[2] for word in NO_SHELL):
        return False
    words = {posixpath.basename(word) for word in own}
    family = title.partition(":")[0].rpartition("/")[2]
    if base in SHELLS:
        return base in ("sh", "ash") or not any(word in title for word in ("alpine", "busybox"))
    if base in PYTHON:
        return bool(words & PYTHON or "PYTHON_VERSION" in image.env or family == "python")
    if base in NODE:
        return bool(words & NODE or "NODE_VERSION" in image.env or family == "node")
    if base in SERVERS:
        return family in (base.removesuffix("-server"), {"mysqld": "mysql", "mongod": "mongo"}.get(base, base))
    if base in commands.BUSYBOX:
        return base != "wget" or not any(word in title for word in ("slim", "nginx:1", "debian", "ubuntu"))
    clients = {"psql": "postgres", "pg_isready": "postgres", "redis-cli": "redis", "mongosh": "mongo", "curl": "curl"}
    clients |= {"mysql": "mysql", "mysqladmin": "mysql", "stress": "stress", "stress-ng": "stress"}
    wanted = clients.get(base)
    return wanted is not None and (wanted in title or (base == "curl" and "nginx" in title))


def missing_program(name: str) -> StartError:
    """The runtime's words about a program that is not there."""
    if name.startswith("/etc/"):
        return StartError(126, f'{OCI}: exec: "{name}": permission denied: unknown')
    if "/" in name:
        return StartError(127, f'{OCI}: exec: "{name}": stat {name}: no such file or directory: unknown')
    return StartError(127, f'{OCI}: exec: "{name}": executable file not found in $PATH: unknown')


def launch(box: Box, behaviour: Behaviour | None) -> Steps | StartError:
    """The steps of the container's process, or why the runtime does not start it."""
    if behaviour is not None and behaviour.start_error:
        return StartError(128, behaviour.start_error)
    name = box.argv[0]
    own = box.text(name)  # a program that a ConfigMap or Secret holds
    if own is not None and not box.executable(name):
        return StartError(126, f'{OCI}: exec: "{name}": permission denied: unknown')
    if own is None and not has_program(box, name):
        return missing_program(name)
    if box.image.architecture not in ("amd64", "") or (own is not None and not own.startswith("#!")):
        return _wrong_format(name)
    if behaviour is None:
        return default(box)
    return behave(box, behaviour)


def _wrong_format(name: str) -> Steps:
    yield Say(f"exec {name}: exec format error")
    return 1


# -- by command ----------------------------------------------------------------------------------------------------


def default(box: Box) -> Steps:
    """What the command does, as far as it is known; a server otherwise."""
    argv = list(box.argv)
    while len(argv) > 1 and posixpath.basename(argv[0]) in WRAPPERS:
        argv = [word for number, word in enumerate(argv[1:]) if number or word != "--"]
    name = posixpath.basename(argv[0])
    if script := box.text(argv[0]):
        return _script(box, argv, script)
    if name in SHELLS:
        return _shell(box, argv)
    if name in PYTHON and len(argv) > 1 and argv[1] == "-c":
        return _python(box, argv[2] if len(argv) > 2 else "")
    if name in NODE and len(argv) > 1 and argv[1] in ("-e", "--eval"):
        return _node(box, argv[2] if len(argv) > 2 else "")
    if name in ("python", "python3", "node") and len(argv) == 1:
        return commands.PROGRAMS["true"](box, ["true"], "")
    if name in commands.PROGRAMS and name not in SERVERS:
        return commands.PROGRAMS[name](box, [name, *argv[1:]], "")
    if name == "hello":
        return commands.PROGRAMS["echo"](box, ["echo", "\nHello from Docker!"], "")
    return server(box, argv)


def _script(box: Box, argv: list[str], text: str) -> Steps:
    """A file that begins with ``#!``: run by the program that it names."""
    first, _, rest = text.partition("\n")
    name = posixpath.basename(first.removeprefix("#!").split()[-1]) if first.removeprefix("#!").split() else "sh"
    if name in PYTHON:
        return _python(box, rest)
    return _shell(box, ["sh", "-c", rest, *argv[1:]]) if name in SHELLS else server(box, argv)


def _shell(box: Box, argv: list[str]) -> Steps:
    from mcp_tools.targets.sandbox.node import shell

    flags = [word for word in argv[1:] if word.startswith("-")]
    rest = [word for word in argv[1:] if not word.startswith("-")]
    if any("c" in word for word in flags):
        return shell.run(box, rest[0] if rest else "", argv=rest[1:], strict=any("e" in word for word in flags))
    if rest:
        return server(box, argv)
    return commands.PROGRAMS["true"](box, ["true"], "")  # without a terminal its input ends at once


def _python(box: Box, code: str) -> Steps:
    from mcp_tools.targets.sandbox.node import python_code

    return python_code.run(box, code)


def _node(box: Box, code: str) -> Steps:
    from mcp_tools.targets.sandbox.node import node_code

    return node_code.run(box, code)


def ports_of(box: Box) -> tuple[tuple[int, ...], str]:
    """The ports that a server of this image has, and what it speaks."""
    words = [posixpath.basename(word) for word in box.argv]
    known = next((SERVERS[word] for word in words if word in SERVERS), None)
    if known is not None:
        return (box.image.ports or known[0]), known[1]
    if box.image.tags and any(registry.PUBLIC.get(name) for name in _repositories(box)) and box.image.ports:
        return box.image.ports, "http"
    found = dict.fromkeys(
        int(port["containerPort"]) for port in box.container.get("ports") or () if port.get("protocol", "TCP") == "TCP"
    )
    if box.env.get("PORT", "").isdigit():
        found[int(box.env["PORT"])] = None
    flag = re.search(r"(?:--port[= ]|-p |--bind[= ]\S*:|0\.0\.0\.0:|http\.server )(\d{2,5})\b", " ".join(box.argv))
    if flag is not None:
        found[int(flag[1])] = None
    if not found:
        found = dict.fromkeys(box.image.ports)
    return tuple(found), "http"


def _repositories(box: Box) -> list[str]:
    return [names.parse(tag).repository for tag in box.image.tags]


def server(box: Box, argv: list[str]) -> Steps:
    """A program that stays up: a server on its ports, or a worker where there are none."""
    name = posixpath.basename(argv[0])
    refused = yield from prerequisites(box, name)
    if refused:
        return refused
    ports, protocol = ports_of(box)
    yield from commands.allocate(footprint(box, argv), 0.0)
    paths, other = known_paths(argv)
    speaks: Literal["tcp", "http"] = "tcp" if protocol == "tcp" else "http"
    code = yield from listen(box, ports, Answers(speaks, paths, other, latency=throttled(box), bare=bare(argv)))
    if code:
        return code
    yield Sleep(FOREVER)
    return 0


_READY = {
    "nginx": "/docker-entrypoint.sh: Configuration complete; ready for start up",
    "postgres": "LOG:  database system is ready to accept connections",
    "redis-server": "* Ready to accept connections tcp",
    "mysqld": "[Server] /usr/sbin/mysqld: ready for connections.",
}


def listen(box: Box, ports: tuple[int, ...], answers: Answers) -> Steps:
    """Open ports; when another container of the pod has one, say so and end with 1."""
    for port in ports:
        if box.taken(port):
            if any(posixpath.basename(word) == "nginx" for word in box.argv):
                yield Say(f"nginx: [emerg] bind() to 0.0.0.0:{port} failed (98: Address already in use)")
            else:
                yield Say(f"listen tcp 0.0.0.0:{port}: bind: address already in use")
            return 1
    name = next((posixpath.basename(word) for word in box.argv if posixpath.basename(word) in _READY), "")
    if name:
        yield Say(_READY[name])
    elif ports:
        yield Say(f"sandbox: {box.container['name']} is simulated; it listens on {', '.join(map(str, ports))}")
    yield Listen(ports, answers)
    return 0


# -- by behaviour --------------------------------------------------------------------------------------------------


def behave(box: Box, said: Behaviour) -> Steps:
    """What the behaviour says, and where it says nothing what the command does."""
    refused = yield from _needs(box, said)
    if refused:
        return refused
    ends = said.exit is not None and (said.exit.times is None or box.run < said.exit.times)
    timed = bool(said.log or said.memory or said.writes or ends or said.serves or said.latency)
    timed = timed or said.protocol != "http" or bool(said.depends_on)
    if not timed:
        yield Sleep(said.start_delay)
        return (yield from default(box))
    return (yield from _timeline(box, said, ends=ends))


def _needs(box: Box, said: Behaviour) -> Steps:
    if said.bad_argument:
        yield Say(said.bad_argument)
        return 2
    for variable in said.needs_env:
        if not box.env.get(variable):
            yield Say(f"FATAL: environment variable {variable} is not set")
            return 1
    for variable, value in said.expects_env.items():
        if box.env.get(variable) != value:
            yield Say(f"FATAL: the value of {variable} was refused")
            return 1
    for path in said.needs_files:
        if not box.exists(path):
            yield Say(f"FATAL: open {path}: no such file or directory")
            return 1
    for place in said.needs_host:
        host, _, port = place.rpartition(":")
        try:
            box.connect(host, int(port))
        except NetError as error:
            yield Sleep(5.0 if error.why == "i/o timeout" else 0.0)
            yield Say(f"FATAL: {dial_words(error, place)}")
            return 1
    return 0


def dial_words(error: NetError, place: str) -> str:
    """What a program in Go says of a connection that did not come about."""
    if error.why == NO_SUCH_HOST or not error.port:
        return f"dial tcp: lookup {error.host} on {RESOLVER}:53: {error.why}"
    why = "connect: connection refused" if error.why == "connection refused" else error.why
    return f"dial tcp {error.ip}:{error.port}: {why}"


def _timeline(box: Box, said: Behaviour, *, ends: bool) -> Steps:
    """Everything that is said with a time, in its order."""
    plan: list[tuple[float, int, Step | str]] = [
        (line.at, 1, Say(line.text)) for line in said.log if line.every is None
    ]
    plan += [(point.at, 2, Use(point.bytes)) for point in said.memory]
    plan += [(write.at, -1, write.path) for write in said.writes]
    if not ends or said.serves:
        plan.append((said.start_delay, 0, ""))
    writes = {write.path: write for write in said.writes}
    end = said.exit.after if said.exit is not None and ends else FOREVER
    now = 0.0
    for at, _, step in sorted(plan, key=lambda entry: entry[:2]):
        if at > end:
            break
        if at > now:
            yield Sleep(at - now)
            now = at
        if isinstance(step, str):
            code = yield from (_write(box, writes[step]) if step else _open(box, said))
            if code:
                return code
        else:
            yield step
    repeated = [line for line in said.log if line.every is not None]
    if repeated and end == FOREVER:
        yield from _repeat(repeated[0].text, repeated[0].every or 1.0, max(repeated[0].at - now, 0.0))
    yield Sleep(end - now)
    return said.exit.code if said.exit is not None else 0


def _repeat(text: str, every: float, first: float) -> Steps:
    yield Sleep(first, "never")
    while True:
        yield Say(text)
        yield Sleep(every, "never")


def _open(box: Box, said: Behaviour) -> Steps:
    ports, protocol = ports_of(box)
    speaks = said.protocol if said.protocol != "http" or protocol == "http" else "tcp"
    paths = tuple((path, status) for path, status in said.paths.items() if path != "*")
    unready = _missing(box, said.depends_on) if said.depends_on else None
    answers = Answers(speaks, paths, said.paths.get("*", 200), said.latency, bare=bare(box.argv), unready=unready)
    return (yield from listen(box, tuple(said.ports) if said.ports is not None else ports, answers))


def _missing(box: Box, places: list[str]) -> Callable[[], bool]:
    """Whether one of those cannot be reached now."""

    def ask() -> bool:
        try:
            for place in places:
                host, _, port = place.rpartition(":")
                box.connect(host, int(port))
        except NetError:
            return True
        return False

    return ask


def _write(box: Box, wanted: Write) -> Steps:
    mount = box.mount_of(wanted.path)
    grouped = (box.pod["spec"].get("securityContext") or {}).get("fsGroup") is not None
    if wanted.owner is not None and box.user not in (0, wanted.owner) and not (grouped and mount is not None):
        yield Say(f"open {wanted.path}: permission denied")
        return 1
    full = mount is not None and mount.capacity is not None and wanted.bytes > mount.capacity
    why = NO_SPACE if full else box.write(wanted.path, wanted.bytes)
    if why:
        verb = "write" if why == NO_SPACE else "open"
        yield Say(f"{verb} {wanted.path}: {why.lower()}")
        return 1
    yield Store(mount.volume if mount is not None else "", wanted.bytes)
    return 0
