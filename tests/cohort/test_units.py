"""Units: spelling, conversion, and sites whose unit differs from the stated one."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.cohort.units import conversion, plausible_units, suits_loinc, unit_slips
from pipeline.config import load_config
from pipeline.reading.reader import read_cohort


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
        ("crp", "furlongs", "mg/L"),
        ("crp", "", "a blank unit"),
    ],
)
def test_reasons_name_the_problem_and_the_accepted_units(key, unit, words):
    number, reason = conversion(dictionary()[key], unit)
    assert math.isnan(number)
    assert words in reason
    assert "Accepted: " in reason


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


ROOT = Path(__file__).resolve().parents[2]


SHARED = ROOT.parent / "shared" / "data"


def results(key, centre, *, site, patients=30, per_patient=4, seed=0, spread=0.4):
    """Log-normal results of one site around a centre in the canonical unit."""
    random = np.random.default_rng(seed)
    who = np.repeat(np.arange(patients), per_patient)
    value = centre * 10 ** random.normal(0, spread, len(who))
    return pd.DataFrame(
        {"patient": who, "analyte": key, "value": value, "cancelled": False, "site": site}
    )


def slips_of(*parts):
    """Slips in several sites, each with its own patients."""
    shift, tables = 0, []
    for part in parts:
        tables.append(part.assign(patient=part["patient"] + shift))
        shift += int(part["patient"].max()) + 1
    labs = pd.concat(tables, ignore_index=True)
    sites = labs.drop_duplicates("patient").set_index("patient")["site"].reindex(range(shift))
    return unit_slips(labs.drop(columns="site"), sites, dictionary())


@pytest.mark.parametrize(
    ("key", "centre", "slip", "unit"),
    [
        ("crp", 40.0, 0.1, "mg/dL"),
        ("fibrinogen", 350.0, 0.01, "g/L"),
        ("d_dimer", 1.5, 1000.0, "{FEU}"),
        ("csf_serum_albumin", 0.007, 1000.0, "10*-3"),
        ("csf_serum_albumin", 0.007, 100.0, "%"),
        ("albumin", 4.0, 10.0, "g/L"),
        ("ferritin", 900.0, 0.001, "mg/L"),
    ],
)
def test_a_slip_at_one_site_is_proposed_with_its_unit(key, centre, slip, unit):
    slips = slips_of(
        results(key, centre, site="one", spread=0.3),
        results(key, centre * slip, site="two", seed=1, spread=0.3),
    )
    assert slips["site"].tolist() == ["two"]
    assert slips["compared_with"].tolist() == ["other sites"]
    assert slips["factor"][0] == pytest.approx(1 / slip, rel=0.02)
    assert unit in slips["words"][0]


def test_a_slip_of_the_only_site_is_found_by_the_dictionary():
    slips = slips_of(results("fibrinogen", 3.5, site=""))
    assert slips["compared_with"].tolist() == ["dictionary"]
    assert slips["factor"].tolist() == [100.0]
    assert "g/L" in slips["words"][0]


def test_patients_who_differ_less_than_fivefold_are_no_slip():
    slips = slips_of(results("crp", 20.0, site="one"), results("crp", 70.0, site="two", seed=1))
    assert slips.empty


@pytest.mark.parametrize("seed", range(20))
def test_sites_that_agree_are_no_slip(seed):
    parts = [
        results(key, centre, site=site, seed=100 * seed + number, patients=8, spread=0.6)
        for number, site in enumerate(("one", "two", "three"))
        for key, centre in (("crp", 40.0), ("il6", 30.0), ("ferritin", 900.0))
    ]
    assert slips_of(*parts).empty


def test_few_results_few_patients_withdrawn_rows_and_unknown_analytes_are_passed_over():
    wrong = results("fibrinogen", 3.5, site="")
    assert slips_of(wrong.head(19)).empty
    assert slips_of(wrong.assign(patient=wrong["patient"] % 4)).empty
    assert slips_of(wrong.assign(cancelled=True)).empty
    assert slips_of(wrong.assign(analyte="saa")).empty


def test_units_in_which_a_bare_number_is_usual():
    assert plausible_units(dictionary()["albumin"], 40.0) == ["g/L"]
    assert plausible_units(dictionary()["fibrinogen"], 3.5)[0] == "g/L"
    assert plausible_units(dictionary()["alt"], 1e9) == []


@pytest.mark.parametrize(("folder", "config"), [("prcrs_recovered", "prcrs"), ("wuhan", "wuhan")])
def test_the_public_cohorts_have_no_slip(folder, config):
    if not (SHARED / folder).is_dir():
        pytest.skip(f"public cohort {folder} is not beside this checkout")
    settings = load_config([ROOT / "configs" / "cohorts" / f"{config}.yaml"]).cohort
    read = read_cohort(SHARED / folder, settings)
    assert unit_slips(read.cohort.labs, None, {**dictionary(), **read.local}).empty


@pytest.mark.parametrize("scale", ["log2", "log10"])
def test_no_unit_slip_is_proposed_for_logarithms(scale):
    analyte = replace(dictionary()["albumin"], scale=scale)
    number = np.arange(40)
    rows = pd.DataFrame(
        {
            "patient": number % 8,
            "analyte": "albumin",
            "value": 38.0 + number % 5,
            "cancelled": False,
        }
    )
    assert len(unit_slips(rows, None, dictionary())) == 1
    assert unit_slips(rows, None, {"albumin": analyte}).empty
