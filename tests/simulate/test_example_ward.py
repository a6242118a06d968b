"""The ward of the demo: dated, repeatable, one of every kind, nothing edited but two exports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from pipeline.errors import UsageError
from pipeline.simulate.example_courses import COURSES
from pipeline.simulate.example_ward import UNREADABLE, ExampleWard, draw_ward

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def ward() -> ExampleWard:
    return draw_ward(12, 5, NOW, panel="research")


def sound(ward: ExampleWard, table: str) -> pd.DataFrame:
    """Rows without the planted ones."""
    wrong = ward.planted.loc[ward.planted["file"] == f"{table}.csv", "row"] - 2
    return ward.exports[table].drop(index=wrong)


def of_kind(ward: ExampleWard, kind: str) -> str:
    return str(ward.kinds.set_index("kind").loc[kind, "patient_id"])


def ages(ward: ExampleWard, table: str, column: str) -> pd.Series:
    """Minutes from the newest entry of each patient to the moment of the ward."""
    rows = sound(ward, table)
    at = pd.to_datetime(rows[column].mask(rows[column] == ""), utc=True, format="ISO8601")
    return (pd.Timestamp(NOW) - at.groupby(rows["patient_id"]).max()) / timedelta(minutes=1)


def test_every_newest_result_is_minutes_old_and_nothing_is_later(ward) -> None:
    older = [of_kind(ward, kind) for kind in ("treated_since", "abstained")]
    newest = ages(ward, "labs", "resulted_at").drop(older)
    assert newest.between(1, 26).all()
    assert ages(ward, "assessments", "assessed_at").min() > 0
    assert ages(ward, "treatments", "given_at").min() > 0


def test_the_treated_patient_was_treated_after_the_newest_result(ward) -> None:
    patient = of_kind(ward, "treated_since")
    dose = ages(ward, "treatments", "given_at")[patient]
    assert 0 < dose < ages(ward, "labs", "resulted_at")[patient]


def test_there_is_one_of_every_kind_among_the_patients(ward) -> None:
    assert sorted(ward.kinds["kind"]) == sorted(COURSES)
    assert set(ward.kinds["patient_id"]) < set(ward.exports["patients"]["patient_id"])
    assert len(sound(ward, "patients")) == 12


def test_two_exports_are_spoiled_and_no_other(ward) -> None:
    labs = sound(ward, "labs")
    unreadable = labs["value"] == UNREADABLE
    assert set(labs.loc[unreadable, "patient_id"]) == {of_kind(ward, "rejected")}
    assert (labs.loc[labs["patient_id"] == of_kind(ward, "rejected"), "value"] == UNREADABLE).all()
    kinds = labs.groupby("patient_id")["analyte"].nunique()
    assert kinds[of_kind(ward, "abstained")] == 1
    assert kinds.drop(of_kind(ward, "abstained")).min() > 5


def test_the_same_moment_gives_the_same_ward_and_another_only_other_times(ward) -> None:
    again = draw_ward(12, 5, NOW, panel="research")
    for name, table in ward.exports.items():
        pd.testing.assert_frame_equal(table, again.exports[name])
    later = draw_ward(12, 5, NOW + timedelta(days=300), panel="research")
    columns = ["patient_id", "analyte", "value", "unit"]
    pd.testing.assert_frame_equal(ward.exports["labs"][columns], later.exports["labs"][columns])


def test_fewer_patients_than_kinds_and_a_moment_without_an_offset() -> None:
    few = draw_ward(2, 5, NOW)
    assert len(few.kinds) == len(sound(few, "patients")) == 2
    with pytest.raises(UsageError, match="no offset"):
        draw_ward(2, 5, NOW.replace(tzinfo=None))
