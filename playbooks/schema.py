"""A playbook as data: stages of steps, and what to do when one fails. Strict: a mistake is an error that names it.

The files are YAML with names in snake_case.

How a run goes on:

- A step starts when everything that it ``needs`` has ended well, and the **gate** that it waits for is open. The gate
  of a stage is open when every step of it, and of the stages before it, has ended with all its expectations true. A
  step waits for the gate of the stage before its own, unless ``gate`` names an earlier one (``none``: none at all).
- Steps of one stage run side by side as their needs allow, at most ``concurrency`` at once.
- ``needs``: ``build`` is that step for the same service; ``build?`` the same, when there is one; ``build[*]`` is it for
  every service; ``install[service.needs]`` for those that the expression lists.
- A step whose ``when`` is false is skipped, which is a good end.
- An ``optional`` step may fail; that is noted, and nothing waits for it in vain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from playbooks.expressions import ExpressionError, compiled, expressions_in, places, steps_named

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
NEED = re.compile(r"^([a-z][a-z0-9-]*)(\?|\[(.+)\])?$")
NO_GATE = "none"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expect(_Model):
    """A condition over the result; ``otherwise`` says in words what is wrong when it is false."""

    that: str
    otherwise: str = ""
    remedy: str = ""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"that": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        _check(self.that)
        for text in (self.otherwise, self.remedy):
            _check_places(text)
        return self


class Step(_Model):
    """One call of one tool, for each service when ``for_each`` lists them."""

    id: Id
    title: str = Field(min_length=3)
    tool: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    args: dict[str, Any] = Field(default_factory=dict)
    for_each: str | None = Field(None, description="Expression: a list of maps with a name each; the variable: service")
    needs: list[str] = Field(default_factory=list)
    gate: str | None = Field(None, description="Stage whose gate it waits for; default: the stage before its own")
    when: str | None = Field(None, description="Skipped when this is false")
    expect: list[Expect] = Field(default_factory=list)
    optional: bool = Field(False, description="It may fail")
    on_failure: Id | None = Field(None, description="The recovery that is begun when it fails")
    timeout: int | str = Field(
        600, description="Seconds, or an expression; time in which a human is asked is not counted"
    )
    cheap: bool = Field(False, description="A step that only looks: a plan takes this look for real")
    skill: str = Field("", description="The skill, and its section, that the step uses: skill#Section")
    docs: str = Field("", description="The note that the step looks up")
    plan: list[str] = Field(default_factory=list, description="What it covers: ids of playbooks/plan.yaml")

    @field_validator("needs")
    @classmethod
    def _needs(cls, needs: list[str]) -> list[str]:
        for need in needs:
            match = NEED.match(need)
            if match is None:
                raise ValueError(f"{need!r} is no need: write NAME, NAME?, NAME[*] or NAME[expression]")
            if match[3] and match[3] != "*":
                _check(match[3])
        return needs

    @model_validator(mode="after")
    def _expressions(self) -> Self:
        for expression in (self.for_each, self.when, self.timeout):
            if isinstance(expression, str):
                _check(expression)
        _check_places(self.args)
        if "service" in str(self.args) and "service" in self._variables and self.for_each is None:
            raise ValueError("args use the variable service, which needs for_each")
        return self

    @cached_property
    def _variables(self) -> set[str]:
        return {name for text in self.expressions for name in compiled(text).variables()}

    @property
    def expressions(self) -> list[str]:
        """Every expression of it that is evaluated when it runs."""
        found = [e.that for e in self.expect] + [x for x in (self.when, self.timeout) if isinstance(x, str)]
        for expect in self.expect:
            found += expressions_in([expect.otherwise, expect.remedy])
        return found + expressions_in(self.args)


class Stage(_Model):
    """A group of steps; its gate is all of their expectations."""

    number: int = Field(ge=1, le=20)
    id: Id
    title: str
    steps: list[Step] = Field(min_length=1)


class Recovery(_Model):
    """What is done when a step has failed: its steps one after the other, shown in ``stage``."""

    title: str
    stage: Id
    steps: list[Step] = Field(min_length=1)
    recovered: str = Field("false", description="Whether the run ends as rolled_back: an expression")
    advice: list[str] = Field(default_factory=list, description="How to go on; texts with places")

    @model_validator(mode="after")
    def _expressions(self) -> Self:
        _check(self.recovered)
        _check_places(self.advice)
        return self


class Parameter(_Model):
    """What a playbook can be told."""

    type: Literal["string", "integer", "boolean"] = "string"
    description: str
    required: bool = False
    default: str | int | bool | None = None


class Playbook(_Model):
    """Stages in order, and recoveries by name."""

    api_version: Literal["longshore.dev/v1"]
    kind: Literal["Playbook"]
    name: Id
    title: str
    description: str = ""
    concurrency: int = Field(4, ge=1, le=16)
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    stages: list[Stage] = Field(min_length=1)
    recoveries: dict[Id, Recovery] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if [stage.number for stage in self.stages] != list(range(1, len(self.stages) + 1)):
            raise ValueError("stages are numbered 1, 2, 3, … in order")
        _unique("stage", [stage.id for stage in self.stages])
        _unique(
            "step",
            [step.id for _, step in self.all_steps()] + [s.id for r in self.recoveries.values() for s in r.steps],
        )
        for stage, step in self.all_steps():
            self._check_step(stage, step)
        for name, recovery in self.recoveries.items():
            self._check_recovery(name, recovery)
        _no_cycle({step.id: [n for n in map(need_name, step.needs) if n != step.id] for _, step in self.all_steps()})
        return self

    def all_steps(self) -> Iterator[tuple[Stage, Step]]:
        """Every step of the stages, with its stage."""
        return ((stage, step) for stage in self.stages for step in stage.steps)

    def stage(self, name: str) -> Stage | None:
        """The stage of that id or number."""
        return next((s for s in self.stages if name in (s.id, str(s.number))), None)

    def _check_step(self, stage: Stage, step: Step) -> None:
        where = f"step {step.id} of stage {stage.id}"
        at = {s.id: st for st, s in self.all_steps()}
        for need in step.needs:
            name = need_name(need)
            if name not in at:
                raise ValueError(f"{where} needs {name}, which is no step")
            if at[name].number > stage.number:
                raise ValueError(f"{where} needs {name}, which is in the later stage {at[name].id}")
        if step.gate not in (None, NO_GATE):
            gate = self.stage(str(step.gate))
            if gate is None or gate.number >= stage.number:
                raise ValueError(f"{where} waits for the gate {step.gate}, which is no earlier stage")
        if step.on_failure is not None and step.on_failure not in self.recoveries:
            raise ValueError(f"{where} begins the recovery {step.on_failure}, which there is not")
        self._check_names(where, step.expressions, set(at))

    def _check_recovery(self, name: str, recovery: Recovery) -> None:
        if self.stage(recovery.stage) is None:
            raise ValueError(f"recovery {name} is of stage {recovery.stage}, which there is not")
        known = {s.id for _, s in self.all_steps()} | {s.id for s in recovery.steps}
        for step in recovery.steps:
            if step.needs or step.gate or step.on_failure:
                raise ValueError(f"step {step.id} of recovery {name}: its steps run in order and need nothing else")
            self._check_names(f"step {step.id} of recovery {name}", [*step.expressions, step.for_each or "true"], known)
        texts = [recovery.recovered, *expressions_in(recovery.advice)]
        self._check_names(f"recovery {name}", texts, known)

    @staticmethod
    def _check_names(where: str, expressions: list[str], known: set[str]) -> None:
        for expression in expressions:
            for name in steps_named(expression):
                if name not in known:
                    raise ValueError(f"{where}: {expression!r} names the step {name}, which there is not")


def need_name(need: str) -> str:
    """The step that a need names."""
    match = NEED.match(need)
    return match[1] if match else need


def _check(expression: str) -> None:
    try:
        compiled(expression)
    except ExpressionError as error:
        raise ValueError(str(error)) from error


def _check_places(node: Any) -> None:
    try:
        if isinstance(node, str):
            places(node)
        for expression in expressions_in(node):
            compiled(expression)
    except ExpressionError as error:
        raise ValueError(str(error)) from error


def _unique(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two {what}s have the id {', '.join(twice)}")


def _no_cycle(edges: dict[str, list[str]]) -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise ValueError(f"steps need each other in a circle: {' → '.join((*path[path.index(name) :], name))}")
        if name not in done:
            for other in edges.get(name, []):
                visit(other, (*path, name))
            done.add(name)

    for name in edges:
        visit(name, ())
