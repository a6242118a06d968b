"""Effective number of parameters of a ridge-penalised member."""

from __future__ import annotations

import numpy as np

from pipeline.features.build import FeatureMatrix
from pipeline.model.linear import LinearMember
from pipeline.model.logistic import sigmoid
from pipeline.model.stack import StackedRows

_AT_BOUND = 1e-9


def effective_parameters(member: LinearMember, matrix: FeatureMatrix, rows: StackedRows) -> float:
    """Trace of ``H (H + R)^-1`` at the fit, over the coefficients that are free to move.

    H is the weighted information of the stacked rows, R the ridge penalties (Gray,
    10.1080/01621459.1992.10476248). Coefficients held at a bound do not count. Rows of the same
    patient are treated as independent, so the figure is an upper bound.

    Parameters
    ----------
    matrix, rows
        What the member was fitted on.

    Examples
    --------
    Without a penalty every free coefficient counts fully; see ``tests/model/test_effective.py``.
    """
    design, limits = member.design_matrix(matrix, rows)
    theta = member.coefficients[0]
    risk = sigmoid(design @ theta)
    free = (theta > limits.lower + _AT_BOUND) & (theta < limits.upper - _AT_BOUND)
    kept = design[:, free]
    information = kept.T @ (kept * (rows.weight * risk * (1.0 - risk))[:, None])
    penalised = information + np.diag(limits.ridge[free])
    return float(np.trace(np.linalg.pinv(penalised) @ information))
