"""Doses on a page: the doses of each drug, and the caveat of a dose while it lasts."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.drug_caveats import caveats, drug_marks, drug_name, drug_names
from pipeline.resources import schema_yaml

DRUGS = schema_yaml("drugs.yaml")["drugs"]
EFFECTS = [
    (drug, analyte, effect["for_hours"])
    for drug, entry in DRUGS.items()
    for analyte, effect in entry.get("effects", {}).items()
]


def doses(*rows):
    return pd.DataFrame(list(rows), columns=["drug", "given_hours"])


@pytest.mark.parametrize(("drug", "analyte", "lasts"), EFFECTS)
def test_a_dose_counts_from_after_it_is_given_until_it_has_worn_off(drug, analyte, lasts):
    given_at = doses((drug, 10.0))
    assert caveats(given_at, analyte, 10.0) == []
    assert len(caveats(given_at, analyte, 10.5)) == 1
    if lasts is None:
        assert len(caveats(given_at, analyte, 5000.0)) == 1
        return
    assert len(caveats(given_at, analyte, 10.0 + lasts)) == 1
    assert caveats(given_at, analyte, 10.1 + lasts) == []
    again = doses((drug, 10.0), (drug, 9.0 + lasts))
    assert len(caveats(again, analyte, 10.1 + lasts)) == 1


def test_an_analyte_that_no_dose_touches_has_no_caveat():
    assert caveats(doses(("tocilizumab", 1.0)), "platelets", 20.0) == []
    assert caveats(doses(("wonder_drug", 1.0)), "il6", 20.0) == []


keys = st.sampled_from([*sorted(DRUGS), "wonder_drug", "drug_2"])


@given(st.lists(st.tuples(keys, st.floats(0, 90)), max_size=20))
def test_every_drug_has_its_doses_in_order(rows):
    marks = drug_marks(doses(*rows))
    first = list(dict.fromkeys(drug for drug, _ in rows))
    assert [mark.name for mark in marks] == [drug_name(drug) for drug in first]
    for mark, drug in zip(marks, first, strict=True):
        assert list(mark.hours) == sorted(hour for name, hour in rows if name == drug)


def test_names_in_a_sentence_are_each_said_once():
    names = drug_names(doses(("anakinra", 1.0), ("tocilizumab", 2.0), ("anakinra", 3.0)))
    assert names == ["anakinra", "tocilizumab"]
