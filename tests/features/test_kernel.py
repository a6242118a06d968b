"""The kernel gives the same bits interpreted and compiled, whoever else is in the batch."""

import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from pipeline.features import kernel_compilation
from pipeline.features.build import build_features
from pipeline.features.series import series_features
from pipeline.features.statistics import BY_NAME
from tests.builders import at, lab, make_cohort, make_spec

SPEC = make_spec(analytes=("albumin", "crp", "platelets"), statistics=tuple(BY_NAME))


@pytest.fixture(scope="module")
def messy():
    """Late, withdrawn, corrected, limited and repeated results on and between the hours."""
    random = np.random.default_rng(7)
    rows = []
    for _ in range(900):
        patient, key = (
            int(random.integers(0, 12)),
            str(random.choice(["albumin", "crp", "platelets"])),
        )
        collected = float(random.choice([random.uniform(-200, 300), random.integers(-50, 80) * 4]))
        value = float(random.choice([0.0, -0.0, 5e-324, 1.0, random.lognormal(1, 2)]))
        status = str(random.choice(["preliminary", "final", "corrected", "cancelled"]))
        late = float(random.choice([0.0, 2.0, 90.0]))
        side = int(random.choice([-1, 0, 0, 1]))
        rows.append(lab(patient, key, value, collected, collected + late, side, status))
    moments = [(patient, 12.0 * step) for patient in range(12) for step in range(1, 24)]
    return make_cohort(12, rows), at(*moments)


def bits(values):
    return np.ascontiguousarray(values).view(np.uint64)


def test_compiled_and_interpreted_agree_to_the_bit(messy, monkeypatch):
    cohort, landmarks = messy
    monkeypatch.setattr(kernel_compilation, "started", lambda: False)
    monkeypatch.setattr(kernel_compilation, "WORTH_COMPILING", np.inf)
    plain = series_features(cohort, landmarks, SPEC)
    assert np.isfinite(plain).mean() > 0.5
    monkeypatch.setattr(kernel_compilation, "WORTH_COMPILING", -1)
    monkeypatch.setattr("pipeline.features.series.ROWS_PER_CHUNK", 500)
    for jobs in (1, 2):
        fast = series_features(cohort, landmarks, SPEC, jobs)
        np.testing.assert_array_equal(bits(fast), bits(plain))


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


def test_little_work_does_not_import_numba(monkeypatch):
    monkeypatch.setattr(kernel_compilation, "started", lambda: False)
    for work in ((400 * 30 * 25, 0), (1, 5_000, 5_000 * 5_000 // 2)):
        monkeypatch.setattr(kernel_compilation, "_ASKED", kernel_compilation._Asked())
        assert not kernel_compilation.worth_compiling(25 * 40, 25 * 400)
        assert kernel_compilation.worth_compiling(*work)
    monkeypatch.setattr(kernel_compilation, "started", lambda: True)
    assert kernel_compilation.worth_compiling(1, 1)
    code = (
        "import sys\nimport numpy as np\nfrom tests.builders import *\n"
        "from pipeline.features import build_features\n"
        "cohort = make_cohort(1, [lab(0, 'crp', 1.0, 3.0)])\n"
        "build_features(cohort, at((0, 24.0)), make_spec())\nassert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_small_calls_add_up_to_what_the_start_of_numba_costs(monkeypatch):
    monkeypatch.setattr(kernel_compilation, "started", lambda: False)
    monkeypatch.setattr(kernel_compilation, "_ASKED", kernel_compilation._Asked())
    answers = [kernel_compilation.worth_compiling(13_500, 0) for _ in range(9)]
    assert answers == [False] * 7 + [True] * 2


@pytest.mark.parametrize("old_limit", [-1, 1])
def test_a_new_limit_of_the_assay_is_no_trend(old_limit):
    """The limit falls from 5 to 1 (or rises from 5 to 9) while nothing is ever measurable."""
    limits = [5.0, 5.0, 1.0, 1.0] if old_limit < 0 else [5.0, 5.0, 9.0, 9.0]
    hours = [-10.0, 10.0, 30.0, 50.0]
    rows = [lab(0, "crp", x, t, side=old_limit) for x, t in zip(limits, hours, strict=True)]
    rows += [lab(0, "albumin", x, t, side=old_limit) for x, t in zip(limits, hours, strict=True)]
    spec = make_spec(statistics=tuple(BY_NAME))
    matrix = build_features(make_cohort(1, rows), at((0, 60.0)), spec)
    for analyte in ("crp", "albumin"):
        for name in ("delta", "slope", "robust_slope", "sd", "range"):
            assert matrix.column(f"{analyte}__{name}_72h")[0] == 0.0
        for name in ("diff_baseline", "fold_baseline", "drop_from_peak"):
            assert matrix.column(f"{analyte}__{name}")[0] == 0.0
        assert matrix.column(f"{analyte}__last_censored")[0] == old_limit
        assert matrix.column(f"{analyte}__censored_share_72h")[0] == 1.0


def test_extremes_hold_what_is_proven():
    """'>300' is at least 300; '<100' does not beat a measured 50."""
    rows = [lab(0, "albumin", 300.0, 2.0, side=1), lab(0, "albumin", 40.0, 4.0)]
    rows += [lab(0, "albumin", 100.0, 6.0, side=-1), lab(0, "albumin", 50.0, 8.0)]
    matrix = build_features(make_cohort(1, rows), at((0, 3.0), (0, 24.0)), SPEC)
    assert matrix.column("albumin__max_24h").tolist() == [300.0, 300.0]
    assert matrix.column("albumin__min_24h").tolist() == [300.0, 40.0]
    low = build_features(make_cohort(1, rows[2:]), at((0, 7.0), (0, 24.0)), SPEC)
    assert low.column("albumin__peak").tolist() == [50.0, 50.0]  # 100 halved below the limit
    assert low.column("albumin__nadir").tolist() == [50.0, 50.0]


@pytest.mark.parametrize("room", [8, 9, 40])
def test_robust_slopes_with_little_room_for_pairs(messy, monkeypatch, room):
    """The middle of the slopes is found to the bit, however few are kept at a time."""
    cohort, landmarks = messy
    monkeypatch.setattr(kernel_compilation, "started", lambda: False)
    monkeypatch.setattr(kernel_compilation, "MOST_PAIRS", room)
    close = series_features(cohort, landmarks, SPEC)
    monkeypatch.undo()
    np.testing.assert_array_equal(bits(close), bits(series_features(cohort, landmarks, SPEC)))


def test_a_robust_slope_of_5000_points_needs_little_memory(monkeypatch):
    """12.5 million pairs, of which half a MiB is kept; interpreted it would take minutes."""
    n = 5_000
    random = np.random.default_rng(3)
    hours = 24.0 + np.sort(random.choice(140 * 60, n, replace=False)) / 60
    values = random.lognormal(0, 1, n) + hours / 50
    rows = [lab(0, "albumin", v, t) for v, t in zip(values, hours, strict=True)]
    sizes = []
    scratch = kernel_compilation._scratch
    monkeypatch.setattr(
        kernel_compilation, "_scratch", lambda *of: sizes.append(scratch(*of)) or sizes[-1]
    )
    spec = make_spec(("albumin",), windows=(168.0,), statistics=("robust_slope",))
    matrix = build_features(make_cohort(1, rows), at((0, 168.0)), spec)
    assert sum(array.nbytes for array in sizes[0]) < 2**20
    early, late = np.triu_indices(n, 1)
    far = hours[late] - hours[early] >= 6.0
    early, late = early[far], late[far]
    slopes = (values[late] - values[early]) / (hours[late] - hours[early])
    assert matrix.column("albumin__robust_slope_168h")[0] == 24.0 * np.median(slopes)


def test_two_draws_minutes_apart_are_no_slope():
    rows = [lab(0, "crp", 1.0, 10.0), lab(0, "crp", 64.0, 10.1)]
    matrix = build_features(
        make_cohort(1, rows), at((0, 24.0)), make_spec(statistics=tuple(BY_NAME))
    )
    for name in ("slope_24h", "robust_slope_24h", "doubling_hours"):
        assert np.isnan(matrix.column(f"crp__{name}")[0])
    assert matrix.column("crp__delta_24h")[0] == 6.0


def test_the_matrix_is_built_in_place(messy, monkeypatch):
    """No second copy of it exists at any time, scores and other groups included."""
    cohort, _ = messy
    moments = at(*[(patient, 0.25 * step) for patient in range(12) for step in range(1, 1_500)])
    spec = make_spec(("albumin", "crp", "platelets"), statistics=tuple(BY_NAME), scales=())
    spec = replace(spec, scores=("s_easix",), drug_classes=())
    monkeypatch.setattr(kernel_compilation, "WORTH_COMPILING", -1)
    build_features(cohort, moments.iloc[:1], spec)
    tracemalloc.start()
    try:
        matrix = build_features(cohort, moments, spec)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert matrix.values.nbytes > 20 * 2**20
    assert peak < 1.4 * matrix.values.nbytes
    backwards = build_features(cohort, moments.iloc[::-1], spec).values
    np.testing.assert_array_equal(bits(backwards), bits(matrix.values[::-1]))
