"""Relative units and their logarithmic scales."""

import pytest

from pipeline.cohort.relative_units import relative_unit
from pipeline.cohort.unit_spelling import normalise_unit


@pytest.mark.parametrize(
    ("text", "unit", "scale", "signed"),
    [
        ("NPX", "NPX", "log2", True),
        (" npx ", "NPX", "log2", True),
        ("log2(NPX)", "NPX", "log2", True),
        ("NPQ", "NPQ", "log2", True),
        ("{z}", "{z}", "linear", True),
        ("Z-Score", "{z}", "linear", True),
        ("z_score", "{z}", "linear", True),
        ("z–score", "{z}", "linear", True),
        ("{MFI}", "{MFI}", "linear", False),
        ("mfi", "{MFI}", "linear", False),
        ("RFU", "{RFU}", "linear", False),
    ],
)
def test_spellings_of_one_relative_unit(text, unit, scale, signed):
    relative = relative_unit(text)
    assert (relative.unit, relative.scale, relative.signed) == (unit, scale, signed)
    assert normalise_unit(text) == normalise_unit(unit)


@pytest.mark.parametrize("text", ["", "1", "pg/mL", "ng/L", "%", "{FEU}", "U/mL", "{}"])
def test_other_units_are_not_relative(text):
    assert relative_unit(text) is None
