"""The grading rules: every legal finding has a grade, in order, and every note is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.grading import grading_rules
from pipeline.resources import schema_yaml

ITEMS = schema_yaml("observations.yaml")["items"]
GRADED = [
    (scale, item)
    for scale in grading_rules.SCALES
    for item in ITEMS
    if isinstance(grading_rules.scale_rules(scale).get(item), dict)
]
ROOM = Path(__file__).resolve().parents[2] / "pipeline" / "grading"


@pytest.mark.parametrize(("scale", "item"), GRADED)
def test_every_legal_word_has_a_grade_and_they_rise(scale, item):
    assert set(grading_rules.words_in_order(item)) == {str(word) for word in ITEMS[item]["values"]}
    grades = grading_rules.grades_in_order(scale, item)
    assert grades == sorted(grades)
    assert grades[0] == 0
    assert set(grades) <= {0, 1, 2, 3, 4}


def test_every_item_belongs_to_one_domain_of_one_scale():
    owned = [
        item
        for scale in grading_rules.SCALES
        for items in grading_rules.domain_items(scale).values()
        for item in items
    ]
    assert sorted(owned) == sorted(ITEMS)


def test_drugs_that_hide_a_fever_exist_as_a_class():
    classes = {drug["class"] for drug in schema_yaml("drugs.yaml")["drugs"].values()}
    assert set(grading_rules.masking()) <= classes
    for rule in grading_rules.masking().values():
        assert rule["for_hours"] is None or rule["for_hours"] > 0


def test_every_note_is_used_and_says_something():
    code = "".join(path.read_text(encoding="utf-8") for path in ROOM.glob("*.py"))
    for key, note in grading_rules.notes().items():
        assert f'"{key}"' in code or f'"{key} ' in code or f'f"{key} ' in code, key
        assert isinstance(note["ambiguous"], bool)
        assert note["words"]
