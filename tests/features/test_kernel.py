"""The kernel gives the same bits interpreted and compiled, whoever else is in the batch."""

import subprocess
import sys
import textwrap
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from pipeline.features import kernel, kernel_compilation
from pipeline.features.build import build_features
from pipeline.features.series import series_features
from pipeline.features.statistics import BY_NAME, PLAIN, WINDOWED
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


@pytest.mark.parametrize("names", [PLAIN, WINDOWED])
def test_every_statistic_has_its_place(names):
    assert [getattr(kernel, name.upper()) for name in names] == list(range(len(names)))


def test_another_order_of_the_statistics_changes_no_value():
    """The order is fixed in one place: a kernel that keeps one of its own fails here."""
    code = """
        import numpy as np
        from pipeline.features import statistics
        if {reverse}:
            statistics.PLAIN = statistics.PLAIN[::-1]
            statistics.WINDOWED = statistics.WINDOWED[::-1]
        from pipeline.features.series import series_features, series_meta
        from tests.builders import at, lab, make_cohort, make_spec
        values = [(2.0, -30.0), (3.0, 10.0), (9.0, 20.0), (4.0, 40.0), (7.0, 55.0)]
        rows = [lab(0, key, *value) for key in ("albumin", "crp") for value in values]
        spec = make_spec(("albumin", "crp"), statistics=tuple(statistics.BY_NAME))
        row = series_features(make_cohort(1, rows), at((0, 60.0)), spec)[0]
        for line in sorted(f"{{meta.name}} {{float(x).hex()}}" for meta, x in
                           zip(series_meta(spec), row, strict=True)):
            print(line)
        """
    code = textwrap.dedent(code)
    usual, reversed_ = (
        subprocess.run(
            [sys.executable, "-c", code.format(reverse=reverse)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for reverse in (False, True)
    )
    assert "albumin__slope_24h" in usual
    assert reversed_ == usual


def test_the_compiled_file_is_named_for_the_places_and_every_function():
    """numba compares kernel.py only, not the modules whose numbers and functions it takes in."""
    fingerprint = "kernel_compilation._fingerprint(kernel_compilation._namespace())"
    code = f"from pipeline.features import kernel_compilation\nprint({fingerprint})"
    other = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()
    space = kernel_compilation._namespace()
    assert kernel_compilation._fingerprint(space) == other
    assert kernel_compilation._fingerprint({**space, "LAST": 1}) != other
    assert kernel_compilation._fingerprint({**space, "theil_sen": kernel.time_mean}) != other


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_a_read_only_table_or_another_integer_needs_no_second_compilation(messy, monkeypatch, kind):
    cohort, landmarks = messy
    monkeypatch.setattr(kernel_compilation, "WORTH_COMPILING", -1)
    usual = series_features(cohort, landmarks, SPEC)
    for name in ("collected_hours", "value"):
        cohort.labs[name].to_numpy().flags.writeable = False
    moments = landmarks.astype({"patient": kind})
    np.testing.assert_array_equal(bits(series_features(cohort, moments, SPEC)), bits(usual))


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
        monkeypatch.setattr(kernel_compilation, "_WORKLOAD", kernel_compilation._Workload())
        assert not kernel_compilation.worth_compiling(25 * 40, 25 * 400)
        assert kernel_compilation.worth_compiling(*work)
    monkeypatch.setattr(kernel_compilation, "started", lambda: True)
    assert kernel_compilation.worth_compiling(1, 1)
    code = (
        "import sys\nimport numpy as np\nfrom tests.builders import *\n"
        "from pipeline.features.build import build_features\n"
        "cohort = make_cohort(1, [lab(0, 'crp', 1.0, 3.0)])\n"
        "build_features(cohort, at((0, 24.0)), make_spec())\nassert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_small_calls_add_up_to_what_the_start_of_numba_costs(monkeypatch):
    monkeypatch.setattr(kernel_compilation, "started", lambda: False)
    monkeypatch.setattr(kernel_compilation, "_WORKLOAD", kernel_compilation._Workload())
    answers = [kernel_compilation.worth_compiling(13_500, 0) for _ in range(9)]
    assert answers == [False] * 7 + [True] * 2


@pytest.mark.parametrize("room", [8, 9, 40])
def test_robust_slopes_with_little_room_for_pairs(messy, monkeypatch, room):
    """The middle of the slopes is found to the bit, however few are kept at a time."""
    cohort, landmarks = messy
    monkeypatch.setattr(kernel_compilation, "started", lambda: False)
    monkeypatch.setattr(kernel_compilation, "MAX_PAIRS", room)
    close = series_features(cohort, landmarks, SPEC)
    monkeypatch.undo()
    np.testing.assert_array_equal(bits(close), bits(series_features(cohort, landmarks, SPEC)))


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
