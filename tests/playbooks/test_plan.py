"""The plan is covered bullet by bullet; every skill, note, invariant and trigger that a step names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from playbooks import coverage, loader

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "plan-coverage.md"
STEPS = list(coverage.steps())


def test_every_bullet_is_covered_by_a_step_or_has_a_reason() -> None:
    covering, reasons = coverage.covering(), coverage.plan()["reasons"]
    bullets = coverage.bullets()
    assert len(bullets) == 163, "148 of the stages (one has its four parts apart), 8 of the constitution, 7 goals"
    assert set(covering) == set(bullets), "a step names a bullet that there is not"
    bare = [name for name in bullets if not covering[name] and name not in reasons]
    assert bare == []
    assert all(len(reasons[name]) > 40 for name in reasons)
    assert set(reasons) <= set(bullets)
    assert [name for name in reasons if covering[name]] == [], "a reason for what is covered"


def test_what_covers_a_bullet_has_something_that_can_fail_or_is_the_act_itself() -> None:
    """A step counts when it acts, has expectations, or brings a look-up: otherwise it proves nothing."""
    for where, step in STEPS:
        if step.plan:
            acts = not step.tool.startswith(("check_", "environment_", "kubectl_get"))
            assert step.expect or acts or step.docs, where


def test_documentation_bullets_are_covered_by_steps_with_a_look_up() -> None:
    covering = coverage.covering()
    wanted = [name for name, text in coverage.bullets().items() if text.startswith("context7:")]
    assert len(wanted) == 25
    for name in wanted:
        assert any(step.docs for _, step in covering[name]), name


def test_the_page_says_what_the_playbooks_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == coverage.page(), "python -m playbooks.coverage docs/plan-coverage.md"


def test_every_bullet_stands_on_the_page() -> None:
    rows = re.findall(r"^\| ([\w.]+) \| .+ \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    found = dict(rows)
    assert set(found) == set(coverage.bullets())
    assert all("`" in covered or "not by a step" in covered for covered in found.values())


@pytest.mark.parametrize(("where", "step"), STEPS, ids=[where for where, _ in STEPS])
def test_skills_and_notes_that_steps_name_are_there(where: str, step: object) -> None:
    skill, docs = getattr(step, "skill", ""), getattr(step, "docs", "")
    if skill:
        name, _, section = skill.partition("#")
        assert section in loader.skills()[name].sections
    if docs:
        note = loader.note(docs)
        assert note.startswith("# ") and "https://" in note and re.search(r"^context7: /\S+/\S+ .+$", note, re.M)


PLAN_SECTIONS = {
    "devops-scenario-evaluator": [
        "Initial Assessment",
        "Step-by-Step Diagnostic Process",
        "1. CrashLoopBackOff Diagnosis",
        "Guidance for Log Inspection",
        "Expected Resolution Steps by Issue Type",
        "Validation Steps After Remediation",
    ],
    "k8s-deployment-orchestrator": [
        "When to Use This Skill",
        "Step 1: Analyze Service Architecture",
        "Step 4: Create Helm Chart Structure",
        "Step 5: Define Values.yaml with Best Practices",
        "Service-Specific Configurations",
        "Best Practices - Health Checks",
        "Best Practices - Security",
    ],
    "phase-iv-deployment-planner": [
        "Stage 1: Containerize Apps",
        "Stage 2: Generate Helm Charts",
        "Stage 3: Deploy to Minikube",
        "Stage 4: Validate Health and Functionality",
        "Stage 5: Rollback Strategy",
        "Post-Deployment Validation",
        "Final Validation Checklist",
    ],
}


def test_skills_have_the_sections_that_the_plan_refers_to() -> None:
    skills = loader.skills()
    assert set(skills) == set(PLAN_SECTIONS)
    for name, sections in PLAN_SECTIONS.items():
        assert set(sections) <= set(skills[name].sections)
        assert len(skills[name].description) > 80


def test_skills_speak_of_tools_that_there_are() -> None:
    from mcp_tools import library
    from mcp_tools.catalog import CATALOG

    library.load()
    known = {definition.name for definition in CATALOG.all()}
    not_tools = {"problems_only", "rolled_back"}
    for skill in loader.skills().values():
        words = re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", skill.text)
        assert words
        assert set(words) - known - not_tools == set(), skill.name


def test_the_constitution_has_its_phases() -> None:
    invariants = {invariant.id: invariant for invariant in loader.constitution()}
    assert {"local-only", "helm-only", "secrets-in-secrets", "jwt-secret", "non-root", "limits", "persistence"} <= set(
        invariants
    )
    assert {"auth-required", "versioned-charts", "one-replica"} <= set(invariants)
    assert {phase for i in invariants.values() for phase in i.phases} == {"before", "during", "after"}
    assert [t.id for t in loader.triggers()] == ["unhealthy", "vulnerability", "data-corruption", "slow", "crash-loop"]
