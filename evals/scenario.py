"""A scenario: what is changed in an application's sources before it is deployed again, and what must come of it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Change", "Expectation", "Scenario", "load", "names"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(_Closed):
    """One edit: ``find`` must occur in the file exactly once."""

    file: Annotated[str, Field(pattern=r"^[^/-][^\x00]*$", description="Relative to the application's folder")]
    find: str = Field(min_length=1)
    replace: str

    def apply(self, application: Path) -> None:
        """Make the edit.

        Raises:
            ValueError: the text is not there, or more than once; or the file leads out of the application.
        """
        file = (application / self.file).resolve()
        if application.resolve() not in file.parents:
            raise ValueError(f"{self.file} is outside the application")
        text = file.read_text(encoding="utf-8")
        if text.count(self.find) != 1:
            raise ValueError(f"{self.file} has {text.count(self.find)} times: {self.find!r}")
        file.write_text(text.replace(self.find, self.replace), encoding="utf-8")


class Expectation(_Closed):
    """What must be found."""

    service: str = Field(description="The service whose release breaks")
    code: str = Field(description="Code of the finding that is the root cause")
    evidence: str = Field(description="Regular expression that the evidence matches")


class Scenario(_Closed):
    """One way in which a deployment goes wrong."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    title: str
    description: str
    changes: list[Change] = Field(min_length=1)
    expect: Expectation


def names() -> list[str]:
    """The names of all scenarios."""
    folder = resources.files("evals").joinpath("scenarios")
    return sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))


def load(name: str) -> Scenario:
    """One scenario by its name.

    Raises:
        FileNotFoundError: there is none.
        pydantic.ValidationError: it is broken.
    """
    text = resources.files("evals").joinpath("scenarios", f"{name}.yaml").read_text(encoding="utf-8")
    return Scenario.model_validate(yaml.safe_load(text))
