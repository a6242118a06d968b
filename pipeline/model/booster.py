"""Booster member: shallow xgboost trees, monotone in horizon, threshold and signed analytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.config_model import ModelConfig
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.stacked_rows import StackedRows

if TYPE_CHECKING:
    import xgboost

QUERY_COLUMNS = ("log_horizon", "threshold", "threshold_minus_grade")


@dataclass(frozen=True)
class BoosterMember:
    """A fitted booster and its columns.

    Attributes
    ----------
    grade : str or None
        Column of the current grade, to compute the distance to the threshold.
    redrawn : tuple of Booster
        Refits on patient bootstrap samples, for intervals.
    """

    name: str
    columns: tuple[str, ...]
    grade: str | None
    booster: xgboost.Booster
    redrawn: tuple[xgboost.Booster, ...] = ()

    def log_odds(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the log-odds of each stacked row."""
        inputs = self.inputs(matrix, rows)
        margin = self.booster.inplace_predict(inputs, predict_type="margin")
        return np.asarray(margin, dtype=float)

    def all_log_odds(self, matrix: FeatureMatrix, rows: StackedRows, draws: int) -> Floats:
        """Return the log-odds of the fit, then of each draw, shape (n_rows, 1 + draws).

        The linear members have more draws, so refits are used cyclically; without refits, every
        draw is the fit.
        """
        inputs = self.inputs(matrix, rows)
        fits = [
            booster.inplace_predict(inputs, predict_type="margin")
            for booster in (self.booster, *self.redrawn)
        ]
        refits = len(self.redrawn)
        turns = [0, *(1 + draw % refits if refits else 0 for draw in range(draws))]
        return np.asarray(np.stack(fits, axis=1)[:, turns], dtype=float)

    def inputs(self, matrix: FeatureMatrix, rows: StackedRows) -> np.typing.NDArray[np.float32]:
        """Return the inputs of the trees: ``columns``, then ``QUERY_COLUMNS``."""
        return _inputs(matrix, rows, self.columns, self.grade)

    def save(self, path: Path) -> None:
        """Write the booster to ``path`` and its refits to the same folder, as UBJSON."""
        self.booster.save_model(path)
        for number, booster in enumerate(self.redrawn):
            booster.save_model(path.with_name(_refit_name(path.name, number)))

    def to_dict(self) -> dict[str, Any]:
        """Return everything except the trees, for JSON."""
        return {
            "name": self.name,
            "columns": list(self.columns),
            "grade": self.grade,
            "redrawn": len(self.redrawn),
        }


def load_booster(content: dict[str, Any], name: str, files: Mapping[str, bytes]) -> BoosterMember:
    """Rebuild a member from its JSON part and the files of its trees.

    Parameters
    ----------
    content : dict
        From :meth:`BoosterMember.to_dict`.
    name : str
        File of the fit; the names of the refit files are derived from it.
    files : mapping of str to bytes
        Verified content by file name.

    Returns
    -------
    BoosterMember
    """
    return BoosterMember(
        content["name"],
        tuple(content["columns"]),
        content["grade"],
        _load(files[name]),
        tuple(_load(files[_refit_name(name, number)]) for number in range(content["redrawn"])),
    )


def _load(trees: bytes) -> xgboost.Booster:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(trees))
    booster.set_param({"nthread": 1})
    return booster


def _refit_name(name: str, number: int) -> str:
    path = PurePosixPath(name)
    return path.with_name(f"{path.stem}_draw{number}{path.suffix}").as_posix()


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
    resample: Floats | None = None,
) -> BoosterMember:
    """Fit the booster on one thread.

    Parameters
    ----------
    name : str
    columns : tuple of str
    sign : tuple of int
        Monotone constraint of each column: 1, -1 or 0.
    grade : str or None
        Column of the current grade.
    matrix : FeatureMatrix
    rows : StackedRows
    config : ModelConfig
    seed : int
    resample : ndarray, shape (n_refits, n_landmarks), optional
        How often each landmark's patient is drawn in each bootstrap sample.

    Returns
    -------
    BoosterMember
    """
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

    def fit(weight: Floats) -> xgboost.Booster:
        drawn = weight > 0
        data = xgboost.DMatrix(
            inputs[drawn], label=rows.label[drawn], weight=weight[drawn], nthread=1
        )
        return xgboost.train(parameters, data, num_boost_round=config.booster_rounds)

    samples = resample if resample is not None else ()
    redrawn = tuple(fit(rows.weight * times[rows.landmark]) for times in samples)
    return BoosterMember(name, columns, grade, fit(rows.weight), redrawn)


def _inputs(
    matrix: FeatureMatrix, rows: StackedRows, columns: tuple[str, ...], grade: str | None
) -> np.typing.NDArray[np.float32]:
    position = {name: number for number, name in enumerate(matrix.names)}
    chosen = matrix.values[:, [position[name] for name in columns]].astype(np.float32)
    current = matrix.column(grade) if grade is not None else np.zeros(len(matrix.values))
    queries = np.stack(
        [np.log(rows.horizon), rows.threshold, rows.threshold - current[rows.landmark]], axis=1
    )
    return np.hstack([chosen[rows.landmark], queries.astype(np.float32)])
