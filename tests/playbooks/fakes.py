"""A world of tools that remembers what was done to it, for the engine alone."""

from __future__ import annotations

import asyncio
import copy
import json
from dataclasses import dataclass, field
from typing import Any

from playbooks.errors import StepError
from playbooks.loader import parse
from playbooks.protocols import StepHandle, StepResult
from playbooks.schema import Playbook


class MemoryStore:
    """A store that keeps JSON, as a database would: nothing is shared with who saved it."""

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}
        self.steps: dict[str, dict[str, str]] = {}
        self.writes = 0

    def save_run(self, run: dict[str, Any]) -> None:
        self.writes += 1
        self.runs[run["id"]] = json.dumps(run)

    def load_run(self, run_id: str) -> dict[str, Any] | None:
        return json.loads(self.runs[run_id]) if run_id in self.runs else None

    def save_step(self, run_id: str, step: dict[str, Any]) -> None:
        self.writes += 1
        self.steps.setdefault(run_id, {})[step["id"]] = json.dumps(step)

    def load_steps(self, run_id: str) -> list[dict[str, Any]]:
        return [json.loads(step) for step in self.steps.get(run_id, {}).values()]

    def step(self, run_id: str, name: str) -> dict[str, Any]:
        return json.loads(self.steps[run_id][name])

    def statuses(self, run_id: str) -> dict[str, str]:
        return {step["id"]: step["status"] for step in self.load_steps(run_id)}


class Killed(BaseException):
    """The process is gone: nothing that comes after it is run."""


class KillingStore(MemoryStore):
    """Dies at the nth write, before or after it is stored."""

    def __init__(self, at: int, *, stored: bool) -> None:
        super().__init__()
        self.at, self.stored, self.dead = at, stored, False

    def save_run(self, run: dict[str, Any]) -> None:
        self._write(super().save_run, run)

    def save_step(self, run_id: str, step: dict[str, Any]) -> None:
        self._write(super().save_step, run_id, step)

    def _write(self, save: Any, *args: Any) -> None:
        if self.dead:
            raise Killed
        if self.writes + 1 >= self.at:
            self.dead = True
            if self.stored:
                save(*args)
            raise Killed
        save(*args)


@dataclass
class World:
    """Tools: ``look`` reads, ``make`` creates once per name, ``swap`` changes, ``fail`` fails, ``slow`` waits."""

    made: dict[str, int] = field(default_factory=dict)
    """How often each thing was really made: the tools compare before they act."""
    calls: list[str] = field(default_factory=list)
    spans: dict[str, tuple[float, float]] = field(default_factory=dict)
    now: int = 0
    most: int = 0
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    broken: dict[str, BaseException] = field(default_factory=dict)
    delay: dict[str, float] = field(default_factory=dict)
    args: dict[str, dict[str, Any]] = field(default_factory=dict)

    def effect(self, tool: str) -> str:
        found = {"look": "read", "make": "create", "swap": "change", "drop": "destroy"}.get(tool)
        if found is None:
            raise StepError("usage", f"there is no tool {tool!r}")
        return found

    async def call(self, tool: str, args: dict[str, Any], step: StepHandle) -> StepResult:
        self.calls.append(step.id)
        self.args[step.id] = copy.deepcopy(args)
        self.now += 1
        self.most = max(self.most, self.now)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await step.say(0, 1, f"{step.id} begins")
            await asyncio.sleep(self.delay.get(step.id, 0))
            if step.id in self.broken:
                raise self.broken[step.id]
            changed = tool != "look" and step.id not in self.made
            if changed:
                self.made[step.id] = self.made.get(step.id, 0) + 1
            data = {"ok": True} | self.results.get(step.id, {})
            return StepResult(self.effect(tool), changed, data, [f"{step.id} was seen"])
        finally:
            self.now -= 1
            self.spans[step.id] = (began, loop.time())


APP: dict[str, Any] = {
    "services": [
        {"name": "a", "needs": []},
        {"name": "b", "needs": ["a"]},
        {"name": "c", "needs": ["b"]},
    ]
}

HEAD = "api_version: longshore.dev/v1\nkind: Playbook\nname: test\ntitle: A test\n"

THREE = (
    HEAD
    + """
stages:
  - number: 1
    id: first
    title: First
    steps:
      - {id: look, title: Look around, tool: look}
  - number: 2
    id: second
    title: Second
    steps:
      - {id: build, title: Build it, tool: make, for_each: app.services, args: {name: "${service.name}"}}
      - {id: check, title: Check it, tool: look, for_each: app.services, needs: [build], expect: [result.ok]}
  - number: 3
    id: third
    title: Third
    steps:
      - {id: load, title: Load it, tool: make, for_each: app.services, needs: [check], gate: first}
      - id: install
        title: Install it
        tool: swap
        for_each: app.services
        needs: [load, "install[service.needs]"]
        expect: [result.ok]
        on_failure: recover
      - {id: test, title: Test it, tool: look, needs: ["install[*]"], on_failure: recover, expect: [result.ok]}
recoveries:
  recover:
    title: Back
    stage: third
    steps:
      - {id: cause, title: The cause, tool: look, optional: true}
      - id: back
        title: Roll back
        tool: swap
        for_each: "app.services.filter(s, all.install.exists(i, i.key == s.name && i.status != 'pending'))"
        args: {why: "${failure.what}", release: "${service.name}"}
        expect: [result.ok]
      - {id: proof, title: It works again, tool: look, when: "'back' in all", expect: [result.ok]}
    recovered: "'back' in all && all.back.exists(b, b.status == 'succeeded')"
    advice: ["${steps.cause.result.words}"]
"""
)


def three() -> Playbook:
    """Three services through three stages, with a recovery."""
    return parse(THREE)
