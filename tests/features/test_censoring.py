"""Values at detection limits: what a limit hides is neither a trend nor an extreme."""

import pytest

from pipeline.features.build import build_features
from pipeline.features.statistics import BY_NAME
from tests.builders import at, lab, make_cohort, make_spec

SPEC = make_spec(analytes=("albumin", "crp", "platelets"), statistics=tuple(BY_NAME))


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
