"""Numbers with units, whatever people write."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.quantities import Quantity, format_value, registry

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(number=NUMBERS, unit=st.sampled_from(["", "W", "degC", "K/min", "sccm", "1/ohm", "Angstrom/s"]))
def test_what_is_written_is_read_back_as_it_was(number: float, unit: str) -> None:
    text: object = format_value(number, unit)
    assert Quantity(unit).parse(text) == number


@given(text=st.text(max_size=30))
def test_any_text_is_a_number_or_one_value_error(text: str) -> None:
    try:
        number = Quantity("W", 0, 300).parse(text)
    except ValueError as error:
        assert str(error)
    else:
        assert 0 <= number <= 300


@given(low=NUMBERS, high=NUMBERS, number=NUMBERS)
def test_the_limits_are_kept(low: float, high: float, number: float) -> None:
    low, high = sorted((low, high))
    quantity = Quantity("W", low, high)
    if low <= number <= high:
        assert quantity.parse(f"{number!r} W") == number
    else:
        with pytest.raises(ValueError, match="is outside"):
            quantity.parse(f"{number!r} W")


@pytest.mark.parametrize(
    ("given_text", "unit", "expected"),
    [
        ("1 um", "nm", 1000.0),
        ("0.3 mm", "um", 300.0),
        ("350 degC", "K", 623.15),
        ("623.15 K", "degC", 350.0),
        ("10 K/min", "K/s", 1 / 6),
        ("1.5e-3 mbar", "Pa", 0.15),
        ("2 h", "min", 120.0),
        (" 40W ", "W", 40.0),
    ],
)
def test_units_are_converted(given_text: str, unit: str, expected: float) -> None:
    assert Quantity(unit).parse(given_text) == pytest.approx(expected, rel=1e-14)


def test_a_limit_in_another_unit_is_met() -> None:
    assert Quantity("nm", 1, 1000).parse("1 um") == 1000
    assert Quantity("K", 0, 623.15).parse("350 degC") == 623.15


def test_a_pint_quantity_is_taken() -> None:
    assert Quantity("W").parse(registry().Quantity(0.1, "kW")) == 100


@pytest.mark.parametrize("value", [math.nan, math.inf, True, None, [1], "W", "1 2 W", "1,5 W", "0x10 W", "10**400 W"])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        Quantity("W").parse(value)
