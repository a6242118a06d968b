"""The kernel gives the same bits interpreted and compiled, and numba starts once that pays."""

import math
import subprocess
import sys

import numpy as np
import pytest

from pipeline.features import kernel, kernel_compilation
from pipeline.features.kernel import LabResults, Landmarks, Request
from pipeline.features.series import series_features
from pipeline.features.statistics import PLAIN
from tests.features.conftest import SPEC, bits


def test_the_compiled_file_is_named_for_the_places_and_every_function():
    """numba checks kernel.py only for changes, not the modules whose functions it compiles."""
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
    monkeypatch.setattr(kernel_compilation, "is_compiled", lambda: False)
    monkeypatch.setattr(kernel_compilation, "WORTH_COMPILING", np.inf)
    plain = series_features(cohort, landmarks, SPEC)
    assert np.isfinite(plain).mean() > 0.5
    monkeypatch.setattr(kernel_compilation, "WORTH_COMPILING", -1)
    monkeypatch.setattr("pipeline.features.series.ROWS_PER_CHUNK", 500)
    for jobs in (1, 2):
        fast = series_features(cohort, landmarks, SPEC, jobs)
        np.testing.assert_array_equal(bits(fast), bits(plain))


def test_little_work_does_not_import_numba(monkeypatch):
    monkeypatch.setattr(kernel_compilation, "is_compiled", lambda: False)
    for work in ((400 * 30 * 25, 0), (1, 5_000, 5_000 * 5_000 // 2)):
        monkeypatch.setattr(kernel_compilation, "_WORKLOAD", kernel_compilation._Workload())
        assert not kernel_compilation.worth_compiling(25 * 40, 25 * 400)
        assert kernel_compilation.worth_compiling(*work)
    monkeypatch.setattr(kernel_compilation, "is_compiled", lambda: True)
    assert kernel_compilation.worth_compiling(1, 1)
    code = (
        "import sys\nimport numpy as np\nfrom tests.builders import *\n"
        "from pipeline.features.build import build_features\n"
        "cohort = make_cohort(1, [lab(0, 'crp', 1.0, 3.0)])\n"
        "build_features(cohort, at((0, 24.0)), make_spec())\nassert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_small_calls_add_up_to_what_the_start_of_numba_costs(monkeypatch):
    monkeypatch.setattr(kernel_compilation, "is_compiled", lambda: False)
    monkeypatch.setattr(kernel_compilation, "_WORKLOAD", kernel_compilation._Workload())
    answers = [kernel_compilation.worth_compiling(13_500, 0) for _ in range(9)]
    assert answers == [False] * 7 + [True] * 2


@pytest.mark.parametrize("run", [kernel_compilation.run_plain, kernel_compilation.run_compiled])
def test_both_fill_the_first_columns_of_a_matrix_and_leave_the_others(run):
    """Two patients of one series, read from plain arrays without a cohort."""
    collected, value = np.array([2.0, 8.0, 5.0]), np.array([3.0, 7.0, 4.0])
    zeros = np.zeros(3, dtype=np.int64)
    results = LabResults(
        collected=collected,
        resulted=collected + 1.0,
        value=value,
        limit=value,
        side=zeros.astype(np.int8),
        epoch=zeros.astype(np.int32),
        altered=zeros.astype(np.int8),
        offset=np.array([0, 2, 3]),
    )
    request = Request(
        logged=np.array([False]),
        windows=np.array([24.0]),
        wanted=np.array([PLAIN.index(name) for name in ("last", "hours_since_last")]),
        baseline_from=-168.0,
        min_span=6.0,
        horizon=math.inf,
        with_since_zero=True,
        with_doubling=False,
        with_robust_slope=False,
        with_sd=False,
        with_time_mean=False,
    )
    landmarks = Landmarks(np.array([0, 0, 1, 1]), np.array([9.0, 9.5, 6.0, 6.5]))
    out = np.full((4, 3), -1.0)
    run(landmarks, results, request, 2, out)
    nothing = [np.nan, np.nan]
    np.testing.assert_array_equal(out[:, :2], [[3.0, 7.0], [7.0, 1.5], nothing, [4.0, 1.5]])
    assert (out[:, 2] == -1.0).all()
    assert (results.value == value).all()
