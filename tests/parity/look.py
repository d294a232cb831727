"""What is compared of pods and events: their states and reasons, not when and how often."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.parity.stage import Stage

Obj = dict[str, Any]


def _state(state: Obj) -> Any:
    """``waiting CrashLoopBackOff: back-off …``"""
    for kind, found in state.items():
        kept = {k: v for k, v in found.items() if k in ("reason", "message", "exitCode", "signal")}
        return {kind: kept} if kept else kind
    return None


def condition(found: Obj) -> str:
    """One line."""
    said = f"{found['type']}={found['status']} {found.get('reason', '')}"
    return f"{said}: {found['message']}" if found.get("message") else said.strip()


def pod(found: Obj) -> Obj:
    """The state of a pod."""
    status = found.get("status", {})
    seen: Obj = {k: status[k] for k in ("phase", "reason", "message", "qosClass", "nominatedNodeName") if k in status}
    seen["conditions"] = [condition(c) for c in status.get("conditions", ())]
    for part in ("initContainerStatuses", "containerStatuses"):
        for box in status.get(part, ()):
            kept = {"state": _state(box["state"]), "ready": box["ready"], "started": box.get("started")}
            if box.get("lastState"):
                kept["last"] = _state(box["lastState"])
            seen.setdefault(part, {})[box["name"]] = kept
    if found["metadata"].get("deletionTimestamp"):
        seen["deleted"] = True
    return seen


def conditions(found: Obj) -> list[str]:
    """Those of any object."""
    return [condition(c) for c in found.get("status", {}).get("conditions", ())]


def events(s: Stage, *, kinds: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> Obj:
    """Of each object its events in the order of their first time, each once. ``without`` are reasons."""
    listed = s.peek("events")["items"]

    def born(event: Obj) -> str:
        """The name ends with the nanoseconds of the first time, in hexadecimal digits of one length."""
        name: str = event["metadata"]["name"].rpartition(".")[2]
        return name

    found: dict[str, list[str]] = {}
    for event in sorted(listed, key=born):
        about = event["involvedObject"]
        if (kinds and about["kind"] not in kinds) or event.get("reason") in without:
            continue
        source = event.get("source", {}).get("component") or event.get("reportingComponent", "")
        field = f" ({about['fieldPath']})" if about.get("fieldPath") else ""
        line = f"{event['type']} {event['reason']} [{source}]{field}: {event.get('message', '')}"
        lines = found.setdefault(s.plain(f"{about['kind']}/{about['name']}"), [])
        if (line := s.plain(line)) not in lines:
            lines.append(line)
    return found


def has_events(s: Stage, *reasons: str) -> Callable[[Any], bool]:
    """A condition on a list of events: all these reasons are among them; ``Pulling:text`` also looks into messages."""

    def done(listed: Any) -> bool:
        said = [(e.get("reason"), e.get("message", "")) for e in listed["items"]]
        return all(
            any(reason == wanted.partition(":")[0] and wanted.partition(":")[2] in message for reason, message in said)
            for wanted in reasons
        )

    return done


def box_state(
    pods: Any, kind: str, reason: str = "", *, part: str = "containerStatuses", index: int = 0, last: bool = False
) -> bool:
    """Whether a container of some listed pod is in that state."""
    for found in pods.get("items", [pods]):
        boxes = found.get("status", {}).get(part, ())
        if len(boxes) > index:
            state = boxes[index].get("lastState" if last else "state", {}).get(kind)
            if state is not None and re.fullmatch(reason or ".*", state.get("reason", "")):
                return True
    return False


def ready(pods: Any, count: int = 1) -> bool:
    """So many listed pods are ready, and none more is there."""
    items = pods.get("items", [pods])
    good = [p for p in items if "Ready=True" in conditions(p)]
    return len(good) == len(items) == count


def available(found: Obj) -> bool:
    """A Deployment has all its pods, and nothing is left to do."""
    wanted, status = found["spec"].get("replicas", 1), found.get("status", {})
    return bool(
        status.get("observedGeneration") == found["metadata"]["generation"]
        and status.get("updatedReplicas", 0)
        == status.get("availableReplicas", 0)
        == status.get("replicas", 0)
        == wanted
    )
