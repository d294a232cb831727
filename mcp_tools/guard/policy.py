"""The confirmation policy: rules as data. The first rule that fits decides; what no rule fits is asked."""

from __future__ import annotations

import fnmatch
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mcp_tools.effects import Effect

__all__ = ["DEFAULT", "Decision", "Policy", "Rule"]

Decision = Literal["pass", "ask", "refuse"]


class Rule(BaseModel):
    """Globs over tool names and the effects it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tools: str = "*"
    effects: tuple[Effect, ...]
    decision: Decision


class Policy(BaseModel):
    """An ordered list of rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...]

    def decide(self, tool: str, effect: Effect) -> Decision:
        """What happens to a call of this tool with this effect."""
        for rule in self.rules:
            if effect in rule.effects and fnmatch.fnmatchcase(tool, rule.tools):
                return rule.decision
        return "ask"


DEFAULT = Policy(rules=(Rule(effects=(Effect.READ, Effect.CREATE), decision="pass"),))
READ_ONLY = Policy(
    rules=(
        Rule(effects=(Effect.READ,), decision="pass"),
        Rule(effects=(Effect.CREATE, Effect.CHANGE, Effect.DESTROY), decision="refuse"),
    )
)
