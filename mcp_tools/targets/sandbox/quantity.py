"""Amounts of resources, exact: ``500m``, ``1.5Gi``, ``1e3``; printed in their canonical form.

Source: apimachinery's ``api/resource``. An amount keeps the format that it was written in, sums take that of the
first part that is not zero, and nothing is smaller than a billionth: what is, is rounded up.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Format = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL_NAMES = {power: name for name, power in _DECIMAL.items()}
_BINARY_NAMES = {0: "", **{power: name for name, power in _BINARY.items()}}
_WRITTEN = re.compile(r"([+-]?)([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+|[a-zA-Z]*)\Z")


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount and the format that it is printed in."""

    amount: Fraction
    format: Format = "DecimalSI"

    def __add__(self, other: Quantity) -> Quantity:
        return Quantity(self.amount + other.amount, self.format if self.amount else other.format)

    def __sub__(self, other: Quantity) -> Quantity:
        return Quantity(self.amount - other.amount, self.format if self.amount else other.format)

    def __lt__(self, other: Quantity) -> bool:
        return self.amount < other.amount

    def __le__(self, other: Quantity) -> bool:
        return self.amount <= other.amount

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.amount == other.amount

    def __hash__(self) -> int:
        return hash(self.amount)

    def __bool__(self) -> bool:
        return bool(self.amount)

    @property
    def value(self) -> int:
        """In whole units, rounded up."""
        return _up(self.amount)

    @property
    def milli(self) -> int:
        """In thousandths, rounded up."""
        return _up(self.amount * 1000)

    def __str__(self) -> str:
        return _printed(self)


ZERO = Quantity(Fraction(0))


def _up(amount: Fraction) -> int:
    """Rounded away from zero, as the amounts of apimachinery are."""
    return math.ceil(amount) if amount >= 0 else math.floor(amount)


@functools.lru_cache(maxsize=8192)
def _read(text: str) -> Quantity:
    found = _WRITTEN.match(text)
    if found is None:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    sign, digits, suffix = found.groups()
    amount = Fraction(digits if digits[-1] != "." else digits[:-1])
    form: Format = "DecimalSI"
    if suffix in _DECIMAL:
        amount *= Fraction(10) ** _DECIMAL[suffix]
    elif suffix in _BINARY:
        form = "BinarySI"
        amount *= 1024 ** _BINARY[suffix]
    elif suffix[:1] in ("e", "E") and len(suffix) > 1 and suffix[1:].lstrip("+-").isdigit():
        form = "DecimalExponent"
        amount *= Fraction(10) ** int(suffix[1:])
    else:
        raise ValueError("unable to parse quantity's suffix")
    nano = amount * 10**9
    if nano.denominator != 1:
        amount = Fraction(math.ceil(nano), 10**9)
    return Quantity(-amount if sign == "-" else amount, form)


def parse(written: str | int | float) -> Quantity:
    """The amount that is written so; numbers of JSON are taken as their digits.

    Raises:
        ValueError: it is no quantity; the text is apimachinery's.
    """
    return _read(written.strip() if isinstance(written, str) else repr(written))


def of(number: int, form: Format = "DecimalSI") -> Quantity:
    """So many units."""
    return Quantity(Fraction(number), form)


def canonical(written: str | int | float) -> str:
    """How the API server prints what is written so: ``0.5`` is ``500m``, ``1024Mi`` is ``1Gi``.

    Raises:
        ValueError: it is no quantity.
    """
    return str(parse(written))


def _printed(quantity: Quantity) -> str:
    amount = quantity.amount
    if not amount:
        return "0"
    if quantity.format == "BinarySI" and not -1024 < amount < 1024:
        number, power = _up(amount), 0
        while number % 1024 == 0 and power < 6:
            number //= 1024
            power += 1
        return f"{number}{_BINARY_NAMES[power]}"
    number, power = _up(amount * 10**9), -9
    while number % 1000 == 0 and power < 18:
        number //= 1000
        power += 3
    if quantity.format == "DecimalExponent":
        return f"{number}e{power}" if power else str(number)
    return f"{number}{_DECIMAL_NAMES[power]}"


Amounts = dict[str, Quantity]
"""Amounts by the name of their resource."""


def amounts(written: dict[str, str | int | float] | None) -> Amounts:
    """A resource list, read."""
    return {name: parse(value) for name, value in (written or {}).items()}


def add(left: Amounts, right: Amounts) -> Amounts:
    """The sum of two resource lists."""
    found = dict(left)
    for name, value in right.items():
        found[name] = found[name] + value if name in found else value
    return found


def subtract(left: Amounts, right: Amounts) -> Amounts:
    """The difference of two resource lists; names of either."""
    found = dict(left)
    for name, value in right.items():
        found[name] = found.get(name, ZERO) - value
    return found


def largest(left: Amounts, right: Amounts) -> Amounts:
    """Of each resource the larger amount."""
    found = dict(left)
    for name, value in right.items():
        if name not in found or found[name] < value:
            found[name] = value
    return found


def written(amounts_: Amounts) -> dict[str, str]:
    """A resource list, printed."""
    return {name: str(value) for name, value in amounts_.items()}
