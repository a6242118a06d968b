"""Results as text, read back to their numbers; units as laboratories write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.analytes import dictionary
from pipeline.explain.result_text import number_text, unit_text, value_text


@given(st.floats(1e-4, 1e6))
def test_a_result_keeps_three_significant_digits_or_its_whole_part(value):
    text = number_text(value)
    assert "e" not in text
    number = float(text.replace(",", ""))
    tolerance = 0.5 if value >= 100 else 0.005 * value + 5e-6
    assert number == pytest.approx(value, abs=tolerance + 1e-9)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("platelets", "×10⁹/L"),
        ("d_dimer", "mg/L FEU"),
        ("csf_serum_albumin", "ratio"),
        ("crp", "mg/L"),
    ],
)
def test_a_unit_reads_as_a_laboratory_writes_it(key, shown):
    assert unit_text(dictionary()[key].unit) == shown


def test_a_limit_is_shown_before_the_number():
    assert [value_text(5.0, side, "mg/L")[0] for side in (-1, 0, 1)] == ["<", "5", ">"]
