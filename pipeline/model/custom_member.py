"""Custom member: any scikit-learn classifier named in the configuration, stored without pickle.

The classifier predicts an event pooled over all horizons and thresholds from the features at the
landmark. Horizon and threshold are added to its log-odds in bounded steps, so the risk is monotone
in both for any classifier. skops stores it and loads only types on a reviewed list.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.config_model import CustomMemberConfig
from pipeline.errors import BundleError, UsageError
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.calibration import Calibration, calibration_from_dict
from pipeline.model.logistic import fit_logistic, logit, penalty
from pipeline.model.stacked_rows import StackedRows, horizon_steps, threshold_steps

# in addition to the types that skops trusts; each was reviewed: plain arrays, no code
TRUSTED = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
_MIN_RISK = 1e-4


@dataclass(frozen=True)
class CustomMember:
    """A fitted classifier with its horizon and threshold steps.

    Attributes
    ----------
    moments : ndarray, shape (2, n_columns), or None
        Training mean and standard deviation to standardise inputs, missing values at the mean;
        None if the classifier accepts missing values.
    steps : Calibration
        Slope 1, intercept, rising horizon and falling threshold steps.
    """

    name: str
    columns: tuple[str, ...]
    moments: Floats | None
    estimator: Any
    steps: Calibration

    def log_odds(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Return the log-odds of each stacked row."""
        return self.steps.log_odds(self.score(self.inputs(matrix))[rows.landmark], rows)

    def score(self, inputs: Floats) -> Floats:
        """Return the pooled log-odds of each row of ``inputs``."""
        risk = self.estimator.predict_proba(_filled(inputs, self.moments))[:, 1]
        return logit(np.clip(risk, _MIN_RISK, 1.0 - _MIN_RISK))

    def inputs(self, matrix: FeatureMatrix) -> Floats:
        """Return the inputs of the classifier, missing values as NaN."""
        return _inputs(matrix, self.columns)

    def save(self, path: Path) -> None:
        """Write the classifier; the same fit gives the same bytes."""
        path.write_bytes(_dumped(self.estimator))

    def to_dict(self) -> dict[str, Any]:
        """Return everything except the classifier, for JSON."""
        return {
            "name": self.name,
            "columns": list(self.columns),
            "moments": None if self.moments is None else self.moments.tolist(),
            "steps": self.steps.to_dict(),
        }


def load_custom(content: Mapping[str, Any], name: str, files: Mapping[str, bytes]) -> CustomMember:
    """Rebuild a member from its JSON part and the file of its classifier.

    Parameters
    ----------
    content : mapping
        From :meth:`CustomMember.to_dict`.
    name : str
        File of the classifier.
    files : mapping of str to bytes
        Verified content by file name.

    Returns
    -------
    CustomMember

    Raises
    ------
    BundleError
        If the file has a type that is not on the reviewed list.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        estimator = skops.io.loads(files[name], trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise BundleError(
            f"{name} has types that are not trusted ({error}); retrain with a member whose types "
            "are on the reviewed list"
        ) from error
    moments = content["moments"]
    return CustomMember(
        content["name"],
        tuple(content["columns"]),
        None if moments is None else np.asarray(moments, dtype=float),
        estimator,
        calibration_from_dict(content["steps"]),
    )


def fit_custom(
    name: str,
    settings: CustomMemberConfig,
    columns: tuple[str, ...],
    matrix: FeatureMatrix,
    rows: StackedRows,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
    *,
    ridge: float,
    seed: int,
) -> CustomMember:
    """Fit the classifier on landmarks weighted by their stacked rows, then fit the steps.

    Each landmark is used once as an event and once as a non-event, with the summed weights of its
    stacked rows. This equals the stacked log loss of a prediction without horizon and threshold.

    Raises
    ------
    UsageError
        If the estimator does not exist, has no ``predict_proba``, does not accept
        ``sample_weight``, or cannot be stored.
    """
    estimator = _create(name, settings, seed)
    columns = _varying(matrix, columns, np.unique(rows.landmark))
    inputs = _inputs(matrix, columns)
    used = inputs[np.unique(rows.landmark)]
    moments = None if _reads_missing(estimator) else _moments(used)
    size = len(inputs)
    total = [
        np.bincount(rows.landmark, weights=rows.weight * (rows.label == side), minlength=size)
        for side in (0.0, 1.0)
    ]
    landmark = np.concatenate([np.flatnonzero(part > 0) for part in total])
    label = np.repeat([0, 1], [int((part > 0).sum()) for part in total])
    weight = np.concatenate([part[part > 0] for part in total])
    estimator.fit(_filled(inputs, moments)[landmark], label, sample_weight=weight)
    blank = Calibration(0.0, 1.0, np.zeros(0), np.zeros(0), knots, thresholds)
    member = CustomMember(name, columns, moments, estimator, blank)
    _dumped(estimator)
    score = member.score(inputs)[rows.landmark]
    rise, fall = horizon_steps(rows.horizon, knots), threshold_steps(rows.threshold, thresholds)
    n_rise, n_fall = rise.shape[1], fall.shape[1]
    theta = fit_logistic(
        np.zeros((len(score), 0)),
        np.hstack([np.ones((len(score), 1)), score[:, None], rise, fall]),
        np.arange(len(score)),
        rows.label,
        rows.weight,
        penalty(
            [0.0, 0.0] + [ridge] * (n_rise + n_fall),
            lower=[-np.inf, 1.0] + [0.0] * n_rise + [-np.inf] * n_fall,
            upper=[np.inf, 1.0] + [np.inf] * n_rise + [0.0] * n_fall,
        ),
    )
    steps = Calibration(
        float(theta[0]), 1.0, theta[2 : 2 + n_rise], theta[2 + n_rise :], knots, thresholds
    )
    return CustomMember(name, columns, moments, estimator, steps)


def _create(name: str, settings: CustomMemberConfig, seed: int) -> Any:
    """Create the estimator with the configured parameters, seeded if it has a seed."""
    from importlib import import_module

    from sklearn.utils.validation import has_fit_parameter

    module, _, kind = settings.estimator.rpartition(".")
    try:
        factory = getattr(import_module(module), kind)
        parameters = dict(settings.parameters)
        if "random_state" in factory().get_params():
            parameters.setdefault("random_state", seed)
        estimator = factory(**parameters)
    except (ImportError, AttributeError, TypeError) as error:
        raise UsageError(
            f"model.custom.{name}: {settings.estimator} cannot be created ({error}); give the "
            "import path of a scikit-learn classifier, e.g. "
            "sklearn.ensemble.HistGradientBoostingClassifier, and parameters that it accepts"
        ) from error
    if not hasattr(factory, "predict_proba") or not has_fit_parameter(estimator, "sample_weight"):
        raise UsageError(
            f"model.custom.{name}: {settings.estimator} has no predict_proba or does not accept "
            "sample_weight; use a classifier with both"
        )
    return estimator


def _reads_missing(estimator: Any) -> bool:
    from sklearn.utils import get_tags

    return bool(get_tags(estimator).input_tags.allow_nan)


def _inputs(matrix: FeatureMatrix, columns: tuple[str, ...]) -> Floats:
    position = {name: number for number, name in enumerate(matrix.names)}
    return matrix.values[:, [position[name] for name in columns]]


def _varying(matrix: FeatureMatrix, columns: tuple[str, ...], used: Ints) -> tuple[str, ...]:
    """Columns with at least two different known values; some classifiers cannot bin others."""
    values = _inputs(matrix, columns)[used]
    known = ~np.isnan(values)
    low = np.where(known, values, np.inf).min(axis=0)
    high = np.where(known, values, -np.inf).max(axis=0)
    return tuple(name for name, varies in zip(columns, high > low, strict=True) if varies)


def _moments(inputs: Floats) -> Floats:
    """Mean and standard deviation of the known values of each column."""
    return np.stack([np.nanmean(inputs, axis=0), np.nanstd(inputs, axis=0)])


def _filled(inputs: Floats, moments: Floats | None) -> Floats:
    if moments is None:
        return inputs
    return np.asarray(np.nan_to_num((inputs - moments[0]) / moments[1], nan=0.0))


def _dumped(estimator: Any) -> bytes:
    """The skops file of an estimator, without clock times and memory addresses."""
    import skops.io

    raw = skops.io.dumps(estimator)
    unknown = set(skops.io.get_untrusted_types(data=raw)) - set(TRUSTED)
    if unknown:
        raise UsageError(
            f"{type(estimator).__name__} cannot be stored: its types {', '.join(sorted(unknown))} "
            f"are not on the reviewed list ({', '.join(TRUSTED)}); use another classifier"
        )
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        files = {info.filename: archive.read(info) for info in archive.infolist()}
    schema = files.pop("schema.json").decode()
    addresses = dict.fromkeys(re.findall(r"\b\d{9,}\b", schema))
    renamed = {address: str(number) for number, address in enumerate(addresses, start=1)}
    schema = re.sub(r"\b\d{9,}\b", lambda hit: renamed[hit.group()], schema)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files, key=lambda item: _renamed(item, renamed)):
            archive.writestr(zipfile.ZipInfo(_renamed(name, renamed)), files[name])
        archive.writestr(zipfile.ZipInfo("schema.json"), schema)
    return written.getvalue()


def _renamed(name: str, renamed: Mapping[str, str]) -> str:
    stem, dot, suffix = name.partition(".")
    return f"{renamed.get(stem, stem)}{dot}{suffix}"
