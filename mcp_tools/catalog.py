"""The catalogue: a tool is one function with its input and output model, and everything else follows from it.

From one definition come the MCP schema and annotations, the guard's decision, the check of every playbook step that
names it, the table in the docs and its form on the command line. Registering is importing the tool's module.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import AliasChoices, AliasGenerator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from mcp_tools.effects import Effect
from mcp_tools.errors import UsageError

if TYPE_CHECKING:
    from mcp_tools.world import Call

__all__ = [
    "CATALOG",
    "Catalog",
    "Effect",
    "Inverse",
    "Observation",
    "Preview",
    "ToolDef",
    "ToolInput",
    "ToolOutput",
    "tool",
]


class ToolInput(BaseModel):
    """What a tool takes. Unknown arguments are refused; names in camel case are taken as well.

    Some clients rewrite every argument name to camel case before they send it.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
    )


class ToolOutput(BaseModel):
    """What a tool gives: structured data, and a short text made for a model."""

    changed: bool = Field(False, description="Whether anything lasting was changed")
    evidence: list[str] = Field(default_factory=list, description="Facts that prove the result")
    simulated: bool = Field(False, description="It is of the sandbox: nothing of it is real")
    unknown: list[str] = Field(
        default_factory=list, description="What a simulation cannot know: not proven, not failed"
    )

    TEXT_SKIPS: ClassVar[frozenset[str]] = frozenset({"evidence", "simulated", "unknown"})

    def text(self) -> str:
        """The short form; by default compact YAML of what is set."""
        import yaml

        data = self.model_dump(mode="json", exclude_none=True, exclude=set(self.TEXT_SKIPS))
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=160, default_flow_style=None).strip()


class Inverse(BaseModel):
    """The call that undoes this one."""

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Preview(BaseModel):
    """What a call would do, computed before it is done."""

    summary: str
    added: list[str] = Field(default_factory=list)
    changed: list[str] = Field(default_factory=list)
    lost: list[str] = Field(default_factory=list)
    diff: str = ""
    inverse: Inverse | None = None


class Observation(BaseModel):
    """What was seen just now, and so what this call would do.

    ``state`` is everything the decision was made from: a confirmation is bound to its digest. Keep out of it what
    changes by itself (times, pod names of a running rollout), or no yes would ever fit.
    """

    effect: Effect
    preview: Preview
    state: dict[str, Any] = Field(default_factory=dict)
    done: bool = Field(False, description="The world already is as wanted; the call would do nothing")


InputT = TypeVar("InputT", bound=ToolInput)
OutputT = TypeVar("OutputT", bound=ToolOutput)
Body = Callable[[Any, "Call"], Awaitable[ToolOutput]]
Observe = Callable[[Any, "Call"], Awaitable[Observation]]


@dataclass(frozen=True)
class ToolDef:
    """One tool: its function and what the decorator said of it."""

    name: str
    title: str
    description: str
    domain: str
    toolset: str
    effect: Effect
    run: Body
    observe: Observe | None
    idempotent: bool
    open_world: bool
    long: bool

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return typing.get_type_hints(self.run)

    @cached_property
    def input_model(self) -> type[ToolInput]:
        """The model of the arguments."""
        first = next(iter(inspect.signature(self.run).parameters))
        model = self._hints[first]
        assert issubclass(model, ToolInput), f"{self.name}: the first parameter must be a ToolInput"
        return typing.cast("type[ToolInput]", model)

    @cached_property
    def output_model(self) -> type[ToolOutput]:
        """The model of the result."""
        model = self._hints["return"]
        assert issubclass(model, ToolOutput), f"{self.name}: the result must be a ToolOutput"
        return typing.cast("type[ToolOutput]", model)

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        """JSON schema of the arguments, as small as it can be said."""
        return compact_schema(self.input_model.model_json_schema())

    @cached_property
    def listed_schema(self) -> dict[str, Any]:
        """The schema as clients are shown it: without the patterns that models make nothing of.

        Every call is checked against the whole one all the same.
        """
        shown = _without(self.input_schema, frozenset({"pattern", "maxLength"}))
        assert isinstance(shown, dict)
        return shown

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        """JSON schema of the structured result."""
        return compact_schema(self.output_model.model_json_schema(mode="serialization"))


class Catalog:
    """All tools by name."""

    def __init__(self) -> None:
        self._tools: dict[str, ToolDef] = {}

    def add(self, definition: ToolDef) -> None:
        """Register one; a name can be taken once."""
        if definition.name in self._tools:
            raise ValueError(f"two tools are named {definition.name}")
        self._tools[definition.name] = definition

    def get(self, name: str) -> ToolDef:
        """The tool of that name.

        Raises:
            UsageError: when there is none; names the nearest.
        """
        found = self._tools.get(name)
        if found is None:
            import difflib

            near = difflib.get_close_matches(name, self._tools, n=1)
            raise UsageError(f"there is no tool {name!r}", remedy=near[0] if near else "tools/list")
        return found

    def all(self, toolsets: Iterable[str] | None = None) -> list[ToolDef]:
        """Every tool of those toolsets, in the order of their names."""
        wanted = None if toolsets is None else set(toolsets)
        return [t for _, t in sorted(self._tools.items()) if wanted is None or t.toolset in wanted]

    @property
    def toolsets(self) -> list[str]:
        """The names of the toolsets."""
        return sorted({t.toolset for t in self._tools.values()})


CATALOG = Catalog()


def tool(
    *,
    domain: str,
    title: str,
    effect: Effect,
    observe: Observe | None = None,
    toolset: str | None = None,
    idempotent: bool = True,
    open_world: bool = False,
    long: bool = False,
) -> Callable[[Callable[[InputT, Call], Awaitable[OutputT]]], Callable[[InputT, Call], Awaitable[OutputT]]]:
    """Make a tool of an async function ``(args: ToolInput, call: Call) -> ToolOutput``.

    ``effect`` is the largest effect it can have; every tool that does more than read also gives ``observe``, which
    looks only and decides the effect of one call from its arguments and the real state.
    """
    if (effect is Effect.READ) == (observe is not None):
        raise ValueError(f"{title}: a read tool has no observe, every other tool must have one")

    def register(fn: Callable[[InputT, Call], Awaitable[OutputT]]) -> Callable[[InputT, Call], Awaitable[OutputT]]:
        doc = inspect.getdoc(fn)
        assert doc, f"{fn.__name__} needs a docstring: its first paragraph is the tool's description"
        CATALOG.add(
            ToolDef(
                name=fn.__name__,
                title=title,
                description=" ".join(doc.split("\n\n")[0].split()),
                domain=domain,
                toolset=toolset or domain,
                effect=effect,
                run=fn,
                observe=observe,
                idempotent=idempotent,
                open_world=open_world,
                long=long,
            )
        )
        return fn

    return register


def compact_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without generated titles and nullable unions: every byte of it is read by a model at each turn."""
    small = _compact(schema)
    assert isinstance(small, dict)
    return small


def _without(node: Any, words: frozenset[str]) -> Any:
    if isinstance(node, list):
        return [_without(item, words) for item in node]
    if not isinstance(node, dict):
        return node
    # A property may be called "pattern": only the keyword, whose value is no schema, goes.
    return {k: _without(v, words) for k, v in node.items() if k not in words or isinstance(v, dict)}


def _compact(node: Any, *, names: bool = False) -> Any:
    if isinstance(node, list):
        return [_compact(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {key: _compact(value) for key, value in node.items()}
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key == "title" or (key == "default" and value in (None, "", [], {}, False)):
            continue
        out[key] = _compact(value, names=key in {"properties", "$defs"})
    options = out.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        rest = [o for o in options if o != {"type": "null"}]
        if len(rest) == 1:
            out.pop("anyOf")
            out = rest[0] | out
            kind = out.get("type")
            if isinstance(kind, str):
                out["type"] = [kind, "null"]
            elif "$ref" in out:
                out = {k: v for k, v in out.items() if k != "$ref"} | {
                    "anyOf": [{"$ref": out["$ref"]}, {"type": "null"}]
                }
            if "enum" in out and None not in out["enum"]:
                out["enum"] = [*out["enum"], None]
    return out
