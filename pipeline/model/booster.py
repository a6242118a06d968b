"""The booster member: shallow xgboost, monotone in horizon, threshold and signed analytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config import ModelConfig
from pipeline.features.build import FeatureMatrix
from pipeline.model.stack import Floats, StackedRows

if TYPE_CHECKING:
    import xgboost

QUERY_COLUMNS = ("log_horizon", "threshold", "threshold_minus_grade")


@dataclass(frozen=True)
class BoosterMember:
    """A fitted booster and the columns it reads.

    Attributes
    ----------
    grade : str or None
        Column of the current grade, for the distance to the threshold.
    """

    name: str
    columns: tuple[str, ...]
    grade: str | None
    booster: xgboost.Booster

    def log_odds(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Log-odds of each stacked row."""
        inputs = self.inputs(matrix, rows)
        margin = self.booster.inplace_predict(inputs, predict_type="margin")
        return np.asarray(margin, dtype=float)

    def inputs(self, matrix: FeatureMatrix, rows: StackedRows) -> np.typing.NDArray[np.float32]:
        """What the trees read: ``columns``, then ``QUERY_COLUMNS``."""
        return _inputs(matrix, rows, self.columns, self.grade)

    def save(self, path: Path) -> None:
        """Write the booster as UBJSON."""
        self.booster.save_model(path)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the trees, for JSON."""
        return {"name": self.name, "columns": list(self.columns), "grade": self.grade}


def load_booster(content: dict[str, Any], path: Path) -> BoosterMember:
    """Rebuild a member from its JSON part and the file of its trees."""
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(path)
    booster.set_param({"nthread": 1})
    return BoosterMember(content["name"], tuple(content["columns"]), content["grade"], booster)


def fit_booster(
    name: str,
    columns: tuple[str, ...],
    sign: tuple[int, ...],
    grade: str | None,
    matrix: FeatureMatrix,
    rows: StackedRows,
    config: ModelConfig,
    *,
    seed: int,
) -> BoosterMember:
    """Fit the booster on one thread; ``sign`` gives the monotone constraint of each column."""
    import xgboost

    inputs = _inputs(matrix, rows, columns, grade)
    constraints = [*sign, 1, -1, -1]
    parameters = {
        "objective": "binary:logistic",
        "max_depth": config.booster_depth,
        "eta": config.booster_eta,
        "subsample": config.booster_subsample,
        "colsample_bytree": config.booster_colsample,
        "min_child_weight": config.booster_min_child_weight,
        "lambda": config.booster_lambda,
        "max_bin": 64,
        "tree_method": "hist",
        "monotone_constraints": "(" + ",".join(map(str, constraints)) + ")",
        "seed": seed,
        "nthread": 1,
    }
    data = xgboost.DMatrix(inputs, label=rows.label, weight=rows.weight, nthread=1)
    booster = xgboost.train(parameters, data, num_boost_round=config.booster_rounds)
    return BoosterMember(name, columns, grade, booster)


def _inputs(
    matrix: FeatureMatrix, rows: StackedRows, columns: tuple[str, ...], grade: str | None
) -> np.typing.NDArray[np.float32]:
    position = {name: number for number, name in enumerate(matrix.names)}
    chosen = matrix.values[:, [position[name] for name in columns]].astype(np.float32)
    current = matrix.column(grade) if grade is not None else np.zeros(len(matrix.values))
    asked = np.stack(
        [np.log(rows.horizon), rows.threshold, rows.threshold - current[rows.landmark]], axis=1
    )
    return np.hstack([chosen[rows.landmark], asked.astype(np.float32)])
