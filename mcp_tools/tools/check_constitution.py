"""check_constitution: the invariants of ``playbooks/constitution.yaml``, each with evidence.

``before`` asks no cluster: it looks at the application, its charts and what they render. ``during`` and ``after`` look
at what runs.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from mcp_tools.catalog import Effect, tool
from mcp_tools.errors import LongshoreError
from mcp_tools.tools.check_common import CheckInput, CheckOutput, mark
from mcp_tools.tools.check_invariants import CHECKS, Verdict, View
from mcp_tools.untrusted import Untrusted
from mcp_tools.world import Call
from playbooks import loader

Phase = Literal["before", "during", "after"]


class CheckConstitutionInput(CheckInput):
    """Which application, and when."""

    phase: Phase = Field("after", description="before a deployment, during a rollback, after one or a recovery")


class InvariantResult(BaseModel):
    """One invariant."""

    id: str
    title: str
    ok: bool
    skipped: bool = Field(False, description="Does not apply to this application")
    evidence: list[Untrusted] = Field(default_factory=list)
    remedy: str = ""


class CheckConstitutionOutput(CheckOutput):
    """``ok``: every invariant of the phase holds."""

    phase: Phase
    invariants: list[InvariantResult]

    def text(self) -> str:
        """A line per invariant, and what breaks it."""
        lines = [f"{mark(self.ok)} constitution {self.phase}: {len(self.invariants)} invariants"]
        for i in self.invariants:
            lines.append(f"  {mark(i.ok)} {i.id}: {i.title}{' (does not apply)' if i.skipped else ''}")
            lines += [f"    {line}" for line in i.evidence[:6]] if not i.ok else []
            lines += [f"    remedy: {i.remedy}"] if not i.ok else []
        return "\n".join(lines)


@tool(domain="diagnostics", title="Check the constitution", effect=Effect.READ)
async def check_constitution(args: CheckConstitutionInput, call: Call) -> CheckConstitutionOutput:
    """Check the invariants that must hold before a deployment, during a rollback, and after a deployment or recovery.

    Before: the application's description and its rendered charts. During and after: what runs in the cluster.
    """
    view = await View.look(call, args.application, args.phase)
    rows: list[InvariantResult] = []
    unknown: list[str] = []
    wanted = [i for i in loader.constitution() if args.phase in i.phases]
    for place, invariant in enumerate(wanted):
        await call.progress(place, len(wanted), invariant.title)
        check = CHECKS.get(invariant.id)
        try:
            verdict = await check(view) if check else Verdict(["this invariant has no check in this version"])
        except LongshoreError as error:
            verdict = Verdict([error.line()])
        unknown += [verdict.unknown] if verdict.unknown else []
        rows.append(
            InvariantResult(
                id=invariant.id,
                title=invariant.title,
                ok=not verdict.broken,
                skipped=verdict.skipped,
                evidence=[*verdict.broken, *verdict.facts][:20],
                remedy=invariant.remedy if verdict.broken else "",
            )
        )
    bad = [row for row in rows if not row.ok]
    return CheckConstitutionOutput(
        ok=not bad,
        reason=f"{bad[0].id}: {bad[0].evidence[0]}" if bad else "",
        evidence=[f"{row.id}: {'holds' if row.ok else 'BROKEN'}: {'; '.join(row.evidence[:2])}" for row in rows],
        phase=args.phase,
        invariants=rows,
        unknown=unknown,
    )
