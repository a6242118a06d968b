"""The meaning of a missing assessment depends on whether the ward charts grade 0."""

import pytest

from pipeline.cohort.ungraded import (
    count_ungraded,
    never_graded,
    ungraded_text,
    unknown_without_grades,
)
from tests.builders import make_cohort

ZEROS = [(0, "crs", 0, 5.0), (0, "crs", 3, 9.0), (1, "crs", 0, 5.0), (2, "crs", 1, 5.0)]
EVENTS_ONLY = [(0, "crs", 3, 9.0), (1, "crs", 1, 5.0), (2, "crs", 0, 5.0), (3, "crs", 2, 5.0)]


@pytest.mark.parametrize(
    ("rows", "setting", "unknown"),
    [
        (ZEROS, "as_charted", True),
        (EVENTS_ONLY, "as_charted", False),
        (ZEROS[:1] + EVENTS_ONLY[1:2], "as_charted", False),  # half is not most
        (ZEROS, "no_event", False),
        (EVENTS_ONLY, "unknown", True),
        ([], "as_charted", False),
        ([], "unknown", True),
    ],
)
def test_silence_is_read_as_the_graded_patients_are_charted_or_as_stated(rows, setting, unknown):
    cohort = make_cohort(6, assessments=rows)
    silent = [number not in {row[0] for row in rows} for number in range(6)]
    assert never_graded(cohort, "crs").tolist() == silent
    unknown_rows = unknown_without_grades(cohort, "crs", setting)
    assert unknown_rows.tolist() == (silent if unknown else [False] * 6)


def test_each_scale_is_asked_by_itself_and_death_never():
    cohort = make_cohort(3, assessments=[*ZEROS, (0, "icans", 2, 9.0), (0, "death", 0, 9.0)])
    assert unknown_without_grades(cohort, "crs", "as_charted").sum() == 0
    assert count_ungraded(cohort, "icans", "as_charted").read_as == "no_event"
    assert not unknown_without_grades(cohort, "death", "unknown").any()


def test_the_text_counts_the_ungraded_and_gives_the_reason():
    cohort = make_cohort(5, assessments=ZEROS)
    texts = {
        setting: ungraded_text(count_ungraded(cohort, "crs", setting).to_dict())
        for setting in ("as_charted", "no_event")
    }
    assert texts["as_charted"].startswith("CRS: 2 of 5 patients ")
    assert "excluded as unknown, because 2 of the 3 " in texts["as_charted"]
    assert "without the event" in texts["no_event"]
    assert texts["no_event"].endswith("cohort.ungraded: no_event")
    whole = make_cohort(3, assessments=ZEROS)
    text = ungraded_text(count_ungraded(whole, "crs", "as_charted").to_dict())
    assert text == "CRS: all 3 patients were graded"
