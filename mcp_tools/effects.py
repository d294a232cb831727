"""What a call can do to the world."""

from __future__ import annotations

from enum import StrEnum


class Effect(StrEnum):
    """Ordered: a permit for one covers everything before it."""

    READ = "read"
    """Looks only."""
    CREATE = "create"
    """Adds something new, which can be undone by removing it."""
    CHANGE = "change"
    """Replaces or restarts something that runs."""
    DESTROY = "destroy"
    """Something can be lost."""

    @property
    def rank(self) -> int:
        """Position in the order read < create < change < destroy."""
        return list(Effect).index(self)
