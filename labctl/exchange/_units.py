"""Units as other formats write them."""

from __future__ import annotations

_UCUM = {
    "A": "A",
    "mA": "mA",
    "V": "V",
    "W": "W",
    "kWh": "kW.h",
    "ohm": "Ohm",
    "Hz": "Hz",
    "K": "K",
    "degC": "Cel",
    "K/min": "K/min",
    "Pa": "Pa",
    "psi": "[psi]",
    "s": "s",
    "min": "min",
    "h": "h",
    "nm": "nm",
    "nm/s": "nm/s",
    "um": "um",
    "mm": "mm",
    "mg": "mg",
    "g": "g",
    "percent": "%",
    "": "1",
}
"""Codes of the Unified Code for Units of Measure, version 2.1, by the name in the records."""


def ucum(unit: str) -> str:
    """Return a unit's UCUM code; empty where it has none (a standard cubic centimetre per minute has none)."""
    return _UCUM.get(unit, "")


def common_unit(unit: str) -> str:
    """Return a unit as pint's own registry knows it: without those that labctl defines."""
    return unit.replace("sccm", "cm**3/min")
