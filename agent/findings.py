"""Findings for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from agent.render import EFFECTS, grid
from agent.text import count, duration, one_line

__all__ = ["findings_view", "plain_findings"]


def _where(finding: Mapping[str, Any]) -> str:
    about = finding.get("object")
    about = about if isinstance(about, Mapping) else {}
    parts = [str(about.get("namespace") or ""), str(about.get("kind") or ""), str(about.get("name") or "")]
    return one_line("/".join(part for part in parts if part))


def _head(document: Mapping[str, Any]) -> str:
    findings = document.get("findings") or []
    spaces = document.get("namespaces") or []
    where = ", ".join(map(str, spaces)) if len(spaces) <= 4 else count(len(spaces), "namespace")
    what = count(len(findings), "finding") if findings else "healthy: nothing is wrong"
    return (
        f"{what} ({document.get('scanned')} objects in {where or 'no namespace'}, {duration(document.get('seconds'))})"
    )


def findings_view(document: Mapping[str, Any], width: int) -> RenderableType:
    """The findings in colour, most important first."""
    findings = document.get("findings") or []
    parts: list[RenderableType] = [Text(_head(document), "bold yellow" if findings else "bold green")]
    for finding in findings:
        error = finding.get("severity") != "warning"
        sign, style = ("✗", "bold red") if error else ("!", "bold yellow")
        parts += [
            Text(),
            Text.assemble((f"{sign} {one_line(finding.get('code'))} ", style), (_where(finding), "bold")),
            Padding(Text(one_line(finding.get("root_cause"))), (0, 0, 0, 2)),
            Padding(_details(finding, width), (0, 0, 0, 2)),
        ]
    return Group(*parts)


def _details(finding: Mapping[str, Any], width: int) -> RenderableType:
    table = grid({"style": "dim", "no_wrap": True}, {"ratio": 1, "overflow": "fold"})
    table.width = min(width, 120) - 2
    for name, key in (("evidence", "evidence"), ("explains", "explains")):
        for place, line in enumerate(finding.get(key) or []):
            table.add_row(name if place == 0 else "", Text(one_line(line), "dim"))
    if finding.get("remedy"):
        table.add_row("remedy", Text(one_line(finding["remedy"]), "cyan"))
    fix = finding.get("fix")
    if isinstance(fix, Mapping):
        effect = str(fix.get("effect") or "")
        words = Text.assemble(
            one_line(fix.get("summary")),
            " ",
            (f"[{one_line(fix.get('tool'))}, ", "dim"),
            (effect, EFFECTS.get(effect, "")),
        )
        words.append("]", "dim")
        table.add_row("fix", words)
    return table


def plain_findings(document: Mapping[str, Any]) -> str:
    """The findings as lines."""
    lines = [_head(document)]
    for finding in document.get("findings") or []:
        severity = str(finding.get("severity") or "error").upper()
        lines.append(
            f"{severity} {one_line(finding.get('code'))} {_where(finding)}: {one_line(finding.get('root_cause'))}"
        )
        for name, key in (("evidence", "evidence"), ("explains", "explains")):
            lines += [f"  {name}: {one_line(line)}" for line in finding.get(key) or []]
        lines += [f"  remedy: {one_line(finding['remedy'])}"] if finding.get("remedy") else []
        fix = finding.get("fix")
        if isinstance(fix, Mapping):
            lines.append(f"  fix: {one_line(fix.get('summary'))} ({one_line(fix.get('tool'))}, {fix.get('effect')})")
    return "\n".join(lines)
