"""Derived grades: invariants, the command, and their use in a cohort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from pipeline.config_cohort import CohortConfig, GradingConfig
from pipeline.errors import InputError
from pipeline.grading.derived_grades import compare, derive_grades, weighted_kappa, with_grades
from pipeline.reading.reader import read_batch, read_cohort
from tests.builders import make_cohort
from tests.exported import write_export

# from the mildest to the worst
WORSE = {
    "temperature_c": ["37.0", "38.0", "40.1"],
    "hypotension": ["no", "yes"],
    "vasopressor": ["none", "norepinephrine"],
    "oxygen_device": ["room_air", "blow_by", "nasal_cannula", "face_mask", "bipap", "ventilator"],
    "oxygen_flow_l_min": ["1", "6", "7", "40"],
    "ice_score": ["10", "9", "7", "6", "3", "2", "0"],
    "consciousness": ["spontaneous", "voice", "tactile", "unarousable"],
    "seizure": ["none", "brief", "nonconvulsive", "prolonged", "repetitive"],
    "motor_deficit": ["none", "deep_focal_weakness"],
    "cerebral_edema": ["none", "focal", "diffuse", "raised_pressure"],
    "capd_score": ["0", "1", "8", "9", "32"],
}


DOMAINS = [
    ("temperature_c",),
    ("hypotension", "vasopressor"),
    ("oxygen_device", "oxygen_flow_l_min"),
    ("ice_score",),
    ("consciousness",),
]


findings = st.fixed_dictionaries({item: st.sampled_from(words) for item, words in WORSE.items()})


row = st.tuples(
    st.integers(0, 5),
    st.sampled_from(sorted(WORSE)).flatmap(
        lambda item: st.tuples(st.just(item), st.sampled_from(WORSE[item]))
    ),
    st.sampled_from([-3.0, 0.0, 0.4, 1.0, 1.4, 8.0, 13.0, 13.9, 30.0]),
)


rows = st.lists(row, max_size=80).map(
    lambda pairs: [(patient, *pair, hours) for patient, pair, hours in pairs]
)


doses = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["tocilizumab", "dexamethasone", "paracetamol"]),
        st.sampled_from([-1.0, 0.5, 8.0, 20.0]),
    ),
    max_size=6,
)


def last_grades(courses, scale):
    """Last grade of each course, all in one cohort."""
    seen = [
        (number, item, value, 10.0)
        for number, course in enumerate(courses)
        for item, value in course["seen"].items()
    ]
    treatments = [
        (number, "tocilizumab", 1.0) for number, course in enumerate(courses) if course["treated"]
    ]
    ages = {"age_years": [course["age"] for course in courses]}
    cohort = make_cohort(len(courses), observations=seen, treatments=treatments, patients=ages)
    table = derive_grades(cohort)
    grades = table.loc[table["scale"] == scale].set_index("patient")["grade"]
    return grades.reindex(range(len(courses))).to_numpy()


courses = st.lists(
    st.fixed_dictionaries(
        {"seen": findings, "treated": st.booleans(), "age": st.sampled_from([6, 50])}
    ),
    min_size=25,
    max_size=25,
)


@given(courses, st.sampled_from(sorted(WORSE)))
@settings(max_examples=6, deadline=None)
def test_a_worse_finding_never_lowers_the_grade(drawn, item):
    steps = [
        [{**course, "seen": {**course["seen"], item: word}} for word in WORSE[item]]
        for course in drawn
    ]
    for scale in ("crs", "icans"):
        grades = last_grades([course for variants in steps for course in variants], scale).reshape(
            len(drawn), -1
        )
        before, after = grades[:, :-1], grades[:, 1:]
        # a patient without fever leaves the scale: low pressure or oxygen is then not CRS
        left = np.isnan(after) & (before == 0)
        assert ((after >= before) | left | np.isnan(before)).all()


@given(courses)
@settings(max_examples=4, deadline=None)
def test_a_domain_that_is_unknown_is_never_grade_0(drawn):
    for domain in DOMAINS:
        gone = (*domain, "capd_score")
        rest = [
            {
                **course,
                "age": 50,
                "seen": {key: word for key, word in course["seen"].items() if key not in gone},
            }
            for course in drawn
            # ICE 10 and nothing else is grade 0 by the rule
            if domain != ("consciousness",) or course["seen"]["ice_score"] != "10"
        ]
        scale = "icans" if domain[0] in ("ice_score", "consciousness") else "crs"
        assert not (last_grades(rest, scale) == 0).any()


@given(rows, doses, st.randoms(use_true_random=False))
@settings(max_examples=6, deadline=None)
def test_the_order_of_rows_is_irrelevant(seen, treatments, random):
    shuffled, shuffled_doses = seen.copy(), treatments.copy()
    random.shuffle(shuffled)
    random.shuffle(shuffled_doses)
    one = derive_grades(make_cohort(6, observations=seen, treatments=treatments))
    other = derive_grades(make_cohort(6, observations=shuffled, treatments=shuffled_doses))
    pd.testing.assert_frame_equal(one, other)


@given(rows, doses, rows, doses, st.sampled_from([0.4, 1.0, 8.0, 13.5]))
@settings(max_examples=6, deadline=None)
def test_nothing_later_changes_an_earlier_grade(seen, treatments, more, more_doses, moment):
    later = [item for item in more if item[3] > moment]
    later_doses = [dose for dose in more_doses if dose[2] >= moment]
    one = derive_grades(make_cohort(6, observations=seen, treatments=treatments))
    other = derive_grades(
        make_cohort(6, observations=[*seen, *later], treatments=[*treatments, *later_doses])
    )
    pd.testing.assert_frame_equal(
        one.loc[one["assessed_hours"] <= moment].reset_index(drop=True),
        other.loc[other["assessed_hours"] <= moment].reset_index(drop=True),
    )


def test_no_observation_gives_no_row_and_nothing_before_the_infusion_is_graded():
    assert derive_grades(make_cohort(1)).empty
    early = make_cohort(1, observations=[(0, "temperature_c", "39", -4.0)])
    assert derive_grades(early).empty


OBSERVATIONS = [
    ("patient_id", "item", "value", "observed_hours"),
    ("A", "temperature_c", "39.2", "20"),
    ("A", "hypotension", "YES", "20"),
    ("A", "vasopressor", "Levophed", "20.25"),
    ("A", "oxygen_device", "Room_Air", "20.25"),
    ("B", "temperature_c", "36.9", "20"),
    ("B", "ice_score", "11", "20"),
]


def test_a_cohort_without_charted_grades_says_how_to_get_them(tmp_path):
    folder = write_export(tmp_path / "in", assessments=None, observations=OBSERVATIONS)
    with pytest.raises(InputError, match=r"cohort\.grades: derived"):
        read_cohort(folder, CohortConfig())
    read = read_cohort(folder, CohortConfig(grades="derived"))
    assert read.cohort.assessments["grade"].tolist() == [2, 3]
    with pytest.raises(InputError, match=r"observations\.csv"):
        read_cohort(write_export(tmp_path / "bare"), CohortConfig(grades="derived"))


def test_derived_grades_replace_or_fill_charted_ones():
    seen = [
        (0, item, value, hours)
        for hours in (10.0, 30.0, 90.0)
        for item, value in (
            ("temperature_c", "39"),
            ("hypotension", "no"),
            ("oxygen_device", "room_air"),
        )
    ]
    charted = [(0, "crs", 2, 20.0), (0, "hlh", 1, 20.0)]
    cohort = make_cohort(1, observations=seen, assessments=charted)

    def grades(choice):
        table = with_grades(cohort, CohortConfig(grades=choice)).assessments
        chosen = table.loc[table["scale"] == "crs", ["grade", "assessed_hours"]]
        assert (table["scale"] == "hlh").sum() == 1
        return chosen.values.tolist()

    assert grades("charted") == [[2, 20]]
    assert grades("derived") == [[1, 10], [1, 30], [1, 90]]
    assert grades("charted_else_derived") == [[1, 10], [2, 20], [1, 90]]


def test_a_batch_gets_derived_grades_by_the_same_rule(tmp_path):
    folder = write_export(tmp_path / "in", assessments=None, observations=OBSERVATIONS)
    read = read_batch(folder, CohortConfig(grades="charted_else_derived"), {}, as_of="20.1")
    assert read.cohort.assessments[["grade", "assessed_hours"]].values.tolist() == [[2, 20]]


def test_derived_grades_are_never_pooled_with_another_system():
    with pytest.raises(ValueError, match="penn"):
        CohortConfig(grades="derived", grading_system="penn")


def test_patients_graded_by_another_system_alone_stop_training(tmp_path):
    mixed = [
        ("patient_id", "scale", "grade", "assessed_hours", "grading_system"),
        ("A", "crs", "1", "5", "astct"),
        ("A", "crs", "2", "6", "penn"),
        ("B", "crs", "3", "7", "penn"),
        ("B", "crs", "3", "9", "penn"),
    ]
    folder = write_export(tmp_path / "in", assessments=mixed, observations=OBSERVATIONS)
    with pytest.raises(InputError, match=r"penn: 1 patients.*grading_system.*charted_else_derived"):
        read_cohort(folder, CohortConfig())
    filled = read_cohort(folder, CohortConfig(grades="charted_else_derived")).cohort.assessments
    assert filled["patient"].tolist() == [0]
    batch = read_batch(folder, CohortConfig(), {})
    assert batch.cohort.assessments["grade"].tolist() == [1]


def test_the_settings_of_grading_are_checked():
    assert GradingConfig().carry_hours == 12
    with pytest.raises(ValueError, match="carry_hours"):
        GradingConfig(carry_hours=0)


ON_CPAP = {"temperature_c": "39", "hypotension": "no", "oxygen_device": "cpap"}


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30))
def test_weighted_kappa_is_that_of_scikit_learn(pairs):
    one, other = np.array(pairs, dtype=float).T
    if len(set(one) | set(other)) == 1:
        assert np.isnan(weighted_kappa(one, other))
        return
    expected = cohen_kappa_score(one, other, weights="quadratic", labels=[0, 1, 2, 3, 4])
    assert weighted_kappa(one, other) == pytest.approx(expected)


def test_disagreements_name_both_grades_and_the_reason():
    seen = [(0, item, value, 10.0) for item, value in ON_CPAP.items()]
    cohort = make_cohort(
        1, observations=seen, assessments=[(0, "crs", 2, 10.3), (0, "crs", 4, 60.0)]
    )
    differing, summary = compare(cohort.assessments, derive_grades(cohort), 1.0)
    assert differing[["charted", "derived", "domain"]].values.tolist() == [[2, 4.0, "hypoxia"]]
    crs, icans = summary
    assert (crs.charted, crs.compared, crs.equal) == (2, 1, 0)
    assert (icans.charted, icans.compared) == (0, 0)


def test_a_charted_death_is_compared_with_the_worst_that_can_be_derived():
    seen = [(0, item, value, 10.0) for item, value in ON_CPAP.items()]
    cohort = make_cohort(1, observations=seen, assessments=[(0, "crs", 5, 10.0)])
    differing, summary = compare(cohort.assessments, derive_grades(cohort), 1.0)
    assert differing.empty
    assert summary[0].equal == 1


@given(
    charted=st.lists(st.integers(0, 20).map(lambda number: number / 2), unique=True, max_size=6),
    derived=st.lists(st.integers(0, 20).map(lambda number: number / 2), unique=True, max_size=6),
)
@settings(deadline=None, max_examples=20)
def test_a_charted_grade_is_compared_with_the_nearest_derived_one_within_reach(charted, derived):
    rows = pd.DataFrame(
        {"patient": 0, "scale": "crs", "grade": 1, "assessed_hours": np.array(charted, dtype=float)}
    )
    columns = {"domain": "", "confidence": "", "missing": "", "note": ""}
    other = pd.DataFrame(
        {
            "patient": 0,
            "scale": "crs",
            "grade": 2.0,
            "assessed_hours": np.array(derived, dtype=float),
        }
    ).assign(**columns)
    differing, (crs, _) = compare(rows, other, 1.0)
    near = [hour for hour in charted if min((abs(hour - x) for x in derived), default=9) <= 1.0]
    assert (crs.charted, crs.compared, crs.equal) == (len(charted), len(near), 0)
    gap = (differing["charted_hours"] - differing["derived_hours"]).abs()
    expected = [min(abs(hour - x) for x in derived) for hour in sorted(near)]
    assert gap.tolist() == expected
