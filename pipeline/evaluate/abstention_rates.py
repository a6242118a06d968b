"""Abstention rates by reason."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.cohort.tables import Cohort
from pipeline.config import Config
from pipeline.evaluate.cross_validation import rows_at_risk
from pipeline.evaluate.evaluation_phrases import evaluation_phrase, evaluation_section
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.evaluate.splits import repeated_patient_folds
from pipeline.features.host import products_of
from pipeline.features.matrix import FeatureMatrix
from pipeline.format import integer
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
    """Abstention code of each landmark, with the training range taken from the other folds.

    Parameters
    ----------
    cohort : Cohort
    matrix : FeatureMatrix, shape (n_landmarks, n_features)
    targets : Targets
    threshold : int
        Grade of the outcome.
    analytes : tuple of str
        Keys of the model's analytes.
    config : Config

    Returns
    -------
    ndarray of str, shape (n_landmarks,)
        "" where an estimate would be given.

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.config import load_config
    >>> from pipeline.model.outcomes import build_targets
    >>> cohort = empty_cohort(list("ABCDE"))
    >>> landmarks = pd.DataFrame({"patient": range(5), "hours": 24.0, "weight": 1.0})
    >>> matrix = FeatureMatrix(np.empty((5, 0)), (), landmarks)
    >>> targets = build_targets(cohort, landmarks, "crs", (3,))
    >>> held_out_abstentions(cohort, matrix, targets, 3, ("crp",), load_config()).tolist()
    ['no_lab', 'no_lab', 'no_lab', 'no_lab', 'no_lab']
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
        trained = None if product is None else product.iloc[once]
        support = support_from_rows(
            matrix.take(split.train), analytes, trained, targets.patient[split.train]
        )
        tested = None if product is None else product.iloc[split.test].reset_index(drop=True)
        code[split.test] = abstention_codes(
            matrix.take(split.test), tested, support, config.predict
        ).code
    return code


def answered_rows(code: Codes, targets: Targets, scores: ScoredRows) -> NDArray[np.bool_]:
    """Whether the landmark of each scored row gets an estimate.

    Parameters
    ----------
    code : ndarray of str, shape (n_landmarks,)
        From :func:`held_out_abstentions`.
    targets : Targets
        Of these landmarks.
    scores : ScoredRows

    Returns
    -------
    ndarray of bool, shape (n_rows,)

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> landmarks = SimpleNamespace(episode=np.array([0, 1]), hours=np.array([24.0, 24.0]))
    >>> answered_rows(np.array(["", "no_lab"]), landmarks, landmarks).tolist()
    [True, False]
    """
    moments = zip(targets.episode.tolist(), targets.hours.tolist(), strict=True)
    answered = dict(zip(moments, code == "", strict=True))
    scored = zip(scores.episode.tolist(), scores.hours.tolist(), strict=True)
    return np.array([answered[moment] for moment in scored], dtype=bool)


def abstention_report(
    code: Codes, matrix: FeatureMatrix, targets: Targets, threshold: int
) -> Abstentions:
    """Count the landmarks at risk, and those at which no estimate would be given.

    Parameters
    ----------
    code : ndarray of str, shape (n_landmarks,)
        Abstention code; "" where an estimate would be given.
    matrix : FeatureMatrix
    targets : Targets
    threshold : int
        Grade of the outcome.

    Returns
    -------
    Abstentions
        ``n_before_event`` counts abstentions of patients who have the event later.

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.model.outcomes import build_targets
    >>> landmarks = pd.DataFrame(
    ...     {"patient": [0, 1], "hours": 24.0, "weight": 1.0, "source": "grid"})
    >>> targets = build_targets(empty_cohort(["A", "B"]), landmarks, "crs", (3,))
    >>> matrix = FeatureMatrix(np.empty((2, 0)), (), landmarks)
    >>> report = abstention_report(np.array(["", "no_lab"]), matrix, targets, 3)
    >>> report.n, report.rate, report.by_reason
    (2, 0.5, {'no_lab': 1})
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
    """Warning for an outcome with an estimate at less than half of the landmarks.

    Parameters
    ----------
    name : str
        Outcome.
    report : Abstentions

    Returns
    -------
    list of str
        Empty where estimates are more frequent.

    Examples
    --------
    >>> report = Abstentions(n=50, n_abstained=50, rate=1.0, by_reason={"no_lab": 50})
    >>> abstention_warnings("icans", report)[0][:48]
    'icans: An estimate is given at 0 of 50 landmarks'
    >>> abstention_warnings("icans", Abstentions(n=50, n_abstained=3, rate=0.06))
    []
    """
    if report.rate is None or report.rate < _SELDOM:
        return []
    given = report.n - report.n_abstained
    parts = {"count": integer(given), "whole": integer(report.n), "reasons": _reasons(report)}
    return [f"{name}: {evaluation_phrase('warnings', 'abstains', **parts)}"]


def abstention_line(name: str, report: Abstentions) -> str:
    """Abstentions of one outcome in one line for stdout.

    Parameters
    ----------
    name : str
        Outcome.
    report : Abstentions

    Returns
    -------
    str

    Examples
    --------
    >>> report = Abstentions(n=50, n_abstained=3, rate=0.06, by_reason={"no_lab": 3})
    >>> abstention_line("icans", report)[:63]
    'icans: no estimate at 3 of 50 landmarks (6.0%: no lab result 3)'
    >>> abstention_line("icans", Abstentions(n=2850, rate=0.0))
    'icans: an estimate at all 2,850 landmarks'
    """
    if report.rate is None:
        return f"{name}: {evaluation_phrase('abstention', 'none')}"
    text = evaluation_phrase("abstention", "all", whole=integer(report.n))
    if report.n_abstained:
        share = f"{100 * report.rate:.1f}%" + (f": {_reasons(report)}" if report.by_reason else "")
        text = evaluation_phrase(
            "abstention",
            "line",
            count=integer(report.n_abstained),
            whole=integer(report.n),
            share=share,
            before=integer(report.n_before_event),
        )
    if report.n_without_lab:
        text += evaluation_phrase("abstention", "without", count=integer(report.n_without_lab))
    return f"{name}: {text}"


def _reasons(report: Abstentions) -> str:
    known = evaluation_section("abstention_reasons")
    return ", ".join(
        f"{known.get(reason, reason)} {integer(count)}"
        for reason, count in report.by_reason.items()
    )
