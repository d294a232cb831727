"""A confirmation: a human's yes to one preview. One use, five minutes, bound to a digest of what was asked."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field

from mcp_tools.catalog import Observation, Preview
from mcp_tools.effects import Effect

__all__ = ["LIFETIME", "Confirmation", "digest", "new"]

LIFETIME = 300.0
"""Seconds: a question can be answered so long, and a yes be used so long."""

SHOWN_LOST = 60
"""Things that a question says are lost; of other lists it shows twelve."""

LONG_DIFF = 30
"""Lines; after a longer one the question says again what is lost."""

Status = Literal["waiting", "approved", "declined", "used", "void", "expired"]
_ALPHABET = "23456789abcdefghjkmnpqrstvwxyz"


class Confirmation(BaseModel):
    """One question to a human, and its answer."""

    id: str
    digest: str
    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    target: str
    cluster: str
    effect: Effect
    preview: Preview
    status: Status = "waiting"
    asked_at: float
    expires_at: float
    answered_at: float | None = None
    answered_by: str = ""
    channel: str = ""
    heeded: bool = Field(False, description="A no that has stopped its call")
    run_id: str | None = None
    step_id: str | None = None

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return time.time() > self.expires_at

    def question(self) -> str:
        """What the human is asked: effect, target, what is added, changed and lost, the diff.

        It holds no time, so that the same question is the same text.
        """
        from mcp_tools.untrusted import clean

        preview = self.preview
        where = "sandbox (simulated)" if self.target == "sandbox" else self.target
        lines = [f"{self.effect.value} on {where}: {_line(preview.summary)}", f"tool: {self.tool}"]
        lost = _listed("LOSES", preview.lost, SHOWN_LOST)
        lines += [*_listed("adds", preview.added), *_listed("changes", preview.changed), *lost]
        if preview.inverse is not None:
            lines.append(f"undone by: {preview.inverse.tool}")
        elif self.effect is Effect.DESTROY:
            lines.append("this cannot be undone")
        if preview.diff:
            diff = [_diff_line(line) for line in clean(preview.diff).split("\n")]
            again = ["", *lost] if len(diff) > LONG_DIFF and lost else []  # what is lost is above, out of sight
            lines += ["", *diff, *again]
        lines += ["", f"confirmation {self.id} digest {self.digest[:16]}"]
        return clean("\n".join(lines))


def _line(text: str) -> str:
    """On one line: what is named after a line end cannot pass for a line of the question itself."""
    from mcp_tools.untrusted import clean

    return " ".join(clean(text).split())


def _listed(name: str, items: list[str], shown: int = 12) -> list[str]:
    more = f" and {len(items) - shown} more" if len(items) > shown else ""
    return [f"{name}: {', '.join(map(_line, items[:shown]))}{more}"] if items else []


def _diff_line(line: str) -> str:
    return line if line.startswith((" ", "+", "-", "@", "…")) or not line else f"  {line}"


def digest(tool: str, arguments: Mapping[str, Any], target: str, cluster: str, seen: Observation) -> str:
    """SHA-256 of what a yes is bound to: tool, arguments, cluster identity, effect, and the observed state."""
    bound = {
        "tool": tool,
        "arguments": arguments,
        "target": target,
        "cluster": cluster,
        "effect": seen.effect.value,
        "state": seen.state,
        "lost": seen.preview.lost,
        "changed": seen.preview.changed,
        "added": seen.preview.added,
    }
    text = json.dumps(bound, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def new(
    tool: str,
    arguments: Mapping[str, Any],
    *,
    target: str,
    cluster: str,
    seen: Observation,
    run_id: str | None = None,
    step_id: str | None = None,
) -> Confirmation:
    """A new question, not answered yet."""
    now = time.time()
    return Confirmation(
        id="c-" + "".join(secrets.choice(_ALPHABET) for _ in range(10)),
        digest=digest(tool, arguments, target, cluster, seen),
        tool=tool,
        arguments=dict(arguments),
        target=target,
        cluster=cluster,
        effect=seen.effect,
        preview=seen.preview,
        asked_at=now,
        expires_at=now + LIFETIME,
        run_id=run_id,
        step_id=step_id,
    )
