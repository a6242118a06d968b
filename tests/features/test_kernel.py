"""Every statistic has its place, and the room for slopes and matrix changes no bit."""

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
from tests.builders import at, make_spec
from tests.features.conftest import SPEC, bits


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


@pytest.mark.parametrize("room", [8, 9, 40])
def test_robust_slopes_with_little_room_for_pairs(messy, monkeypatch, room):
    """The median slope is exact to the bit, however few slopes are kept at a time."""
    cohort, landmarks = messy
    monkeypatch.setattr(kernel_compilation, "is_compiled", lambda: False)
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
