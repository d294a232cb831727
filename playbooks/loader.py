"""The packaged playbooks, notes, skills, invariants and triggers, read from their files."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playbooks.errors import PlaybookError
from playbooks.schema import Playbook

FOLDER = Path(__file__).resolve().parent
_NAME = re.compile(r"^[a-z][a-z0-9-]*$")
_DATA = frozenset({"plan", "constitution"})


class Invariant(BaseModel):
    """One rule that must hold: the constitution."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str
    article: str = Field("", description="Where the plan's constitution says so")
    phases: list[str] = Field(description="before a deployment, during a rollback, after recovery")
    check: str = Field(description="How it is checked, in words")
    remedy: str


class Trigger(BaseModel):
    """One condition on which a rollback is proposed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    title: str
    check: str
    setting: str = Field("", description="The field of spec.triggers that sets its threshold")


class Skill(BaseModel):
    """One skill: a page of instructions with sections."""

    name: str
    description: str
    text: str
    sections: list[str]


def names() -> list[str]:
    """The packaged playbooks."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml") if file.stem not in _DATA)


@functools.cache
def playbook(name: str) -> Playbook:
    """A packaged playbook.

    Raises:
        PlaybookError: there is none of that name, or it is broken.
    """
    if name not in names():
        raise PlaybookError(f"there is no playbook {name!r}", f"there are {', '.join(names())}")
    return parse((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), name)


def parse(text: str, name: str = "playbook") -> Playbook:
    """A playbook from its YAML.

    Raises:
        PlaybookError: it is broken; the first three problems with their places.
    """
    import yaml

    try:
        return Playbook.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise PlaybookError(f"playbook {name} is not YAML", " ".join(str(error).split())[:300]) from error
    except ValidationError as error:
        raise PlaybookError(f"playbook {name} is not valid", _explained(error)) from error


def _explained(error: ValidationError) -> str:
    problems = []
    for entry in error.errors()[:3]:
        where = ".".join(str(part) for part in entry["loc"])
        message = entry["msg"].removeprefix("Value error, ")
        problems.append(f"{where}: {message}" if where else message)
    return "; ".join(problems)


def _yaml(name: str) -> Any:
    import yaml

    return yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


@functools.cache
def constitution() -> tuple[Invariant, ...]:
    """The invariants, in their order."""
    return tuple(Invariant.model_validate(item) for item in _yaml("constitution")["invariants"])


@functools.cache
def triggers() -> tuple[Trigger, ...]:
    """The rollback triggers, in their order."""
    return tuple(Trigger.model_validate(item) for item in _yaml("constitution")["triggers"])


def note(name: str) -> str:
    """A packaged documentation note; raises PlaybookError when there is none."""
    file = FOLDER / "notes" / f"{name}.md"
    if not _NAME.match(name) or not file.is_file():
        raise PlaybookError(f"there is no note {name!r}")
    return file.read_text(encoding="utf-8")


def notes() -> list[str]:
    """The packaged notes."""
    return sorted(file.stem for file in (FOLDER / "notes").glob("*.md"))


@functools.cache
def skills() -> dict[str, Skill]:
    """The skills by name."""
    found = {}
    for file in sorted((FOLDER / "skills").glob("*/SKILL.md")):
        text = file.read_text(encoding="utf-8")
        head, _, body = text.removeprefix("---\n").partition("\n---\n")
        match = re.search(r"^description: (.+)$", head, re.MULTILINE)
        sections = re.findall(r"^#{2,3} (.+)$", body, re.MULTILINE)
        name = file.parent.name
        found[name] = Skill(name=name, description=match[1] if match else "", text=body.strip(), sections=sections)
    return found
