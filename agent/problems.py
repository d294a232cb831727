"""What the command line can end with: an exit code, and one line that says what failed, why, and what to try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agent.text import one_line

__all__ = ["DONE", "ENVIRONMENT", "FAILED", "INTERRUPTED", "USAGE", "WAITING", "Interrupted", "Problem", "from_error"]

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
WAITING: Final = 3
ENVIRONMENT: Final = 4
INTERRUPTED: Final = 130

_EXITS: Final[Mapping[str, int]] = {
    "usage": USAGE,
    "environment-not-ready": ENVIRONMENT,
    "confirmation-required": WAITING,
    "interrupted": INTERRUPTED,
}


class Problem(Exception):
    """It did not work. ``code`` is stable; ``exit_code`` follows from it."""

    def __init__(
        self, what: str, why: str = "", remedy: str = "", *, code: str = "error", details: dict[str, Any] | None = None
    ) -> None:
        self.what = one_line(what).rstrip(".")
        self.why = one_line(why).rstrip(".")
        self.remedy = one_line(remedy).rstrip(".")
        self.code = code
        self.details = details or {}
        super().__init__(self.line())

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        return _EXITS.get(self.code, FAILED)

    def line(self) -> str:
        """One line for a person, without the remedy."""
        return f"{self.what}: {self.why}" if self.why else self.what

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        error: dict[str, Any] = {"code": self.code, "what": self.what, "why": self.why, "remedy": self.remedy}
        return error | ({"details": self.details} if self.details else {})


class Interrupted(Problem):
    """Somebody pressed Ctrl-C, or the process was asked to end."""

    documented = False
    """Whether the JSON document was printed already."""

    def __init__(self, remedy: str = "") -> None:
        super().__init__("interrupted", remedy=remedy, code="interrupted")


def from_error(data: Mapping[str, Any]) -> Problem:
    """The problem that a tool's error result describes."""
    details = data.get("details")
    return Problem(
        str(data.get("what") or "the tool failed"),
        str(data.get("why") or ""),
        str(data.get("remedy") or ""),
        code=str(data.get("code") or "error"),
        details=dict(details) if isinstance(details, Mapping) else None,
    )
