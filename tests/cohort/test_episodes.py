"""Later infusions of a patient: own time zero, own rows, no rows of the earlier course."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audit.runner import audit_folder
from pipeline.cohort.episodes import hours_since
from pipeline.config import load_config
from pipeline.evaluate.scoring_protocol import shared_folds
from pipeline.evaluate.splits import splits_of
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.spec import learn_spec
from pipeline.model.outcomes import build_targets
from tests.exported import codes, conserved, read, score, write_export

ZERO, AGAIN = "2024-03-01T08:00:00+00:00", "2024-03-21T10:00:00+02:00"
PEOPLE = [
    ("patient_id", "infusion_time", "episode", "product", "sex", "age_years", "death_at"),
    ("A", AGAIN, "2", "tisa-cel", "", "", ""),
    ("A", ZERO, "1", "axi-cel", "F", "60", "2024-04-20T08:00:00Z"),
    ("B", ZERO, "", "axi-cel", "M", "50", ""),
]
LABS = [
    ("patient_id", "analyte", "value", "unit", "collected_at", "resulted_at"),
    ("A", "crp", "500", "mg/L", "2024-03-04T08:00:00Z", "2024-03-04T10:00:00Z"),
    ("A", "crp", "12", "mg/L", "2024-03-14T08:00:00Z", "2024-03-14T10:00:00Z"),
    ("A", "crp", "13", "mg/L", "2024-03-14T07:59:00Z", "2024-03-14T10:00:00Z"),
    ("A", "crp", "90", "mg/L", "2024-03-22T08:00:00Z", "2024-03-22T10:00:00Z"),
    ("B", "crp", "30", "mg/L", "2024-03-02T08:00:00Z", "2024-03-02T10:00:00Z"),
]
GRADES = [
    ("patient_id", "scale", "grade", "assessed_at"),
    ("A", "crs", "3", "2024-03-05T08:00:00Z"),
    ("A", "crs", "1", "2024-03-23T08:00:00Z"),
    ("B", "crs", "1", "2024-03-02T08:00:00Z"),
]
DOSES = [
    ("patient_id", "drug", "given_at"),
    ("A", "tocilizumab", "2024-03-05T08:00:00Z"),
    ("A", "dexamethasone", "2024-03-20T08:00:00Z"),
]


def export(folder, **tables):
    given = {"patients": PEOPLE, "labs": LABS, "assessments": GRADES, "treatments": DOSES}
    return write_export(folder, **{**given, **tables})


def rows(cohort, name, label, *columns):
    number = cohort.patients["patient_id"].tolist().index(label)
    table = getattr(cohort, name)
    return table.loc[table["patient"] == number, list(columns)].to_numpy().tolist()


def test_each_infusion_has_its_own_time_zero_and_rows(tmp_path):
    result = read(export(tmp_path))
    conserved(result)
    assert codes(result) == []
    cohort = result.cohort
    assert cohort.patients["patient_id"].tolist() == ["A", "A#2", "B"]
    assert cohort.persons().tolist() == [0, 0, 2]
    assert cohort.n_patients == 2
    assert rows(cohort, "labs", "A", "value", "collected_hours") == [
        [500.0, 72.0], [13.0, 312 - 1 / 60], [12.0, 312.0]
    ]  # fmt: skip
    # exactly a week before still is its baseline, a minute earlier is not
    assert rows(cohort, "labs", "A#2", "value", "collected_hours") == [[12.0, -168.0], [90.0, 24.0]]
    assert rows(cohort, "assessments", "A#2", "grade", "assessed_hours") == [[1, 48.0]]
    assert rows(cohort, "treatments", "A#2", "drug", "given_hours") == [["dexamethasone", -24.0]]
    assert result.surplus["labs"] == 1


def test_what_later_rows_leave_blank_is_that_of_the_patient(tmp_path):
    people = read(export(tmp_path)).cohort.patients.set_index("patient_id")
    assert people.loc["A", "second_infusion_hours"] == 480.0
    assert people.loc["A", "record_end_hours"] <= 480.0
    assert people.loc["A#2", "death_hours"] == 720.0
    assert people.loc["A#2", "sex"] == "female"
    assert people.loc["A#2", "product"] == "tisa-cel"
    assert people.loc["A#2", "age_years"] == pytest.approx(60 + 480 / 8766)
    assert np.isnan(people.loc["A#2", "second_infusion_hours"])


def test_all_hours_count_from_the_first_infusion(tmp_path):
    result = read(
        write_export(
            tmp_path,
            patients=[
                ("patient_id", "episode", "second_infusion_hours", "record_end_hours"),
                ("A", 1, 480, ""),
                ("A", 2, "", 700),
            ],
            labs=[
                ("patient_id", "analyte", "value", "unit", "collected_hours"),
                ("A", "crp", 5, "mg/L", 24),
                ("A", "crp", 6, "mg/L", 504),
            ],
            assessments=[("patient_id", "scale", "grade", "assessed_hours"), ("A", "crs", 1, 600)],
        )
    )
    conserved(result)
    people = result.cohort.patients.set_index("patient_id")
    assert people["record_end_hours"].to_dict() == {"A": 28.0, "A#2": 220.0}
    assert rows(result.cohort, "labs", "A#2", "collected_hours") == [[24.0]]


@pytest.mark.parametrize("second", ["", ZERO, "2024-02-01T08:00:00Z"])
def test_a_later_infusion_that_is_not_later_is_refused(tmp_path, second):
    people = [PEOPLE[0], ("A", ZERO, "1", *PEOPLE[2][3:]), ("A", second, "2", "", "", "", "")]
    result = read(export(tmp_path, patients=[*people, PEOPLE[3]]))
    conserved(result)
    assert codes(result) == ["later_episode"]
    assert result.cohort.patients["patient_id"].tolist() == ["A", "B"]


def test_two_rows_of_one_infusion_contradict_each_other(tmp_path):
    people = [*PEOPLE, ("A", AGAIN, "2", "axi-cel", "", "", "")]
    result = read(export(tmp_path, patients=people))
    conserved(result)
    assert codes(result) == ["duplicate_patient"] * 2
    assert "number a second infusion" in result.rejects["remedy"][0]


def test_a_later_infusion_whose_first_has_no_row_keeps_the_earlier_course_out(tmp_path):
    result = read(export(tmp_path, patients=[PEOPLE[0], PEOPLE[1], PEOPLE[3]]))
    conserved(result)
    assert result.cohort.patients["patient_id"].tolist() == ["A", "B"]
    assert rows(result.cohort, "labs", "A", "value") == [[12.0], [90.0]]
    assert rows(result.cohort, "assessments", "A", "grade") == [[1]]


def test_years_between_two_infusions_are_legal(tmp_path):
    late = "2026-06-21T08:00:00Z"
    people = [PEOPLE[0], ("A", late, "2", "", "", "", ""), ("A", ZERO, "1", "", "", "", "")]
    labs = [*LABS, ("A", "crp", "7", "mg/L", "2026-06-22T08:00:00Z", "")]
    result = read(export(tmp_path, patients=[*people, PEOPLE[3]], labs=labs))
    conserved(result)
    assert "time_unusable" not in codes(result)
    assert rows(result.cohort, "labs", "A#2", "collected_hours") == [[24.0]]


def test_a_batch_is_scored_in_the_current_infusion(tmp_path):
    folder = export(tmp_path)
    current = score(folder, as_of="2024-03-24T08:00:00Z").cohort
    assert current.patients["patient_id"].tolist() == ["A", "B"]
    assert current.patients["infusion_time"][0] == pd.Timestamp(AGAIN)
    assert rows(current, "labs", "A", "collected_hours") == [[-168.0], [24.0]]
    before = score(folder, as_of="2024-03-15T08:00:00Z")
    assert before.cohort.patients["infusion_time"][0] == pd.Timestamp(ZERO)
    assert before.as_of_hours.tolist() == [336.0, 336.0]
    assert score(folder, as_of="2024-03-24T08:00:00Z").as_of_hours[0] == 72.0
    conserved(score(folder))


def test_the_current_infusion_alone_is_read_as_beside_the_first(tmp_path):
    both = score(export(tmp_path / "both")).cohort
    alone = score(export(tmp_path / "alone", patients=[PEOPLE[0], PEOPLE[1], PEOPLE[3]])).cohort
    for name in ("labs", "treatments", "assessments"):
        pd.testing.assert_frame_equal(getattr(both, name), getattr(alone, name), check_exact=True)


def test_nothing_of_the_first_course_enters_the_features_of_the_second(tmp_path):
    config = load_config()
    clean = read(export(tmp_path / "a")).cohort
    worse = [row if row[2] != "500" else (*row[:2], "9", *row[3:]) for row in LABS]
    grades = [GRADES[0], ("A", "crs", "4", "2024-03-06T08:00:00Z"), *GRADES[2:]]
    other = read(export(tmp_path / "b", labs=worse, assessments=grades)).cohort
    spec = learn_spec(clean, config, {})
    moments = pd.DataFrame({"patient": [1, 1, 1], "hours": [24.0, 26.5, 72.0]})
    ours, theirs = (build_features(cohort, moments, spec).values for cohort in (clean, other))
    np.testing.assert_array_equal(ours, theirs)
    matrix = build_features(clean, moments, spec)
    assert matrix.column("crp__baseline").tolist() == [np.log2(12.0)] * 3
    assert matrix.column("state_crs__worst").tolist() == [0.0, 0.0, 1.0] or np.isnan(
        matrix.column("state_crs__worst")[0]
    )


def test_the_infusions_of_a_patient_share_every_fold(tmp_path):
    people, labs, grades = [PEOPLE[0]], [LABS[0]], [GRADES[0]]
    for number in range(12):
        name = f"P{number}"
        people += [(name, ZERO, "1", "", "", "", ""), (name, AGAIN, "2", "", "", "", "")]
        for day in (2, 3, 22, 23, 24):
            at = f"2024-03-{day:02d}T12:00:00Z"
            labs.append((name, "crp", str(10 + number), "mg/L", at, at))
            grades.append((name, "crs", str(3 if (number + day) % 5 == 0 else 1), at))
    cohort = read(export(tmp_path, patients=people, labs=labs, assessments=grades)).cohort
    config = load_config()
    table = shared_folds(cohort, config)
    landmarks = training_landmarks(cohort, config.landmarks, "crs")
    targets = build_targets(cohort, landmarks, "crs", (1, 3))
    person = cohort.patients["person_id"].to_numpy()[landmarks["patient"]]
    assert len(np.unique(targets.patient)) == 12
    assert len(np.unique(targets.episode)) == 24
    splits = splits_of(targets.patient, table)
    assert splits
    for split in splits:
        assert not set(person[split.train]) & set(person[split.test])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**8), st.integers(0, 10**8))
def test_a_clock_moved_to_another_zero_equals_one_read_against_it(seconds, zero):
    moved = hours_since(np.array([seconds / 3600.0]), np.array([zero / 3600.0]))
    if zero:
        assert moved[0] == (seconds - zero) / 3600.0


def test_an_id_that_looks_like_an_episode_is_kept_apart(tmp_path):
    people = [*PEOPLE, ("A#2", ZERO, "", "", "", "", "")]
    cohort = read(export(tmp_path, patients=people)).cohort
    assert cohort.patients["patient_id"].is_unique
    assert cohort.persons().tolist() == [0, 0, 2, 3]


def test_the_audit_does_not_take_two_infusions_for_two_patients(tmp_path):
    rows = [LABS[0]]
    for number in range(1, 9):  # the second course repeats the values of the first
        for zero in ("2024-03-01", "2024-03-21"):
            at = pd.Timestamp(f"{zero}T08:00:00Z") + pd.Timedelta(hours=20 * number)
            rows.append(("A", "crp", f"{number * 7.3:.1f}", "mg/L", at.isoformat(), at.isoformat()))
    folder = export(tmp_path, labs=[*rows, LABS[-1]])
    report = audit_folder(folder, load_config())
    finding_codes = {item.code for item in report.findings}
    assert not finding_codes & {"CHK001", "CHK104"}
    ends = [item for item in report.findings if "record" in item.title.lower()]
    assert ends == []
