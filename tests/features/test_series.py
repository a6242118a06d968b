"""Lab series as columns: which results count, and that chunks, order and neighbours do not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.analytes import Analyte, dictionary
from pipeline.features.build import build_features
from pipeline.features.series import allocate, series_features, series_meta
from tests.builders import at, lab, make_cohort, make_spec
from tests.features.conftest import SPEC, bits

ORDER = ("preliminary", "final", "corrected", "cancelled")
results = st.lists(
    st.builds(
        lambda patient, analyte, value, collected, delay, status: lab(
            patient, analyte, value, collected, collected + delay, status=status
        ),
        st.integers(0, 2),
        st.sampled_from(["albumin", "platelets"]),
        st.integers(1, 9).map(float),
        st.integers(-30, 60).map(float),
        st.integers(0, 20).map(float),
        st.sampled_from(ORDER),
    ),
    max_size=40,
)


def newest(rows, patient, analyte, moment):
    """Collection hour and value of the newest draw on screen; None without one."""
    screen = {}
    for who, what, value, collected, resulted, _, status in sorted(
        rows, key=lambda row: (row[4], ORDER.index(row[6]), row[2])
    ):
        if (who, what) == (patient, analyte) and resulted < moment and collected < moment:
            screen[collected] = None if status == "cancelled" else value
    standing = {hour: value for hour, value in screen.items() if value is not None}
    return (max(standing), standing[max(standing)]) if standing else None


@settings(deadline=None, max_examples=7)
@given(rows=results, moment=st.integers(1, 70).map(float))
def test_the_newest_value_is_that_of_the_newest_draw_on_screen(rows, moment):
    spec = make_spec(("albumin", "platelets"), statistics=("last", "hours_since_last"))
    values = series_features(make_cohort(3, rows), at(*[(p, moment) for p in range(3)]), spec)
    for number, meta in enumerate(series_meta(spec)):
        for patient in range(3):
            known = newest(rows, patient, meta.analyte, moment)
            if known is None:
                assert np.isnan(values[patient, number])
                continue
            hour, value = known
            logged = {"albumin": value, "platelets": np.log2(value)}[meta.analyte]
            assert (
                values[patient, number]
                == {
                    "last": logged,
                    "hours_since_last": moment - hour,
                }[meta.statistic]
            )


def test_a_batch_of_one_patient_and_any_order_of_landmarks_give_the_same_bits(messy):
    cohort, landmarks = messy
    whole = series_features(cohort, landmarks, SPEC)
    for patient in (0, 11):
        own = landmarks[landmarks["patient"] == patient].assign(patient=0)
        alone = series_features(cohort.take(np.array([patient])), own, SPEC)
        np.testing.assert_array_equal(bits(alone), bits(whole[landmarks["patient"] == patient]))
    order = np.random.default_rng(0).permutation(len(landmarks))
    mixed = series_features(cohort, landmarks.iloc[order], SPEC)
    np.testing.assert_array_equal(bits(mixed), bits(whole[order]))


def test_the_wanted_statistics_do_not_depend_on_the_others(messy):
    cohort, landmarks = messy
    everything = build_features(cohort, landmarks, SPEC)
    few = build_features(cohort, landmarks, make_spec(analytes=("albumin", "crp", "platelets")))
    for name in few.names:
        np.testing.assert_array_equal(few.column(name), everything.column(name), err_msg=name)


def test_memory_chunks_do_not_change_the_result(monkeypatch):
    rows = [lab(patient, "crp", 1.0 + hour, hour) for patient in (0, 1) for hour in range(0, 90, 7)]
    cohort, landmarks = (
        make_cohort(2, rows),
        at(*[(p, 24.0 * d) for p in (0, 1) for d in (1, 2, 3)]),
    )
    whole = build_features(cohort, landmarks, SPEC).values
    monkeypatch.setattr("pipeline.features.series.ROWS_PER_CHUNK", 20)
    np.testing.assert_array_equal(build_features(cohort, landmarks, SPEC).values, whole)


def test_columns_follow_analyte_then_window_as_given_then_statistic(messy):
    """The kernel takes windows from the shortest on; the columns keep the order of the spec."""
    cohort, landmarks = messy
    spec = make_spec(("crp", "albumin"), windows=(72.0, 24.0), statistics=("last", "max", "count"))
    names = [meta.name for meta in series_meta(spec)]
    assert names == [
        f"{analyte}__{statistic}"
        for analyte in ("crp", "albumin")
        for statistic in ("last", "count_72h", "max_72h", "count_24h", "max_24h")
    ]
    rising = make_spec(("albumin", "crp"), windows=(24.0, 72.0), statistics=spec.statistics)
    other = [meta.name for meta in series_meta(rising)]
    values, expected = (series_features(cohort, landmarks, item) for item in (spec, rising))
    np.testing.assert_array_equal(values, expected[:, [other.index(name) for name in names]])


def test_a_given_matrix_is_filled_from_its_first_column_on(messy):
    cohort, landmarks = messy
    width = len(series_meta(SPEC))
    out = np.full((len(landmarks), width + 2), -1.0)
    result = series_features(cohort, landmarks, SPEC, out=out)
    assert np.shares_memory(result, out)
    np.testing.assert_array_equal(bits(result), bits(series_features(cohort, landmarks, SPEC)))
    assert (out[:, width:] == -1.0).all()


def test_patients_without_a_result_have_rows_too():
    landmarks = at((0, 24.0), (1, 24.0))
    cohort = make_cohort(2, [lab(1, "albumin", 30.0, 5.0)])
    spec = make_spec(("albumin",), windows=(24.0,), statistics=("ever_measured", "count", "last"))
    names = [meta.name for meta in series_meta(spec)]
    assert names == ["albumin__last", "albumin__ever_measured", "albumin__count_24h"]
    values = series_features(cohort, landmarks, spec)
    np.testing.assert_array_equal(values, [[np.nan, 0.0, 0.0], [30.0, 1.0, 1.0]])
    bare = series_features(make_cohort(2), landmarks, spec)
    np.testing.assert_array_equal(bare, [[np.nan, 0.0, 0.0]] * 2)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (3, 4), (700, 3)])
def test_room_is_a_contiguous_matrix_of_the_wanted_shape(shape):
    room = allocate(*shape)
    assert (room.shape, room.dtype) == (shape, np.float64)
    assert room.flags.c_contiguous
    assert room.flags.writeable


def test_no_landmark_gives_no_row():
    values = series_features(make_cohort(1), at((0, 24.0)).iloc[:0], SPEC)
    assert values.shape == (0, len(series_meta(SPEC)))


STATISTICS = ("last", "fold_baseline", "doubling_hours", "slope")


def of_scale(scale, signed=True):
    return Analyte("x", "X", "X", "u", "inflammation", local=True, signed=signed, scale=scale)


def features_of(analyte, rows, moment=60.0, **spec):
    chosen = replace(make_spec((), statistics=STATISTICS), **spec)
    matrix = build_features(
        make_cohort(1, rows), at((0, moment)), replace(chosen, analytes=(analyte,))
    )
    return dict(zip(matrix.names, matrix.values[0], strict=True))


@pytest.mark.parametrize(
    ("scale", "doubling"),
    [("log2", 24.0), ("log10", 24.0 * math.log10(2)), ("ln", 24.0 * math.log(2))],
)
def test_logarithms_are_compared_by_difference_and_double_in_their_own_base(scale, doubling):
    rows = [lab(0, "x", value, hour) for value, hour in ((-1.5, -24.0), (-0.5, 24.0), (0.5, 48.0))]
    features = features_of(of_scale(scale), rows)
    assert features["x__last"] == 0.5
    assert features["x__fold_baseline"] == 2.0
    assert features["x__slope_72h"] == pytest.approx(1.0, abs=0.4)
    assert features["x__doubling_hours"] == pytest.approx(doubling)


def test_signed_numbers_that_are_no_logarithm_do_not_double():
    rows = [lab(0, "x", value, hour) for value, hour in ((-4.0, -1.0), (-6.0, 24.0), (-1.0, 48.0))]
    features = features_of(of_scale("linear"), rows)
    assert features["x__fold_baseline"] == 3.0
    assert math.isnan(features["x__doubling_hours"])


@pytest.mark.parametrize(
    ("scale", "limit", "counts_as"),
    [
        ("log2", -2.0, -3.0),
        ("log10", -2.0, -2.0 - math.log10(2)),
        ("log2", 3.0, 2.0),
        ("linear", -2.0, -2.0),
        ("linear", 3.0, 3.0),
    ],
)
def test_a_result_below_its_limit_never_counts_as_more_than_the_limit(scale, limit, counts_as):
    rows = [lab(0, "x", limit, 24.0, side=-1)]
    features = features_of(of_scale(scale), rows, below_limit_factor=0.5)
    assert features["x__last"] == pytest.approx(counts_as)


@given(shift=st.integers(-40, 40), values=st.lists(st.integers(-20, 20), min_size=3, max_size=6))
@settings(deadline=None, max_examples=6)
def test_the_zero_of_a_signed_scale_has_no_meaning(shift, values):
    def computed(offset):
        rows = [lab(0, "base_excess", v + offset, 12.0 * n - 6) for n, v in enumerate(values)]
        return features_of(dictionary()["base_excess"], rows, moment=80.0)

    plain, moved = computed(0.0), computed(float(shift))
    for name in ("fold_baseline", "slope_72h", "slope_168h"):
        assert plain[f"base_excess__{name}"] == pytest.approx(
            moved[f"base_excess__{name}"], abs=1e-9, nan_ok=True
        )
