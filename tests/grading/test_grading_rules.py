"""The grade from those of the domains, and the order of categories."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.grading.grading_rules import (
    SCALES,
    SEDATED,
    Verdict,
    domain_items,
    domains,
    grades_in_order,
    notes,
    scale_rules,
    valid_hours,
    words_in_order,
)
from pipeline.resources import schema_yaml

bounds = st.tuples(st.integers(0, 4), st.integers(0, 4)).map(sorted)


@given(pairs=st.lists(bounds, min_size=1, max_size=4), not_gradable=st.booleans())
@settings(deadline=None)
def test_the_worst_domain_wins_and_an_open_grade_is_never_zero(pairs, not_gradable):
    verdict = Verdict(1)
    for number, (low, high) in enumerate(pairs):
        verdict.domain(
            f"d{number}", np.array([low * 1.0]), np.array([high * 1.0]), np.array([False])
        )
    row = verdict.table(np.array([not_gradable])).iloc[0]
    least, most = max(low for low, _ in pairs), max(high for _, high in pairs)
    if not_gradable or (least == 0 and most > 0):
        assert np.isnan(row["grade"])
    else:
        assert row["grade"] == least
    whole = not not_gradable and least == most
    assert row["confidence"] == ("complete" if whole else "partial")
    deciding = [f"d{number}" for number, (low, _) in enumerate(pairs) if low == row["grade"] > 0]
    assert row["domain"] == "+".join(deciding)


@pytest.mark.parametrize("key", sorted(notes()))
def test_an_ambiguous_note_makes_the_grade_ambiguous_and_others_do_not(key):
    verdict = Verdict(2)
    verdict.domain("d", np.ones(2), np.ones(2), np.zeros(2, dtype=bool))
    verdict.note(key, np.array([True, False]))
    table = verdict.table(np.zeros(2, dtype=bool))
    expected = "ambiguous" if notes()[key]["ambiguous"] else "complete"
    assert table["confidence"].tolist() == [expected, "complete"]
    assert table["note"].tolist() == [notes()[key]["words"], ""]


def test_missing_domains_are_named_in_order():
    verdict = Verdict(1)
    for name in ("b", "a"):
        verdict.domain(name, np.ones(1), np.ones(1), np.array([True]))
    assert verdict.table(np.array([False]))["missing"][0] == "b, a"


def test_a_note_given_twice_holds_wherever_it_was_given():
    verdict = Verdict(3)
    verdict.domain("d", np.ones(3), np.ones(3), np.zeros(3, dtype=bool))
    key = sorted(notes())[0]
    verdict.note(key, np.array([True, False, False]))
    verdict.note(key, np.array([False, True, False]))
    assert (verdict.table(np.zeros(3, dtype=bool))["note"] != "").tolist() == [True, True, False]


@pytest.mark.parametrize("scale", SCALES)
def test_grades_rise_with_the_words_and_every_word_is_legal(scale):
    items = schema_yaml("observations.yaml")["items"]
    graded = [name for name, rule in scale_rules(scale).items() if name in items and rule != 0]
    assert graded
    for item in graded:
        if not isinstance(scale_rules(scale)[item], dict) or items[item]["kind"] == "number":
            continue
        words = [word for word in words_in_order(item) if word != SEDATED]
        grades = grades_in_order(scale, item)
        assert grades == sorted(grades)
        assert len(grades) == len(words)
        assert set(words) <= {str(word) for word in items[item]["values"]}


def test_every_item_belongs_to_one_domain():
    for scale in SCALES:
        members = [item for items in domain_items(scale).values() for item in items]
        assert len(members) == len(set(members))
        assert set(domains(scale)) <= set(domain_items(scale))


def test_a_domain_with_a_duration_of_its_own_ignores_the_setting():
    special = schema_yaml("grading.yaml")["carry_hours"]
    assert valid_hours("edema", 12.0) == float(special["edema"])
    assert valid_hours("hypoxia", 12.0) == 12.0
