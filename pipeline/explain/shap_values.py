"""SHAP values of the booster in log-odds on the training landmarks, for figures of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.arrays import Floats
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.model.booster import QUERY_COLUMNS
from pipeline.model.risk_model import RiskModel
from pipeline.model.stacked_rows import Targets, query

MOST_LANDMARKS = 1500


@dataclass(frozen=True)
class Attribution:
    """SHAP values of one threshold and horizon.

    Attributes
    ----------
    values : ndarray, shape (n_landmarks, n_columns)
        Path-dependent SHAP values in log-odds (Lundberg et al., 10.1038/s42256-019-0138-9).
    expected : float
        Expected log-odds.
    inputs : ndarray, shape (n_landmarks, n_columns)
        Inputs of the trees.
    names : tuple of str
        One per column.
    metas : tuple of FeatureMeta or None
        One per column; None for horizon and threshold. The distance of the threshold to the
        current grade belongs to the clinical state.
    """

    threshold: int
    horizon: float
    values: Floats
    expected: float
    inputs: np.typing.NDArray[np.float32]
    names: tuple[str, ...]
    metas: tuple[FeatureMeta | None, ...]

    def player(self, key: str) -> Floats:
        """Sum of the log-odds of one analyte or group, per landmark."""
        return self._sum(lambda meta: meta.player == key)

    def pathway(self, key: str) -> Floats:
        """Sum of the log-odds of one pathway, per landmark."""
        return self._sum(lambda meta: meta.pathway == key)

    def pathways(self) -> list[str]:
        """Pathways of the columns, in order of first occurrence."""
        return list(dict.fromkeys(meta.pathway for meta in self.metas if meta is not None))

    def column(self, name: str) -> Floats | None:
        """Input of the trees in a column; None if they do not use it."""
        if name not in self.names:
            return None
        return self.inputs[:, self.names.index(name)].astype(float)

    def _sum(self, chosen: Callable[[FeatureMeta], bool]) -> Floats:
        mask = np.array([meta is not None and chosen(meta) for meta in self.metas])
        return np.asarray(self.values[:, mask].sum(axis=1))


def attribute(
    model: RiskModel,
    matrix: FeatureMatrix,
    targets: Targets,
    threshold: int,
    horizon: float,
    *,
    seed: int,
) -> Attribution | None:
    """Compute SHAP values of the booster on at most 1500 landmarks at risk.

    Explains the variant of the displayed risk. If that uses the clinical state, only landmarks
    with a known grade are used.

    Parameters
    ----------
    model : RiskModel
        Fitted model of one scale.
    matrix : FeatureMatrix
        Training landmarks.
    targets : Targets
        Outcomes of the same landmarks.
    threshold : int
        Grade that defines the outcome.
    horizon : float
        Hours ahead.
    seed : int
        Seed of the sample of landmarks.

    Returns
    -------
    Attribution or None
        None if the variant has no booster or no landmark is left.
    """
    import shap

    variant = model.shown
    known = model.state_used(matrix) if variant is model.state else True
    at_risk = targets.at_risk[:, targets.thresholds.index(threshold)]
    rows = np.flatnonzero(at_risk & known)
    if len(rows) == 0 or not variant.boosters:
        return None
    if len(rows) > MOST_LANDMARKS:
        chosen = np.random.default_rng(seed).choice(rows, MOST_LANDMARKS, replace=False)
        rows = np.sort(chosen)
    member = variant.boosters[0]
    part = matrix.take(rows)
    inputs = member.inputs(part, query(len(rows), (horizon,), threshold))
    explainer = shap.TreeExplainer(member.booster)
    values = np.asarray(explainer.shap_values(inputs), dtype=float)
    metas = {meta.name: meta for meta in matrix.metas}
    if member.grade is not None:
        metas[QUERY_COLUMNS[-1]] = metas[member.grade]
    names = (*member.columns, *QUERY_COLUMNS)
    return Attribution(
        threshold,
        horizon,
        values,
        float(np.ravel(explainer.expected_value)[0]),
        inputs,
        names,
        tuple(metas.get(name) for name in names),
    )
