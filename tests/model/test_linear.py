"""Effective parameters: all without a penalty, fewer with one, none that a bound holds."""

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.model.linear import (
    LinearDesign,
    LinearMember,
    effective_parameters,
    fit_linear,
    linear_from_dict,
)
from pipeline.model.stacked_rows import StackedRows, query


def fitted(ridge: float, sign: int = 0) -> tuple[LinearMember, FeatureMatrix, StackedRows]:
    random = np.random.default_rng(0)
    n = 300
    values = np.column_stack([random.normal(size=(n, 3)), np.zeros(n)])
    names = [("host", "a"), ("host", "b"), ("host", "c"), ("time", "hours")]
    group = "host_product"
    metas = tuple(
        FeatureMeta(f"{subject}__{what}", subject, what, None, group, group, group, "1", "")
        for subject, what in names
    )
    label = (random.normal(size=n) + values[:, 0] > 0).astype(float)
    rows = StackedRows(np.arange(n), np.full(n, 24.0), np.full(n, 1.0), label, np.ones(n))
    matrix = FeatureMatrix(values, metas, pd.DataFrame({"hours": np.zeros(n)}))
    columns = tuple(meta.name for meta in metas[:3])
    design = LinearDesign(columns, (ridge,) * 3, (sign,) * 3, None, 1.0)
    return fit_linear("m", design, matrix, rows, (24.0,), (1,)), matrix, rows


def test_an_unpenalised_fit_counts_every_coefficient():
    assert np.isclose(effective_parameters(*fitted(0.0)), 4.0)


def test_a_penalty_leaves_the_trace_of_the_hat_matrix():
    member, matrix, rows = fitted(20.0)
    design, limits = member.design_matrix(matrix, rows)
    eta = design @ member.coefficients[0]
    weight = np.sqrt(np.exp(-np.logaddexp(0, eta) - np.logaddexp(0, -eta)))[:, None]
    scaled = design * weight
    hat = scaled @ np.linalg.inv(scaled.T @ scaled + np.diag(limits.ridge)) @ scaled.T
    assert np.isclose(effective_parameters(member, matrix, rows), np.trace(hat))
    assert 1.0 < np.trace(hat) < 4.0


def test_a_penalty_without_end_leaves_the_intercept():
    assert np.isclose(effective_parameters(*fitted(1e9)), 1.0, atol=1e-4)


def test_a_coefficient_at_its_bound_does_not_count():
    assert effective_parameters(*fitted(0.0, sign=-1)) < 4.0 - 0.9


def test_linear_members_survive_json_form_and_keep_signs(fitted):
    for member in (*fitted.model.state.linear, *fitted.model.no_state.linear):
        again = linear_from_dict(member.to_dict())
        rows = query(len(fitted.matrix.values), (24.0, 99.0), 3)
        np.testing.assert_array_equal(
            again.log_odds(fitted.matrix, rows), member.log_odds(fitted.matrix, rows)
        )
        size = len(member.design.columns)
        signed = np.array(member.design.sign) * member.coefficients[:, :size]
        assert (signed >= -1e-12).all()
    labs = fitted.model.no_state.linear[-1].design
    assert labs.sign[labs.columns.index("crp__last")] == 1


def test_the_step_between_thresholds_shrinks_with_the_horizon_and_the_risk_stays_monotone():
    """Whatever the coefficients within their bounds."""
    knots, thresholds, grid = (24.0, 72.0, 168.0), (1, 2, 3), (24.0, 40.0, 72.0, 100.0, 168.0)
    _, matrix, _ = fitted(1.0)
    matrix = matrix.take(np.arange(5))
    design = LinearDesign((), (), (), None, 1.0)
    member = LinearMember("m", design, np.empty(0), np.empty(0), knots, thresholds, np.empty(0))
    rows = {t: query(5, grid, t) for t in thresholds}
    limits = member.design_matrix(matrix, rows[1])[1]
    random = np.random.default_rng(3)
    for _ in range(20):
        theta = np.clip(random.normal(size=len(limits.lower)), limits.lower, limits.upper)
        drawn = replace(member, coefficients=theta[None, :])
        odds = np.stack([drawn.log_odds(matrix, rows[t]).reshape(5, -1) for t in thresholds])
        assert (np.diff(odds, axis=2) >= -1e-12).all()  # horizon
        assert (np.diff(odds, axis=0) <= 1e-12).all()  # threshold
        step = odds[:-1] - odds[1:]
        assert (np.diff(step, axis=2) <= 1e-12).all()


def test_a_member_of_an_older_bundle_has_no_step_by_horizon(fitted):
    member = fitted.model.no_state.linear[0]
    content = member.to_dict()
    del content["by_horizon"]
    old = linear_from_dict(content)
    rows = query(len(fitted.matrix.values), (24.0, 72.0), 3)
    wide, narrow = (part.design_matrix(fitted.matrix, rows)[0] for part in (member, old))
    kept = narrow.shape[1]
    np.testing.assert_array_equal(wide[:, :kept], narrow)
    assert wide.shape[1] > kept
