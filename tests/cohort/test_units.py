import math

import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.units import conversion, normalise_unit, suits_loinc


def factor(key, unit):
    return conversion(dictionary()[key], unit)[0]


@pytest.mark.parametrize("unit", ["µg/mL", "μg/mL", "mcg/mL", "ug/ml", " ug / mL ", "UG/ML"])
def test_one_spelling_for_every_micro(unit):
    assert normalise_unit(unit) == "ug/ml"


@pytest.mark.parametrize(
    "unit", ["mg/L FEU", "mg/L{FEU}", "mg/L (FEU)", "mg/L_feu", "mg{FEU}/L", "mgFEU/L", "mg FEU/L"]
)
def test_every_spelling_of_the_feu_basis_is_the_canonical_unit(unit):
    assert factor("d_dimer", unit) == 1.0


@pytest.mark.parametrize(
    "unit", ["x10^9/L", "10*9/L", "10^9/l", "10e9/L", "×10⁹/L", "x 10 ^ 9 / L", "10*3/µL", "K/uL"]
)
def test_powers_of_ten(unit):
    assert factor("platelets", unit) == 1.0


@pytest.mark.parametrize(
    ("key", "unit", "expected"),
    [
        ("crp", "mg/dL", 10),
        ("crp", "nmol/L", 0.105),
        ("d_dimer", "ng/mL FEU", 0.001),
        ("d_dimer", "ng/mL DDU", 0.002),
        ("d_dimer", "ug/mL DDU", 2),
        ("csf_serum_albumin", "%", 0.01),
        ("il6", "ng/mL", 1000),
    ],
)
def test_factors_to_the_canonical_unit(key, unit, expected):
    assert factor(key, unit) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("key", "unit", "words"),
    [
        ("d_dimer", "mg/L", "FEU or DDU"),
        ("d_dimer", "µg/mL", "FEU or DDU"),
        ("il6", "IU/mL", "no fixed mass"),
        ("csf_serum_albumin", "ratio", "times 100"),
        ("crp", "furlongs", "cannot be read. Legal: mg/L"),
        ("crp", "", "a blank unit"),
    ],
)
def test_refusals_say_why_and_what_is_legal(key, unit, words):
    number, reason = conversion(dictionary()[key], unit)
    assert math.isnan(number)
    assert words in reason
    assert "Legal: " in reason


@pytest.mark.parametrize("key", sorted(dictionary()))
def test_no_unit_of_the_dictionary_means_two_things(key):
    analyte = dictionary()[key]
    factors = {normalise_unit(analyte.unit): 1.0}
    for unit, number in analyte.conversions.items():
        assert factors.setdefault(normalise_unit(unit), number) == number
    assert not {normalise_unit(unit) for unit in analyte.refused} & set(factors)


@pytest.mark.parametrize(
    ("key", "code", "unit", "suits"),
    [
        ("d_dimer", "48065-7", "mg/L FEU", True),
        ("d_dimer", "48065-7", "ugFEU/mL", True),
        ("d_dimer", "48065-7", "mg/L DDU", False),
        ("d_dimer", "48065-7", "nmol/L", False),
        ("d_dimer", "48066-5", "ng/mL DDU", True),
        ("d_dimer", "7799-0", "mg/L DDU", True),
        ("csf_serum_albumin", "1756-6", "%", True),
        ("csf_serum_albumin", "1756-6", "1", False),
        ("crp", "76485-2", "nmol/L", True),
        ("crp", "76485-2", "mg/L", False),
        ("crp", "1988-5", "mg/L", True),
    ],
)
def test_a_code_may_prescribe_a_unit_or_a_basis(key, code, unit, suits):
    assert suits_loinc(dictionary()[key], code, unit) is suits
