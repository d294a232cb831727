"""How the plan is covered: docs/plan-coverage.md is written from plan.yaml and the playbooks.

``python -m playbooks.coverage FILE`` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playbooks import loader
from playbooks.schema import Step

HEAD = """# How the plan is covered

Every bullet of the plan, and the steps of the playbooks that carry it out or check it. A step belongs to `deploy`
unless it says otherwise; *recovery* steps run when another one has failed.
What no step covers has its reason at the end.

This page is written from `playbooks/plan.yaml` and the playbooks: `python -m playbooks.coverage docs/plan-coverage.md`.
"""


def plan() -> dict[str, Any]:
    """The plan as data: sections with bullets, and reasons."""
    import yaml

    data = yaml.safe_load((loader.FOLDER / "plan.yaml").read_text(encoding="utf-8"))
    for section in data["sections"]:
        section["bullets"] = {str(name): str(text) for name, text in section["bullets"].items()}
    data["reasons"] = {str(name): " ".join(str(text).split()) for name, text in data["reasons"].items()}
    return dict(data)


def bullets() -> dict[str, str]:
    """Every bullet by its id."""
    return {name: text for section in plan()["sections"] for name, text in section["bullets"].items()}


def steps() -> Iterator[tuple[str, Step]]:
    """Every step of every playbook, with the words that say where it is."""
    for name in loader.names():
        playbook = loader.playbook(name)
        prefix = "" if name == "deploy" else f"{name}: "
        for _, step in playbook.all_steps():
            yield f"{prefix}`{step.id}`", step
        for recovery in playbook.recoveries.values():
            for step in recovery.steps:
                yield f"{prefix}`{step.id}` *(recovery)*", step


def covering() -> dict[str, list[tuple[str, Step]]]:
    """Bullet → the steps that cover it."""
    found: dict[str, list[tuple[str, Step]]] = {name: [] for name in bullets()}
    for where, step in steps():
        for name in step.plan:
            found.setdefault(name, []).append((where, step))
    return found


def page() -> str:
    """The page."""
    data, found = plan(), covering()
    lines = [HEAD]
    for section in data["sections"]:
        lines += [f"## {section['title']}", "", "| | The plan says | Covered by |", "|---|---|---|"]
        for name, text in section["bullets"].items():
            here = ", ".join(f"{where} ({step.tool})" for where, step in found[name])
            lines.append(f"| {name} | {text} | {here or 'not by a step: see below'} |")
        lines.append("")
    lines += ["## Not covered by a step, and why", ""]
    lines += [f"- **{name}** {bullets()[name]}: {reason}" for name, reason in data["reasons"].items()]
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> int:
    """Write the page to the file that is named."""
    if len(argv) != 1:
        sys.stderr.write("usage: python -m playbooks.coverage FILE\n")
        return 2
    Path(argv[0]).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
