"""SHAP of the booster in log-odds on the training landmarks, for the data scientist's figures."""

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
    """SHAP values of one question: a threshold within a horizon.

    Attributes
    ----------
    values : ndarray, shape (n_landmarks, n_columns)
        Log-odds that each column adds, path-dependent (Lundberg et al.,
        10.1038/s42256-019-0138-9).
    expected : float
        Log-odds without any column.
    inputs : ndarray, shape (n_landmarks, n_columns)
        What the trees read.
    metas : tuple of FeatureMeta or None
        One per column; None for horizon and threshold of the question. The distance of the
        threshold to the current grade belongs to the clinical state.
    """

    threshold: int
    horizon: float
    values: Floats
    expected: float
    inputs: np.typing.NDArray[np.float32]
    names: tuple[str, ...]
    metas: tuple[FeatureMeta | None, ...]

    def player(self, key: str) -> Floats:
        """Log-odds of all columns of one analyte or group together, per landmark."""
        return self._sum(lambda meta: meta.player == key)

    def pathway(self, key: str) -> Floats:
        """Log-odds of all columns of one pathway together, per landmark."""
        return self._sum(lambda meta: meta.pathway == key)

    def pathways(self) -> list[str]:
        """Pathways of the columns, in order of first occurrence."""
        return list(dict.fromkeys(meta.pathway for meta in self.metas if meta is not None))

    def column(self, name: str) -> Floats | None:
        """What the trees read in a column; None where they do not read it."""
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
    """SHAP values of the booster on landmarks at risk, at most 1500 drawn by ``seed``.

    The variant behind the shown risk is explained, with clinical state on landmarks whose grade is
    known. None where the variant has no booster or no landmark is left.
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
