"""What can go wrong in a playbook and in its steps, always with what failed, why, and what to try."""

from __future__ import annotations

from typing import Any


class PlaybookError(Exception):
    """A playbook is broken, or was asked for something it does not have."""

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        self.what, self.why, self.remedy = what, why, remedy
        super().__init__(f"{what}: {why}" if why else what)


class StepError(Exception):
    """A step did not succeed. ``code`` is stable; ``details`` may carry data about the failure."""

    def __init__(
        self, code: str, what: str, why: str = "", remedy: str = "", details: dict[str, Any] | None = None
    ) -> None:
        self.code, self.what, self.why, self.remedy = code, what, why, remedy
        self.details = details or {}
        super().__init__(f"{what}: {why}" if why else what)

    def as_dict(self) -> dict[str, Any]:
        """As data, for the journal and the result."""
        error: dict[str, Any] = {"code": self.code, "what": self.what, "why": self.why, "remedy": self.remedy}
        return error | ({"details": self.details} if self.details else {})


class StepDeclined(StepError):
    """A human said no; nothing was done."""


class StepWaits(Exception):
    """A human has to be asked and cannot be from here. ``confirmation`` says what about (``id``, ``tool``, …)."""

    def __init__(self, confirmation: dict[str, Any]) -> None:
        self.confirmation = confirmation
        super().__init__(str(confirmation.get("summary") or confirmation.get("id") or ""))
