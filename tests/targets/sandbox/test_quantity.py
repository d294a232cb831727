"""Amounts are exact, and printed as the API server prints them."""

from __future__ import annotations

import pytest

from mcp_tools.targets.sandbox import quantity

CASES = {
    "0": "0",
    "0m": "0",
    "0.5": "500m",
    ".5": "500m",
    "1.": "1",
    "1000m": "1",
    "1500m": "1500m",
    "1000": "1k",
    "1024": "1024",
    "1024Ki": "1Mi",
    "1.5Gi": "1536Mi",
    "0.5Gi": "512Mi",
    "0.5Ki": "512",
    "1e3": "1e3",
    "1E3": "1e3",
    "1E": "1E",
    "12e6": "12e6",
    "100M": "100M",
    "+2": "2",
    "-1500m": "-1500m",
    "0.0000000001": "1n",
    "6144Mi": "6Gi",
    "1025Ki": "1025Ki",
}


@pytest.mark.parametrize(("written", "printed"), CASES.items())
def test_is_printed_in_its_canonical_form(written: str, printed: str) -> None:
    assert quantity.canonical(written) == printed


@pytest.mark.parametrize("written", ["", "a", "1x", "1.5.2", "1 Gi", "Gi", "1e", "0x10", "1KI", "1K"])
def test_refuses_what_is_no_quantity(written: str) -> None:
    with pytest.raises(ValueError, match="quantit"):
        quantity.parse(written)


def test_numbers_of_json_are_amounts_too() -> None:
    assert quantity.canonical(2) == "2"
    assert quantity.canonical(0.1) == "100m"


def test_sums_are_exact_and_keep_the_first_format() -> None:
    total = quantity.ZERO
    for _ in range(10):
        total = total + quantity.parse("100m")
    assert str(total) == "1"
    assert str(quantity.parse("1Gi") + quantity.parse("1024")) == "1048577Ki"
    assert str(quantity.ZERO + quantity.parse("1Gi")) == "1Gi"


def test_whole_units_and_thousandths_are_rounded_up() -> None:
    assert quantity.parse("1500m").value == 2
    assert quantity.parse("1n").milli == 1
    assert quantity.parse("2").milli == 2000


def test_resource_lists_are_added_subtracted_and_compared_by_name() -> None:
    left, right = quantity.amounts({"cpu": "1", "memory": "1Gi"}), quantity.amounts({"cpu": "500m", "pods": "1"})
    assert quantity.written(quantity.add(left, right)) == {"cpu": "1500m", "memory": "1Gi", "pods": "1"}
    assert quantity.written(quantity.subtract(left, right)) == {"cpu": "500m", "memory": "1Gi", "pods": "-1"}
    assert quantity.written(quantity.largest(left, right)) == {"cpu": "1", "memory": "1Gi", "pods": "1"}
