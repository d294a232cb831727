"""What the columns of several kinds have in common: ages, containers, selectors, references.

Source: apimachinery's ``duration.HumanDuration`` and ``FormatLabelSelector``; the printers of the API server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp_tools.targets.sandbox import clock
from mcp_tools.targets.sandbox.store import Obj

NONE = "<none>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"

Cells = Callable[[Obj, float], list[Any]]
"""The cells of one object, wide ones included, at that time."""


def column(name: str, kind: str = "string", priority: int = 0, form: str = "") -> dict[str, Any]:
    """One column of a Table."""
    return {"name": name, "type": kind, "format": form, "description": "", "priority": priority}


NAME = column("Name", form="name")
AGE = column("Age")
CONTAINERS = (column("Containers", priority=1), column("Images", priority=1))
SELECTOR = column("Selector", priority=1)


def duration(seconds: float) -> str:
    """A span as kubectl shows it: two units at most, the finer one left out when it says little."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    years = days // 365
    return _two(years, "y", days % 365, "d") if years < 8 else f"{years}y"


def _two(much: int, unit: str, rest: int, fine: str) -> str:
    return f"{much}{unit}{rest}{fine}" if rest else f"{much}{unit}"


def since(stamp: str | None, now: float) -> str:
    """How long ago that was."""
    return duration(now - clock.parse(stamp)) if stamp else UNKNOWN


def age(obj: Obj, now: float) -> str:
    """The age of an object."""
    return since(obj["metadata"].get("creationTimestamp"), now)


def containers(template: dict[str, Any] | None) -> list[str]:
    """The names and the images of a pod template."""
    found = ((template or {}).get("spec") or {}).get("containers") or ()
    return [",".join(entry.get(field, "") for entry in found) for field in ("name", "image")]


def labels(found: dict[str, str] | None) -> str:
    """Labels, or an equality selector."""
    return ",".join(f"{key}={value}" for key, value in sorted(found.items())) if found else NONE


_SIGNS = {"In": "in", "NotIn": "notin"}


def selector(found: dict[str, Any] | None) -> str:
    """A label selector as text."""
    if not found:
        return NONE
    parts = [f"{key}={value}" for key, value in sorted((found.get("matchLabels") or {}).items())]
    for need in found.get("matchExpressions") or ():
        sign, key = need.get("operator", ""), need.get("key", "")
        if sign == "Exists":
            parts.append(key)
        elif sign == "DoesNotExist":
            parts.append(f"!{key}")
        else:
            parts.append(f"{key} {_SIGNS.get(sign, sign)} ({','.join(sorted(need.get('values') or ()))})")
    return ",".join(parts) if parts else NONE


def some(values: list[str], limit: int = 3, none: str = UNSET) -> str:
    """The first few of a list."""
    if len(values) > limit:
        return f"{','.join(values[:limit])} + {len(values) - limit} more..."
    return ",".join(values) or none


def condition(obj: Obj, kind: str) -> dict[str, Any] | None:
    """The condition of that type."""
    for entry in (obj.get("status") or {}).get("conditions") or ():
        if entry.get("type") == kind:
            found: dict[str, Any] = entry
            return found
    return None


def holds(obj: Obj, kind: str) -> bool:
    """Whether the condition of that type is True."""
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def boolean(value: bool | None, default: str = UNSET) -> str:
    """A boolean that may be absent."""
    return default if value is None else ("True" if value else "False")


def modes(found: list[str] | None) -> str:
    """Access modes in their short form."""
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(short[mode] for mode in short if mode in (found or ()))


def named(*names: str, aged: bool = True) -> tuple[dict[str, Any], ...]:
    """The name, text columns, and the age."""
    return (NAME, *(column(name) for name in names), *((AGE,) if aged else ()))
