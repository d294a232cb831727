"""A build that runs nothing: the Dockerfile and the context are read for real, and what fails for a builder fails here.

Commands are the exception: what RUN would make is not known, and the layer is marked so.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mcp_tools.engines.dockerfile import Instruction
from mcp_tools.targets.sandbox.standins import bases, commands, settings
from mcp_tools.targets.sandbox.standins.copying import Copier, missing
from mcp_tools.targets.sandbox.standins.files import Context, Entry, Made, Tree
from mcp_tools.targets.sandbox.standins.records import Book, Config, ImageRecord, Layer, Step, digest_of
from mcp_tools.targets.sandbox.standins.words import BuildError, Parsed, expand, flags_of, heredocs, parse

__all__ = ["Builder", "State"]

_LAYERS = ("RUN", "COPY", "ADD", "WORKDIR")
PREDEFINED = {
    "TARGETPLATFORM": "linux/amd64",
    "TARGETOS": "linux",
    "TARGETARCH": "amd64",
    "TARGETVARIANT": "",
    "BUILDPLATFORM": "linux/amd64",
    "BUILDOS": "linux",
    "BUILDARCH": "amd64",
    "BUILDVARIANT": "",
}
_SOURCE = "failed to resolve source metadata for"


@dataclass
class State:
    """A stage at one point of its build."""

    tree: Tree
    config: Config
    layers: list[Layer] = field(default_factory=list)
    history: list[Step] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)
    shell: bool = True
    own_cmd: bool = False
    copied: dict[str, dict[str, Entry]] = field(default_factory=dict)
    """The files of each layer, by its digest: they are searched for secrets."""

    def branch(self) -> State:
        """The same, to be built upon; arguments do not go over."""
        return replace(
            self,
            tree=self.tree.copy(),
            config=self.config.model_copy(deep=True),
            layers=list(self.layers),
            history=list(self.history),
            arguments={},
            own_cmd=False,
            copied=dict(self.copied),
        )

    @property
    def known(self) -> dict[str, str]:
        """What variables stand for."""
        return {**self.arguments, **self.config.env}


class Builder:
    """One build. ``said`` is its progress in the form of ``docker buildx build --progress=plain``."""

    def __init__(
        self,
        text: str,
        context: Context,
        book: Book,
        *,
        build_args: Mapping[str, str],
        labels: Mapping[str, str],
        target: str | None,
    ) -> None:
        self._text, self.context, self.book = text, context, book
        self.build_args, self.labels, self.target = build_args, labels, target
        self.said: list[str] = []
        self.steps: list[str] = []
        self.parsed = Parsed([], {}, [])
        self._done: dict[int, State] = {}
        self._vertex = 0
        self._open = ""

    def run(self) -> tuple[ImageRecord, State] | None:
        """Build; None when it failed: then the last lines of ``said`` say why. Blocking."""
        try:
            state = self._build()
        except BuildError as error:
            if self._open:
                self.said += [f"{self._open} 0.1 {line}" for line in error.said.splitlines()]
                self.said.append(f"{self._open} ERROR: {error.message}")
            self.said.append(f"ERROR: failed to build: failed to solve: {error.solve}")
            return None
        state.config.labels |= dict(sorted(self.labels.items()))
        return ImageRecord.made(state.layers, state.config, state.history), state

    def _build(self) -> State:
        if not self._text.strip():
            raise BuildError("the Dockerfile cannot be empty")
        self.parsed = parse(self._text, self.build_args)
        number = len(self.parsed.stages) - 1
        if self.target:
            found = self.parsed.stage(self.target)
            if found is None:
                raise BuildError(f'target stage "{self.target}" could not be found')
            number = found
        return self.stage(number)

    # -- stages ---------------------------------------------------------------------------------------------------

    def stage(self, number: int) -> State:
        """A stage, built when it was not."""
        if number not in self._done:
            self._done[number] = self._stage(number)
        return self._done[number]

    def _stage(self, number: int) -> State:
        stage = self.parsed.stages[number]
        of = sum(each.name in _LAYERS for each in stage.instructions)
        upon = self.parsed.stage(stage.base, number)
        if upon is not None:
            state, place = self.stage(upon).branch(), 0
        elif stage.base == "scratch":
            state, place = State(Tree("scratch", opaque=False), Config(), shell=False), 0
        else:
            of += 1
            self._begin(number, 1, of, f"FROM {bases.canonical(stage.base)}")
            state, place = self._from_image(stage.base), 1
            self._end(f"from {stage.base}")
        for instruction in stage.instructions:
            if instruction.name in _LAYERS:
                place += 1
                self._needed(instruction, state, number)
                self._begin(number, place, of, f"{instruction.name} {' '.join(instruction.value.split())}")
                self._layer(state, instruction, number)
                self._end(digest_of([stage.base, state.tree.state, instruction.value, state.layers[-1].digest]))
            else:
                settings.apply(state, instruction, self.parsed.arguments, self.build_args, PREDEFINED)
                state.history.append(Step(command=f"{instruction.name} {instruction.value}"))
        return state

    def _needed(self, instruction: Instruction, state: State, number: int) -> None:
        """Build the stage that an instruction copies from, before it begins."""
        origin = flags_of(instruction).one("from") if instruction.name in ("COPY", "ADD") else ""
        stage = self.parsed.stage(expand(origin, {**self.parsed.arguments, **state.known}), number) if origin else None
        if stage is not None:
            self.stage(stage)

    def _begin(self, number: int, place: int, of: int, text: str) -> None:
        self._vertex += 1
        self._open = f"#{self._vertex}"
        label = self.parsed.stages[number].name or f"stage-{number}"
        where = f"{place}/{of}" if len(self.parsed.stages) == 1 else f"{label} {place}/{of}"
        self.said.append(f"{self._open} [{where}] {text}")

    def _end(self, key: str) -> None:
        self.said.append(f"{self._open} {'CACHED' if key in self.book.steps else 'DONE 0.0s'}")
        self.steps.append(key)
        self._open = ""

    def image(self, reference: str) -> ImageRecord:
        """An image by its name: one that was built or loaded here, or a public one.

        Raises:
            BuildError: there is none.
        """
        familiar = bases.familiar(reference)
        found = self.book.images.get(self.book.names.get(familiar, "")) or bases.pull(reference)
        if found is not None:
            return found
        if not settings.REFERENCE.fullmatch(reference):
            words = f'failed to parse stage name "{reference}": invalid reference format'
            raise BuildError(words)
        name = bases.canonical(reference)
        if bases.repository_known(reference):
            raise BuildError(f"{name}: not found", solve=f"{reference}: {_SOURCE} {name}: {name}: not found")
        why = (
            "pull access denied, repository does not exist or may require authorization: server message: "
            "insufficient_scope: authorization failed"
        )
        raise BuildError(why, solve=f"{reference}: {_SOURCE} {name}: {why}")

    def _from_image(self, reference: str) -> State:
        found = self.image(reference)
        tree = Tree(found.id, opaque=True)
        return State(
            tree,
            found.config.model_copy(deep=True),
            list(found.layers),
            list(found.history),
            shell=bases.has_shell(reference),
        )

    # -- layers ---------------------------------------------------------------------------------------------------

    def _layer(self, state: State, instruction: Instruction, number: int) -> None:
        if instruction.name == "RUN":
            self._run(state, instruction, number)
        elif instruction.name == "WORKDIR":
            path = posixpath.normpath(
                posixpath.join(state.config.workdir or "/", expand(instruction.value, state.known))
            )
            state.config.workdir = path
            state.tree.put(path, Entry("folder", 0, ""))
            self._add(state, Layer(digest=digest_of(["WORKDIR", path]), size=0, command=f"WORKDIR {path}"))
        else:
            copier = Copier(self, number, state)
            layer, entries = copier.copy(instruction, heredocs(self.parsed, instruction))
            self._add(state, layer)
            state.copied[layer.digest] = entries

    def _add(self, state: State, layer: Layer) -> None:
        state.layers.append(layer)
        state.history.append(Step(command=layer.command, size=layer.size))

    def _run(self, state: State, instruction: Instruction, number: int) -> None:
        flags = flags_of(instruction)
        bodies = heredocs(self.parsed, instruction)
        command = "\n".join([flags.rest, *bodies.values()]).strip()
        argv = settings.argv(flags.rest, state.config.shell)
        shown = " ".join(argv)
        if not state.shell and argv[:1] == ["/bin/sh"] and "/bin/sh" not in state.tree.entries:
            why = 'exec: "/bin/sh": stat /bin/sh: no such file or directory'
            raise BuildError(f"runc run failed: unable to start container process: {why}")
        mounts = [self._mount(text, state, number) for text in flags.values.get("mount", [])]
        failed = None if mounts else commands.failure(command, state.tree, state.config.workdir)
        if failed is not None:
            raise BuildError(f'process "{shown}" did not complete successfully: exit code: {failed[0]}', said=failed[1])
        key = digest_of([state.tree.state, command, state.arguments, state.config.env, state.config.user, mounts])
        size = commands.estimate(command, state.tree, state.config.workdir)
        state.tree.made.append(Made(command, key, size))
        given = {name: value for name, value in state.arguments.items() if name in self.build_args}
        words = f"|{len(given)} {' '.join(f'{k}={v}' for k, v in given.items())} " if given else ""
        layer = Layer(digest=key, size=size, command=f"RUN {words}{shown} # buildkit", simulated=True)
        self._add(state, layer)

    def _mount(self, text: str, state: State, number: int) -> list[str]:
        """What a bind mount gives a command to read.

        Raises:
            BuildError: its source is not there.
        """
        pairs = dict(part.partition("=")[::2] for part in text.split(","))
        if pairs.get("type", "bind") != "bind":
            return [pairs.get("type", ""), pairs.get("target", pairs.get("dst", pairs.get("id", "")))]
        source, origin = expand(pairs.get("source", pairs.get("src", "")), state.known), pairs.get("from", "")
        if not origin:
            paths = self.context.find(source)
            if not paths:
                raise missing(source)
            return [
                "context",
                digest_of([[p, e.digest] for path in paths for p, e in self.context.below(path).items()]),
            ]
        stage = self.parsed.stage(origin, number)
        return [origin, self.stage(stage).tree.state if stage is not None else self.image(origin).id, source]
