"""How often the rule for giving no estimate would have spoken, and why."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.cohort.tables import Cohort
from pipeline.config import Config
from pipeline.evaluate.cross_validation import rows_at_risk
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.evaluate.splits import repeated_patient_folds
from pipeline.features.host import products_of
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.abstention import Codes, abstention_codes, support_from_rows, without_lab
from pipeline.model.evaluation_report import Abstentions
from pipeline.model.stacked_rows import EVENT, Targets

_SELDOM = 0.5  # share without an estimate


def held_out_abstentions(
    cohort: Cohort,
    matrix: FeatureMatrix,
    targets: Targets,
    threshold: int,
    analytes: tuple[str, ...],
    config: Config,
) -> Codes:
    """Code of each landmark's refusal; what is familiar comes from the other folds.

    Parameters
    ----------
    analytes : tuple of str
        Keys of the model's analytes.

    Returns
    -------
    ndarray of str, shape (n_landmarks,)
        Empty where an estimate would be given.
    """
    column = targets.thresholds.index(threshold)
    event = (targets.status[:, column] == EVENT) & targets.at_risk[:, column]
    code = np.full(len(matrix.values), "", dtype=object)
    product = products_of(cohort, matrix.landmarks["patient"].to_numpy())
    folds = config.evaluation.folds
    for split in repeated_patient_folds(
        targets.patient, event, folds=folds, repeats=1, seed=config.seed
    ):
        once = split.train[np.unique(targets.patient[split.train], return_index=True)[1]]
        seen = None if product is None else product.iloc[once]
        familiar = support_from_rows(
            matrix.take(split.train), analytes, seen, targets.patient[split.train]
        )
        asked = None if product is None else product.iloc[split.test].reset_index(drop=True)
        code[split.test] = abstention_codes(
            matrix.take(split.test), asked, familiar, config.predict
        ).code
    return code


def answered_rows(code: Codes, targets: Targets, scores: ScoredRows) -> NDArray[np.bool_]:
    """Rows of ``scores`` whose landmark gets an estimate."""
    moments = zip(targets.episode.tolist(), targets.hours.tolist(), strict=True)
    answered = dict(zip(moments, code == "", strict=True))
    asked = zip(scores.episode.tolist(), scores.hours.tolist(), strict=True)
    return np.array([answered[moment] for moment in asked], dtype=bool)


def abstention_report(
    code: Codes, matrix: FeatureMatrix, targets: Targets, threshold: int
) -> Abstentions:
    """Count the scored landmarks, and those at which no estimate would be given.

    ``n_before_event`` are abstentions of patients who have the event later.
    """
    column = targets.thresholds.index(threshold)
    rows = rows_at_risk(matrix, targets, np.arange(len(code)), threshold)
    codes = code[rows]
    refused = codes != ""
    reasons, counts = np.unique(codes[refused].astype(str), return_counts=True)
    later = targets.status[rows, column] == EVENT
    return Abstentions(
        n=len(rows),
        n_abstained=int(refused.sum()),
        rate=round(float(refused.mean()), 6) if len(rows) else None,
        by_reason={str(key): int(value) for key, value in zip(reasons, counts, strict=True)},
        n_without_lab=int(without_lab(matrix)[rows].sum()),
        n_before_event=int((refused & later).sum()),
    )


def abstention_warnings(name: str, report: Abstentions) -> list[str]:
    """A warning where the model would seldom or never speak, so that its figures are of little use.

    Examples
    --------
    >>> report = Abstentions(n=50, n_abstained=50, rate=1.0, by_reason={"no_lab": 50})
    >>> print(abstention_warnings("icans", report)[0])
    icans: an estimate would be given at 0 of 50 landmarks (no_lab 50); the figures are those of \
all landmarks, so they describe what would not be shown.
    >>> abstention_warnings("icans", Abstentions(n=50, n_abstained=3, rate=0.06))
    []
    """
    if report.rate is None or report.rate < _SELDOM:
        return []
    return [
        f"{name}: an estimate would be given at {report.n - report.n_abstained} of "
        f"{report.n} landmarks ({_reasons(report)}); the figures are those of all landmarks, so "
        "they describe what would not be shown."
    ]


def abstention_line(name: str, report: Abstentions) -> str:
    """The report in one line for stdout.

    Examples
    --------
    >>> report = Abstentions(n=50, n_abstained=3, rate=0.06, by_reason={"no_lab": 3})
    >>> abstention_line("icans", report)
    'icans: no estimate at 3 of 50 landmarks (6.0 %: no_lab 3), 0 before an event; 0 without a lab'
    """
    if report.rate is None:
        return f"{name}: no landmark scored"
    share = f"{100 * report.rate:.1f} %" + (f": {_reasons(report)}" if report.by_reason else "")
    return (
        f"{name}: no estimate at {report.n_abstained} of {report.n} landmarks ({share}), "
        f"{report.n_before_event} before an event; {report.n_without_lab} without a lab"
    )


def _reasons(report: Abstentions) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in report.by_reason.items())
