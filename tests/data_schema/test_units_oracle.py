"""Every conversion of the dictionary against pint and ucumvert, where they can express it."""

from __future__ import annotations

import re

import pytest
from ucumvert import PintUcumRegistry

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.unit_spelling import normalise_unit

# spellings of laboratories that are no UCUM; the code under test does not know this table
UCUM = {
    "thou/uL": "10*3/uL", "K/uL": "10*3/uL", "K/mm3": "10*3/mm3", "M/uL": "10*6/uL",
    "G/L": "10*9/L", "T/L": "10*12/L", "cells/uL": "/uL", "cells/mm3": "/mm3",
    "IU/L": "[IU]/L", "meq/L": "meq/L", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "mm/hr": "mm/h", "mm/hour": "mm/h", "mm/1h": "mm/h", "INR": "1", "ratio": "1", "x1000": "10*-3",
    "x10*-3": "10*-3", "/[HPF]": "",
}  # fmt: skip
# The factor is not a matter of units: molar masses, charges, an assay's basis, per cent of normal
OTHER_KIND = re.compile(r"mol/|meq|kat|IU|U/|DDU|urea|^mm$|1\.73")


@pytest.fixture(scope="module")
def registry():
    return PintUcumRegistry()


def plain(unit: str) -> str:
    """UCUM of a unit without annotations, which pint would drop silently."""
    text = UCUM.get(unit, unit)
    text = re.sub(r"(FEU|DDU)(?=/)", "", text)
    return re.sub(r"\{[^}]*\}", "", text) or "1"


def basis(unit: str) -> str:
    found = re.search(r"feu|ddu", normalise_unit(unit))
    return found[0] if found else ""


CASES = [
    (analyte.key, unit, factor)
    for analyte in dictionary().values()
    for unit, factor in analyte.conversions.items()
]


def expressible(key: str, unit: str) -> bool:
    canonical = dictionary()[key].unit
    return not OTHER_KIND.search(unit) and not OTHER_KIND.search(canonical)


EXPRESSIBLE = [case for case in CASES if expressible(*case[:2])]


@pytest.mark.parametrize(("key", "unit", "factor"), EXPRESSIBLE)
def test_a_factor_is_the_one_of_ucum(registry, key, unit, factor):
    canonical = dictionary()[key].unit
    assert basis(unit) == basis(canonical)
    given = registry.from_ucum(plain(unit))
    wanted = registry.from_ucum(plain(canonical))
    assert (1 * given).to(wanted).magnitude == pytest.approx(factor, rel=1e-9)


def test_most_conversions_are_checked():
    assert len(EXPRESSIBLE) > 0.6 * len(CASES)


def test_what_pint_cannot_tell_apart_is_told_apart_here(registry):
    assert (1 * registry.from_ucum("ug{FEU}/mL")).to(
        registry.from_ucum("ug{DDU}/mL")
    ).magnitude == 1
    conversions = dictionary()["d_dimer"].conversions
    assert conversions["ug/mL{DDU}"] == 2 * conversions["ug/mL{FEU}"]
