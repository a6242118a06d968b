"""Comparators of a fitted model: calibrated out of fold, stored, and the identity if absent."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.evaluate import metrics
from pipeline.model.calibration import fit_calibration, identity
from pipeline.model.clinical_comparators import (
    ClinicalComparators,
    clinical_comparators_from_dict,
    fit_clinical_comparators,
)
from pipeline.model.linear import fit_linear
from pipeline.model.stacked_rows import query, stack

SEVERE = 3


@pytest.fixture(scope="module")
def rows(fitted):
    return stack(fitted.targets, (72.0,), reported=(SEVERE,), other_weight=0.0, ipcw_floor=0.1)


def halves(fitted):
    return [fitted.targets.patient % 2 == number for number in range(2)]


def fit_comparators(fitted, rows, folds):
    return fit_clinical_comparators(
        fitted.model.reference,
        fitted.model.state.linear,
        fitted.matrix,
        rows,
        folds,
        (SEVERE,),
        1.0,
        patient=fitted.targets.patient,
    )


def test_a_member_is_calibrated_by_the_log_odds_of_fits_without_the_fold(fitted, rows):
    comparators = fit_comparators(fitted, rows, halves(fitted))
    assert set(comparators.calibrations) == {"grade_and_day", "state"}
    member, matrix, targets = fitted.model.reference, fitted.matrix, fitted.targets
    log_odds, kept = [], []
    for fold in halves(fitted):
        other = fit_linear(
            member.name, member.design, matrix, rows.of(~fold), member.knots, member.thresholds
        )
        log_odds.append(other.log_odds(matrix, rows))
        kept.append(fold[rows.landmark])
    blend = np.where(kept[0], *log_odds)
    expected = fit_calibration(
        blend,
        rows,
        member.knots,
        member.thresholds,
        1.0,
        patient=targets.patient,
    )
    found = comparators.calibrations["grade_and_day"]
    asked = query(len(matrix.values), fitted.model.horizons, SEVERE)
    own = member.log_odds(matrix, asked)
    np.testing.assert_allclose(found.log_odds(own, asked), expected.log_odds(own, asked))
    np.testing.assert_array_equal(
        comparators.log_odds(member, matrix, asked), found.log_odds(own, asked)
    )


def test_comparators_are_restored_and_absent_ones_leave_the_log_odds(fitted):
    comparators = fitted.model.comparators
    loaded = clinical_comparators_from_dict(json.loads(json.dumps(comparators.to_dict())))
    asked = query(len(fitted.matrix.values), fitted.model.horizons, SEVERE)
    member, matrix = fitted.model.reference, fitted.matrix
    np.testing.assert_array_equal(
        loaded.log_odds(member, matrix, asked), comparators.log_odds(member, matrix, asked)
    )
    assert loaded.plain == comparators.plain
    older = clinical_comparators_from_dict({})
    assert older == ClinicalComparators()
    np.testing.assert_array_equal(
        older.log_odds(member, matrix, asked), member.log_odds(matrix, asked)
    )


def test_without_a_fold_to_hold_out_the_calibration_is_the_identity(fitted, rows):
    member = fitted.model.reference
    line = fit_comparators(fitted, rows, []).calibrations["grade_and_day"]
    assert line.to_dict() == identity(member.knots, member.thresholds).to_dict()


def test_the_risk_by_grade_and_day_is_the_calibrated_one(fitted):
    model, matrix, targets = fitted.model, fitted.matrix, fitted.targets
    risk = model.reference_risk(matrix, SEVERE, (72.0,))[:, 0]
    asked = query(len(matrix.values), (72.0,), SEVERE)
    line = model.comparators.calibrations["grade_and_day"]
    expected = line.log_odds(model.reference.log_odds(matrix, asked), asked)
    np.testing.assert_allclose(np.log(risk / (1 - risk)), expected)
    label = targets.label(SEVERE, 72.0)
    known = ~np.isnan(label)
    slope = metrics.calibration_line(label[known], risk[known], np.ones((known.sum(), 1)))[1]
    assert 0.3 < slope[0] < 3.0
