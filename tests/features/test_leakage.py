"""Row L holds what stood on the ward's screen strictly before L, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config_cohort import CohortConfig
from pipeline.features.build import build_features
from pipeline.features.names import parse_name
from pipeline.features.spec import FeatureSpec, learn_spec
from pipeline.reading.reader import read_cohort
from tests.builders import at, course_cohort, lab, make_cohort, make_config, make_spec

L = 60.0
SPEC = make_spec(host=(("age_years", "number"),))

hours = st.integers(-100, 240).map(lambda number: number / 2.0)
patients = st.integers(0, 1)
keys = st.sampled_from(["crp", "albumin"])
values = st.sampled_from([0.2, 1.0, 3.5, 8.0])
statuses = st.sampled_from(["preliminary", "final", "corrected", "cancelled"])
past_labs = st.lists(
    st.builds(
        lambda who, what, value, collected, delay, status: lab(
            who, what, value, collected, collected + delay, 0, status
        ),
        *(patients, keys, values, hours, st.sampled_from([0.0, 4.0, 30.0]), statuses),
    ),
    max_size=15,
)
gradings = st.lists(st.tuples(patients, st.just("crs"), st.integers(0, 4), hours), max_size=10)
doses = st.lists(
    st.tuples(patients, st.sampled_from(["dexamethasone", "tocilizumab"]), hours), max_size=8
)


def row_of(labs, assessments, treatments, observations=(), patient=0):
    cohort = make_cohort(
        2, labs, assessments, treatments, observations, patients={"age_years": [50.0, 60.0]}
    )
    return build_features(cohort, at((patient, L)), SPEC).values[0]


def same(left, right):
    return np.array_equal(left, right, equal_nan=True)


@st.composite
def later_labs(draw, past):
    """The same labs after edits that were all resulted at or after L."""
    kept = [row for row in past if row[4] < L]
    for row in past:
        fate = draw(st.sampled_from(["keep", "change", "delete"])) if row[4] >= L else None
        if fate == "keep":
            kept.append(row)
        elif fate == "change":
            kept.append((*row[:2], draw(values), *row[3:]))
    for row in kept[:6]:
        if draw(st.booleans()):
            later = L + draw(st.sampled_from([0.0, 0.5, 50.0]))
            status = draw(st.sampled_from(["corrected", "cancelled", "preliminary"]))
            kept.append(lab(row[0], row[1], draw(values), row[3], max(later, row[3]), 0, status))
    for _ in range(draw(st.integers(0, 3))):
        collected = draw(hours)
        resulted = max(L + draw(st.sampled_from([0.0, 1.0])), collected)
        kept.append(lab(draw(patients), draw(keys), draw(values), collected, resulted))
    return draw(st.permutations(kept))


@settings(deadline=None, max_examples=40)
@given(data=st.data(), labs=past_labs, assessments=gradings, treatments=doses)
def test_nothing_from_the_landmark_on_changes_its_row(data, labs, assessments, treatments):
    before = row_of(labs, assessments, treatments)
    edited = data.draw(later_labs(labs))
    graded = [row for row in assessments if row[3] < L]
    graded += [(*row[:3], L + abs(row[3]) // 20) for row in data.draw(gradings)]
    given_drugs = [row for row in treatments if row[2] < L]
    given_drugs += [(*row[:2], L + abs(row[2]) // 20) for row in data.draw(doses)]
    assert same(before, row_of(edited, graded, given_drugs))


@settings(deadline=None, max_examples=20)
@given(data=st.data(), labs=past_labs, assessments=gradings, treatments=doses)
def test_row_order_and_company_change_nothing(data, labs, assessments, treatments):
    tables = (labs, assessments, treatments)
    before = row_of(*tables)
    assert same(before, row_of(*(data.draw(st.permutations(table)) for table in tables)))
    alone = make_cohort(
        1,
        *([row for row in table if row[0] == 0] for table in tables),
        patients={"age_years": [50.0]},
    )
    assert same(before, build_features(alone, at((0, L)), SPEC).values[0])


def test_shuffled_tables_and_patients_in_another_order_give_the_same_rows():
    cohort = course_cohort(8, seed=3)
    spec = learn_spec(cohort, make_config(), {})
    landmarks = at(*[(patient, 24.0 * day) for patient in range(8) for day in (2, 4, 6)])
    plain = build_features(cohort, landmarks, spec).values
    order = np.array([5, 0, 7, 2, 6, 1, 4, 3])
    moved = landmarks.assign(patient=np.argsort(order)[landmarks["patient"]])
    assert same(plain, build_features(cohort.take(order), moved, spec).values)
    backwards = landmarks.iloc[::-1]
    assert same(plain[::-1], build_features(cohort, backwards, spec).values)


def test_lab_resulted_exactly_at_the_landmark_is_invisible():
    rows = [lab(0, "crp", 4.0, 20.0, L)]
    cohort = make_cohort(1, rows)
    matrix = build_features(cohort, at((0, L), (0, np.nextafter(L, 100.0))), make_spec())
    assert matrix.column("crp__ever_measured").tolist() == [0.0, 1.0]


def test_each_version_counts_from_its_own_result_time():
    rows = [
        lab(0, "crp", 8.0, 10.0, 12.0, status="preliminary"),
        lab(0, "crp", 16.0, 10.0, 20.0, status="corrected"),
        lab(0, "crp", float("nan"), 10.0, 30.0, status="cancelled"),
    ]
    landmarks = at(*[(0, hour) for hour in (12.0, 12.5, 20.0, 20.5, 30.0, 30.5)])
    matrix = build_features(make_cohort(1, rows), landmarks, make_spec())
    nan = float("nan")
    np.testing.assert_equal(matrix.column("crp__last"), [nan, 3.0, 3.0, 4.0, 4.0, nan])
    assert matrix.column("crp__ever_measured")[-1] == 0.0


@pytest.mark.parametrize(
    ("treatments", "observations"),
    [
        ([(0, "norepinephrine", 30.0), (0, "vasopressin", 50.0)], []),
        ([], [(0, "temperature_c", "39.5", 30.0), (0, "oxygen", "nasal", 40.0)]),
        ([], [(0, "ice_orientation", "1", 30.0), (0, "seizure", "yes", 50.0)]),
    ],
)
def test_vasopressors_oxygen_and_ice_items_change_no_feature(treatments, observations):
    labs = [lab(0, "crp", 4.0, 20.0)]
    bare = make_cohort(1, labs, treatments=[(0, "dexamethasone", 20.0)])
    more = make_cohort(
        1, labs, treatments=[(0, "dexamethasone", 20.0), *treatments], observations=observations
    )
    specs = [learn_spec(cohort, make_config(), {}) for cohort in (bare, more)]
    assert specs[0] == specs[1]
    built = [build_features(cohort, at((0, L)), specs[0]) for cohort in (bare, more)]
    assert same(built[0].values, built[1].values)
    banned = ("vasopressor", "oxygen", "ice", "temperature")
    assert not [
        name for name in built[1].names if any(word in parse_name(name)[0] for word in banned)
    ]


def test_rows_read_from_files_agree_with_rows_built_in_memory(tmp_path):
    (tmp_path / "patients.csv").write_text("patient_id,record_end_hours\nP000,96\n")
    (tmp_path / "assessments.csv").write_text(
        "patient_id,scale,grade,assessed_hours\nP000,crs,1,30\nP000,crs,2,54\n"
    )
    (tmp_path / "labs.csv").write_text(
        "patient_id,analyte,value,unit,collected_hours,resulted_hours,status\n"
        "P000,CRP,1.2,mg/dL,20,24,preliminary\n"
        "P000,crp,16,mg/L,20,40,corrected\n"
        "P000,crp,<4,mg/L,44,48,final\n"
        "P000,crp,99,mg/L,45,70,final\n"
    )
    read = read_cohort(tmp_path, CohortConfig()).cohort
    rows = [
        lab(0, "crp", 12.0, 20.0, 24.0, status="preliminary"),
        lab(0, "crp", 16.0, 20.0, 40.0, status="corrected"),
        lab(0, "crp", 4.0, 44.0, 48.0, side=-1),
        lab(0, "crp", 99.0, 45.0, 70.0),
    ]
    made = make_cohort(1, rows, [(0, "crs", 1, 30.0), (0, "crs", 2, 54.0)])
    landmarks = at((0, 36.0), (0, L), (0, 96.0))
    spec = make_spec(analytes=("crp",))
    matrix = build_features(read, landmarks, spec)
    assert same(matrix.values, build_features(made, landmarks, spec).values)
    assert matrix.column("crp__last")[1] == 1.0  # 4 mg/L below a limit, halved, log2
    assert isinstance(spec, FeatureSpec)
