"""What was looked at: tables of objects, descriptions, logs, events, usage, environment, images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.planner.answers.parts import code, fence, items, join, names, table, text
from agent.text import count

__all__ = ["described", "environment", "events", "images", "logs", "manifest", "objects", "usage"]

LINES = 40


def objects(data: Mapping[str, Any], title: str) -> str:
    """kubectl's table."""
    rows = data.get("rows") or []
    if not rows:
        return f"There are no {title}."
    head = [str(column).lower() for column in data.get("columns") or []]
    at = head.index("name") if "name" in head else -1
    shown = [[code(cell) if place == at else cell for place, cell in enumerate(row)] for row in rows]
    more = f"{data.get('remaining') or 'More'} remain: say `more`." if data.get("cursor") else ""
    return join(table(head, shown), more)


def described(data: Mapping[str, Any]) -> str:
    """One object in short, and its events."""
    problem = f" — **{text(data.get('problem'))}**" if data.get("problem") else ""
    head = f"{data.get('kind')} {code(data.get('name'))} in {code(data.get('namespace'))}{problem}"
    if not data.get("namespace"):
        head = f"{data.get('kind')} {code(data.get('name'))}{problem}"
    lines = str(data.get("summary") or "").splitlines()
    cut = [*lines[:60], f"… {len(lines) - 60} more lines"] if len(lines) > 60 else lines
    return join(head, fence(cut, "yaml"), events(data, "No events are known of it."))


def manifest(data: Mapping[str, Any]) -> str:
    """One object in full."""
    lines = str(data.get("manifest") or "").splitlines()
    cut = [*lines[:120], f"… {len(lines) - 120} more lines"] if len(lines) > 120 else lines
    return fence(cut, "yaml")


def logs(data: Mapping[str, Any], limit: int = LINES) -> str:
    """Each container's last lines."""
    parts = []
    for log in items(data.get("logs")):
        lines = [str(line) for line in log.get("lines") or []]
        which = ", before its last restart" if log.get("previous") else ""
        head = f"{code(log.get('pod'))}, container {code(log.get('container'))}{which}"
        if not lines:
            parts.append(f"{head}: {text(log.get('note')) or 'no lines'}")
            continue
        shown = lines[-limit:]
        more = f" (the last {len(shown)} of {len(lines)} lines; say `more` for all)" if len(lines) > limit else ""
        parts.append(join(f"{head}{more}:", fence(shown)))
    left = data.get("pods_left_out")
    return join(*parts, f"{left} more pods were left out." if left else "")


def events(data: Mapping[str, Any], none: str) -> str:
    """Events as a table, newest first."""
    found = items(data.get("events"))
    if not found:
        return none
    rows = [
        [
            e.get("last_seen"),
            "**Warning**" if e.get("type") == "Warning" else e.get("type"),
            e.get("reason"),
            code(e.get("object")),
            e.get("count", 1),
            e.get("message"),
        ]
        for e in found
    ]
    left = data.get("left_out")
    return join(
        table(["seen", "type", "reason", "object", "count", "message"], rows, 25),
        f"{left} older ones left out." if left else "",
    ).replace("\\*\\*Warning\\*\\*", "**Warning**")


def usage(data: Mapping[str, Any], what: str) -> str:
    """CPU and memory against the limits, the largest memory first."""
    found = sorted(items(data.get("usage")), key=lambda u: -int(u.get("memory_mb") or 0))
    if not found:
        return f"Nothing is known yet of the usage of {what}."
    rows = [
        [
            code(u.get("name")),
            u.get("container") or "",
            _of(u.get("cpu_millicores"), u.get("cpu_limit_millicores"), "m"),
            _of(u.get("memory_mb"), u.get("memory_limit_mb"), "Mi"),
        ]
        for u in found
    ]
    first = found[0]
    return join(
        f"Most memory is used by {code(first.get('name'))}: {first.get('memory_mb')} Mi.",
        table(["name", "container", "CPU", "memory"], rows),
    )


def _of(used: object, limit: object, unit: str) -> str:
    if not isinstance(used, (int, float)):
        return ""
    if not isinstance(limit, (int, float)) or not limit:
        return f"{used}{unit}"
    return f"{used}{unit} of {limit}{unit} ({used / limit:.0%})"


def environment(data: Mapping[str, Any], about: str) -> str:
    """Variables of containers: set, from where, and whether they are what their source holds. Never a value."""
    found = items(data.get("variables"))
    if not found:
        return f"{about} has no environment variables that could be looked at. {text(data.get('reason'))}".strip()
    bad = [v for v in found if not v.get("ok", True)]
    rows = [
        [
            code(v.get("pod")),
            code(v.get("name")),
            v.get("source"),
            "yes" if v.get("present") else "no (optional)" if v.get("optional") else "**no**",
            {True: "yes", False: "**no**", None: "?"}[v.get("matches")],
        ]
        for v in found
    ]
    head = (
        f"All {len(found)} variables are as they should be."
        if not bad
        else (
            f"**{count(len(bad), 'variable')} of {len(found)} is wrong**: "
            f"{names(sorted({str(v.get('name')) for v in bad}))}."
        )
    )
    stale = data.get("stale") or []
    old = (
        f"These pods run with values that have changed since: {names(stale)}. A restart takes the new ones."
        if stale
        else ""
    )
    shown = table(["pod", "variable", "from", "set", "up to date"], rows, 60).replace("\\*\\*", "**")
    return join(head, shown, old, "Values are never shown.")


def images(data: Mapping[str, Any], about: str) -> str:
    """Images in the node."""
    found = items(data.get("images"))
    if not found:
        return f"There is no image{about} in the node."
    rows = [[names(i.get("tags") or ["(no tag)"], 3), f"{float(i.get('size_mb') or 0):.0f} MB"] for i in found]
    return f"{count(len(found), 'image')}{about} in the node:\n\n" + _raw(["image", "size"], rows)


def _raw(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows[:60])])
