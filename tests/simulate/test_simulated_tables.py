"""The five tables: every row within its patient's record, drugs as decided, grades as assessed."""

import numpy as np


def test_one_row_per_patient_with_the_ends_of_the_course(world):
    people = world.tables["patients"]
    assert people["patient"].tolist() == list(range(len(world.people)))
    assert (people["record_end_hours"] <= people["followed_until_hours"] + 1e-9).all()
    died = ~world.history.final.alive
    np.testing.assert_array_equal(people["death_hours"].notna(), died)


def test_nothing_is_charted_given_or_filed_after_death(world):
    died = world.history.final.died
    assert np.isfinite(died).any()
    for name, clock in (
        ("labs", "resulted_hours"),
        ("treatments", "given_hours"),
        ("observations", "observed_hours"),
        ("assessments", "assessed_hours"),
    ):
        table = world.tables[name].dropna(subset=clock)
        assert (table[clock].to_numpy() < died[table["patient"]]).all(), name


def test_both_scales_are_charted_at_every_assessment_with_the_grade_of_the_course(world):
    table = world.tables["assessments"]
    wide = table.pivot(index=["patient", "assessed_hours"], columns="scale", values="grade")
    assert wide.notna().all().all()
    patient = wide.index.get_level_values("patient").to_numpy()
    hours = wide.index.get_level_values("assessed_hours").to_numpy()
    for scale in ("crs", "icans"):
        np.testing.assert_array_equal(wide[scale], world.history.at(scale, patient, hours))


def test_every_dose_of_the_course_is_a_row_with_its_intent(world):
    table = world.tables["treatments"]
    alive_at = world.history.final.died[None, :] > world.history.hours[:, None] + 0.75
    for drug, given in world.history.doses.items():
        assert (table["drug"] == drug).sum() == (given & alive_at).sum()
    ill = table["intent"] == "therapy"
    graded = sum(
        world.history.at(scale, table["patient"].to_numpy(), table["given_hours"].to_numpy())
        for scale in ("crs", "icans")
    )
    np.testing.assert_array_equal(ill, graded > 0)


def test_tables_are_sorted_by_patient_and_time(world):
    for name, clock in (("labs", "collected_hours"), ("treatments", "given_hours")):
        pairs = world.tables[name][["patient", clock]].itertuples(index=False, name=None)
        pairs = list(pairs)
        assert pairs == sorted(pairs)
