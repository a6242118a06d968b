"""Inner fits made beforehand: which folds serve which variant."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.model.fitting import fit_risk_model, fit_uncalibrated
from pipeline.model.inner_fits import InnerFits
from pipeline.model.stacked_rows import query


@pytest.fixture(scope="module")
def halves(fitted):
    even = fitted.targets.patient % 2 == 0
    members = [
        fit_uncalibrated(
            fitted.matrix.take(np.flatnonzero(rows)),
            fitted.targets.take(np.flatnonzero(rows)),
            fitted.plan,
        )
        for rows in (~even, even)
    ]
    return InnerFits((even, ~even), tuple(members))


def test_a_fold_without_rows_or_members_is_left_out(fitted, halves):
    even = halves.held_out[0]
    rows = query(len(even), (72.0,), 3)
    assert len(halves.of(True, rows)[0]) == 2
    folds, members = halves.of(True, rows.of(even))
    assert [fold is even for fold in folds] == [True]
    assert members == [halves.members[0][True]]
    without = InnerFits(halves.held_out, ({False: members[0]}, halves.members[1]))
    assert len(without.of(True, rows)[1]) == 1


def test_calibration_follows_the_inner_fits(fitted, halves):
    model = fit_risk_model(fitted.matrix, fitted.targets, fitted.plan, inner=halves)
    swapped = InnerFits(halves.held_out, halves.members[::-1])  # each scores its own patients
    other = fit_risk_model(fitted.matrix, fitted.targets, fitted.plan, inner=swapped)
    assert not np.array_equal(other.state.calibration.slope, model.state.calibration.slope)
    np.testing.assert_array_equal(
        model.state.linear[0].coefficients, other.state.linear[0].coefficients
    )
