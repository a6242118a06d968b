"""Members of one variant, before weights and calibration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.model.fitting import fit_uncalibrated


def test_members_are_those_of_the_configuration_with_equal_weights(fitted):
    variants = fit_uncalibrated(fitted.matrix, fitted.targets, fitted.plan)
    assert sorted(variants) == [False, True]
    assert variants[True].names == fitted.model.state.names
    assert variants[False].names == fitted.model.no_state.names
    np.testing.assert_allclose(variants[True].shares, 1.0 / len(variants[True].names))
    np.testing.assert_array_equal(variants[True].calibration.slope, 1.0)


def test_one_class_fits_nothing(fitted):
    rows = np.flatnonzero(
        ~np.isin(
            fitted.targets.patient, fitted.targets.patient[(fitted.targets.status == 1).any(axis=1)]
        )
    )
    quiet = replace(
        fitted.targets.take(rows),
        status=np.zeros((len(rows), len(fitted.targets.thresholds)), np.int8),
    )
    assert fit_uncalibrated(fitted.matrix.take(rows), quiet, fitted.plan) == {}
