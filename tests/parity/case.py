"""A case: a few operations in a namespace of its own, and what they gave back."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.parity.stage import Stage

Run = Callable[["Stage"], None]


@dataclass(frozen=True)
class Case:
    """``alone``: it changes something of the whole cluster; no other case runs beside it. ``seconds`` bounds a wait."""

    family: str
    name: str
    run: Run
    alone: bool = False
    seconds: float = 60.0

    @property
    def id(self) -> str:
        """``family/name``."""
        return f"{self.family}/{self.name}"

    @property
    def namespace(self) -> str:
        """The same in every cluster and always as long, so that nothing needs to be replaced."""
        return f"parity-{zlib.crc32(self.id.encode()):08x}"


CASES: dict[str, Case] = {}


def add(family: str, name: str, run: Run, *, alone: bool = False, seconds: float = 60.0) -> None:
    """Add a case."""
    made = Case(family, name, run, alone, seconds)
    assert made.id not in CASES, f"two cases are named {made.id}"
    CASES[made.id] = made


def case(family: str, *, alone: bool = False, seconds: float = 60.0) -> Callable[[Run], Run]:
    """A decorator: the function is a case, named as the function is."""

    def register(run: Run) -> Run:
        add(family, run.__name__.strip("_").replace("_", "-"), run, alone=alone, seconds=seconds)
        return run

    return register
