"""From steps to a graph of nodes: ``for_each`` expanded, needs and gates made edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playbooks import expressions
from playbooks.errors import PlaybookError
from playbooks.schema import NEED, NO_GATE, Playbook, Stage, Step


@dataclass
class Node:
    """One step for one service (or for none). ``edges`` are the nodes that must have ended well before."""

    id: str
    stage: Stage
    step: Step
    key: str = ""
    item: Any = None
    needs: set[str] = field(default_factory=set)
    edges: set[str] = field(default_factory=set)


def expand(playbook: Playbook, scope: Mapping[str, Any]) -> dict[str, Node]:
    """The nodes by id, in the order of the playbook.

    Raises:
        PlaybookError: a for_each does not give a list of named things, a need does not fit, or nodes need each other.
    """
    nodes: dict[str, Node] = {}
    for stage, step in playbook.all_steps():
        for node in instances(stage, step, scope):
            if node.id in nodes:
                raise PlaybookError(f"two steps are called {node.id}", "a service is named like a part of a step")
            nodes[node.id] = node
    for node in nodes.values():
        for need in node.step.needs:
            node.needs |= _needed(node, need, nodes, scope)
        node.edges = node.needs | _gated(node, nodes, playbook)
    _no_cycle(nodes)
    return nodes


def instances(stage: Stage, step: Step, scope: Mapping[str, Any]) -> list[Node]:
    """A step for each of the things that it is for."""
    if step.for_each is None:
        return [Node(step.id, stage, step)]
    try:
        items = expressions.evaluate(step.for_each, scope)
    except expressions.ExpressionError as error:
        raise PlaybookError(f"for_each of step {step.id}", str(error)) from error
    if not isinstance(items, list) or not all(isinstance(i, Mapping) and isinstance(i.get("name"), str) for i in items):
        raise PlaybookError(f"for_each of step {step.id} is no list of things with a name", expressions.shown(items))
    return [Node(f"{step.id}-{item['name']}", stage, step, item["name"], item) for item in items]


def _needed(node: Node, need: str, nodes: Mapping[str, Node], scope: Mapping[str, Any]) -> set[str]:
    match = NEED.match(need)
    assert match is not None, "checked by the schema"
    name, mark, listed = match[1], match[2] or "", match[3]
    there = {other.key: other.id for other in nodes.values() if other.step.id == name}
    if listed == "*":
        return set(there.values())
    if listed:
        inner = dict(scope) | {"service": node.item}
        try:
            keys = expressions.evaluate(listed, inner)
        except expressions.ExpressionError as error:
            raise PlaybookError(f"step {node.id}: need {need}", str(error)) from error
        missing = [key for key in keys if key not in there]
        if missing:
            raise PlaybookError(f"step {node.id} needs {name} of {', '.join(missing)}", "which there is not")
        return {there[key] for key in keys}
    found = there.get(node.key) or there.get("")
    if found is None and mark != "?":
        if not there:  # it is for no service at all
            return set()
        remedy = f"write {name}[*] for all of them, or {name}? where there may be none"
        raise PlaybookError(f"step {node.id} needs {name}, which is for {', '.join(there)}", "and not for it", remedy)
    return {found} if found else set()


def _gated(node: Node, nodes: Mapping[str, Node], playbook: Playbook) -> set[str]:
    if node.step.gate == NO_GATE:
        return set()
    gate = playbook.stage(node.step.gate) if node.step.gate else None
    last = gate.number if gate else node.stage.number - 1
    return {other.id for other in nodes.values() if other.stage.number <= last}


def _no_cycle(nodes: Mapping[str, Node]) -> None:
    left = {node.id: set(node.edges) for node in nodes.values()}
    while left:
        free = [name for name, edges in left.items() if not edges & left.keys()]
        if not free:
            raise PlaybookError("steps need each other in a circle", ", ".join(sorted(left)))
        for name in free:
            del left[name]


def select(playbook: Playbook, nodes: Mapping[str, Node], stages: str | None, reads: set[str]) -> set[str]:
    """The nodes of the chosen stages, and the looks of other stages that those need.

    ``stages`` is like ``1-3``, ``5``, ``verification`` or a list with commas; None chooses all. ``reads`` are the
    tools that only look: of what a chosen step needs from other stages only these are run, the rest is taken as done.

    Raises:
        PlaybookError: there is no such stage.
    """
    if not stages:
        return set(nodes)
    numbers = {number for part in stages.split(",") for number in _range(playbook, part.strip())}
    chosen = {node.id for node in nodes.values() if node.stage.number in numbers}
    waiting = list(chosen)
    seen = set(chosen)
    while waiting:
        for need in nodes[waiting.pop()].needs - seen:
            seen.add(need)
            waiting.append(need)
    return chosen | {name for name in seen if nodes[name].step.tool in reads}


def _range(playbook: Playbook, part: str) -> range:
    first, dash, last = part.partition("-")
    if dash and first.isdigit() and last.isdigit():
        low, high = int(first), int(last)
        if 1 <= low <= high <= len(playbook.stages):
            return range(low, high + 1)
    stage = playbook.stage(part)
    if stage is None:
        known = ", ".join(f"{s.number} {s.id}" for s in playbook.stages)
        raise PlaybookError(f"there is no stage {part!r}", f"the stages are {known}", "--stages 1-3")
    return range(stage.number, stage.number + 1)
