"""Every error that Longshore raises on purpose.

LongshoreError
├── UsageError               the caller's words are off                       exit 2
├── EnvironmentNotReady      Docker, Minikube, a tool or a setting is missing  exit 4
├── NotFound                 the named object does not exist
├── Conflict                 the object is not in a state that allows this
├── Busy                     another run holds the target's lease
├── ToolFailed               the act was tried and did not succeed
│   ├── ProcessFailed        a program ended with an error
│   └── TimedOut             it took longer than it may
└── Refused                  the guard said no
    ├── Declined             a human said no
    ├── ConfirmationRequired a human has not been asked yet                    exit 3
    └── StaleConfirmation    the world moved after the yes

Each says what failed, why, and what to try; ``str(error)`` is the one line a user sees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from mcp_tools.engines.process import Completed
    from mcp_tools.guard.confirmation import Confirmation


class LongshoreError(Exception):
    """What failed, why, and what to try. ``code`` is stable; ``exit_code`` is the command line's."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, why: str = "", remedy: str = "", *, details: dict[str, Any] | None = None) -> None:
        self.what = what.strip().rstrip(".")
        self.why = why.strip().rstrip(".")
        self.remedy = remedy.strip().rstrip(".")
        self.details = details or {}
        super().__init__(self.line())

    def line(self) -> str:
        """One line for a person: what, why, and the remedy."""
        text = f"{self.what}: {self.why}" if self.why else self.what
        if self.remedy:
            text = f"{text}. Try: {self.remedy}"
        return " ".join(text.split())

    def as_dict(self) -> dict[str, Any]:
        """The error as data, for tool results and ``--json``."""
        error: dict[str, Any] = {"code": self.code, "what": self.what, "why": self.why, "remedy": self.remedy}
        return error | ({"details": self.details} if self.details else {})


class UsageError(LongshoreError):
    """The caller's arguments, or a file they named, are wrong."""

    code = "usage"
    exit_code = 2


class EnvironmentNotReady(LongshoreError):
    """Something that must be there before the work can start is missing."""

    code = "environment-not-ready"
    exit_code = 4


class NotFound(LongshoreError):
    """The named object does not exist."""

    code = "not-found"


class Conflict(LongshoreError):
    """The object is in a state that does not allow this."""

    code = "conflict"


class Busy(LongshoreError):
    """Another run holds the target; the message names the holder."""

    code = "busy"


class ToolFailed(LongshoreError):
    """The act was tried and did not succeed."""

    code = "tool-failed"


class ProcessFailed(ToolFailed):
    """A program ended with an error; ``completed`` has its argv and output."""

    code = "process-failed"

    def __init__(self, completed: Completed, what: str = "", remedy: str = "") -> None:
        self.completed = completed
        program = completed.argv[0].rsplit("/", 1)[-1]
        super().__init__(
            what or f"{program} failed (exit {completed.returncode})",
            completed.last_words(),
            remedy,
            details={"exit_code": completed.returncode},
        )


class TimedOut(ToolFailed):
    """It took longer than it may; everything that was started for it has been ended."""

    code = "timed-out"


class Refused(LongshoreError):
    """The guard does not let this call through."""

    code = "refused"


class Declined(Refused):
    """A human said no; nothing was done."""

    code = "declined"


class ConfirmationRequired(Refused):
    """A human must say yes first; ``confirmation`` waits for it."""

    code = "confirmation-required"
    exit_code = 3

    def __init__(self, confirmation: Confirmation) -> None:
        self.confirmation = confirmation
        super().__init__(
            f"{confirmation.tool} needs a human's yes",
            confirmation.preview.summary,
            f"longshore approve {confirmation.id} (in a terminal), then make the same call again",
            details={"confirmation": confirmation.id, "preview": confirmation.preview.model_dump(mode="json")},
        )


class StaleConfirmation(Refused):
    """The state that the human said yes to is not the state any more; nothing was done."""

    code = "stale-confirmation"
