"""Updates of a model's risks to local patients, chosen by closed testing (10.1002/sim.7179).

An update changes calibrated log-odds z only: ``none``, ``intercept``, ``slope`` (with intercept) or
``horizon`` (slope and intercept of every horizon).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.config_evaluation import RecalibrationConfig
from pipeline.model.calibration import Calibration, event_patients, fit_calibration, identity
from pipeline.model.logistic import fit_logistic, penalty, sigmoid
from pipeline.model.patient_samples import patient_resample
from pipeline.model.stacked_rows import StackedRows

NONE, INTERCEPT, SLOPE, HORIZON = "none", "intercept", "slope", "horizon"
FORMS = (NONE, INTERCEPT, SLOPE, HORIZON)
_RANK = 1e-8  # smallest eigenvalue, as a share of the largest
_RIDGE_SLOPE = 1.0


@dataclass(frozen=True)
class FormTest:
    """Test of a form against every more flexible candidate.

    Attributes
    ----------
    p : float
        Combined over the alternatives.
    against : dict of float
        P value by alternative.
    """

    form: str
    p: float
    against: dict[str, float]


@dataclass(frozen=True)
class FormChoice:
    """Form of an update, and why.

    Attributes
    ----------
    event_patients : int
        Patients with an event or, if fewer, patients with a label of no event.
    candidates : tuple of str
        Forms that so many patients allow, from simple to flexible.
    tests : tuple of FormTest
        Of the simpler candidates, up to the first that is not rejected.
    """

    form: str
    event_patients: int
    candidates: tuple[str, ...]
    tests: tuple[FormTest, ...] = ()

    @property
    def too_few(self) -> bool:
        """Whether there are too few patients for any update."""
        return self.candidates == (NONE,)


@dataclass(frozen=True)
class LocalUpdate:
    """A chosen and fitted update.

    Attributes
    ----------
    calibration : Calibration or None
        None for the form ``none``.
    redrawn : tuple of Calibration
        The same form, refitted on bootstrap samples of the patients.
    """

    choice: FormChoice
    calibration: Calibration | None = None
    redrawn: tuple[Calibration, ...] = field(default=())


def candidates(count: int, config: RecalibrationConfig) -> tuple[str, ...]:
    """Forms of update that a number of event patients allows, from simple to flexible.

    Examples
    --------
    >>> [len(candidates(count, RecalibrationConfig())) for count in (4, 5, 20)]
    [1, 2, 4]
    """
    if count < config.min_event_patients:
        return (NONE,)
    return FORMS if count >= config.slope_event_patients else (NONE, INTERCEPT)


def choose_form(
    z: Floats, rows: StackedRows, patient: Ints, config: RecalibrationConfig
) -> FormChoice:
    """Choose the simplest form that is not rejected against the more flexible candidates.

    Vergouwe et al. (10.1002/sim.7179) test against the most flexible form only. Its many parameters
    hide a change of the intercept, so the p values against all more flexible forms are combined.

    Parameters
    ----------
    z : ndarray, shape (n_rows,)
        Log-odds of the model.
    rows : StackedRows
        Labelled.
    patient : ndarray of int, shape (n_landmarks,)
        ``Targets.patient``.
    config : RecalibrationConfig

    Returns
    -------
    FormChoice

    Examples
    --------
    Ten of 100 patients have the event, and the model predicts one half:

    >>> patient, every = np.arange(100), np.ones(100)
    >>> rows = StackedRows(patient, 24 * every, 3 * every, (patient < 10) * every, every)
    >>> choose_form(0 * every, rows, patient, RecalibrationConfig()).form
    'intercept'
    """
    count = _informative_patients(rows, patient)
    allowed = candidates(count, config)
    if len(allowed) == 1:
        return FormChoice(NONE, count, allowed)
    code = np.unique(patient[rows.landmark], return_inverse=True)[1]
    tests: list[FormTest] = []
    for place, form in enumerate(allowed[:-1], start=1):
        tests.append(_form_test(form, allowed[place:], z, rows, code))
        if tests[-1].p > config.alpha:
            return FormChoice(form, count, allowed, tuple(tests))
    return FormChoice(allowed[-1], count, allowed, tuple(tests))


def fit_update(
    z: Floats,
    rows: StackedRows,
    patient: Ints,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
    *,
    ridge: float,
    config: RecalibrationConfig,
    bootstrap: int = 0,
    seed: int = 0,
) -> LocalUpdate:
    """Choose the form of an update and fit it; one update serves all thresholds.

    Parameters
    ----------
    z : ndarray, shape (n_rows,)
        Log-odds of the model.
    rows : StackedRows
        Labelled.
    patient : ndarray of int, shape (n_landmarks,)
    knots : tuple of float
        Horizons of the model, in hours.
    thresholds : tuple of int
    ridge : float
        Shrinkage of differences between horizons.
    config : RecalibrationConfig
    bootstrap : int
        Number of bootstrap samples of patients on which the chosen form is refitted. A sample with
        one class only is skipped.
    seed : int

    Returns
    -------
    LocalUpdate

    Examples
    --------
    >>> patient, every = np.arange(100), np.ones(100)
    >>> rows = StackedRows(patient, 24 * every, 3 * every, (patient < 10) * every, every)
    >>> update = fit_update(0 * every, rows, patient, (24.0,), (3,), ridge=5.0,
    ...                     config=RecalibrationConfig(), bootstrap=2)
    >>> update.choice.form, len(update.redrawn)
    ('intercept', 2)
    """
    choice = choose_form(z, rows, patient, config)
    if choice.form == NONE:
        return LocalUpdate(choice)

    def fit(part: StackedRows) -> Calibration:
        return fit_form(choice.form, z, part, patient, knots, thresholds, ridge=ridge)

    resample = patient_resample(patient, bootstrap, seed) if bootstrap else ()
    drawn = (replace(rows, weight=rows.weight * times[rows.landmark]) for times in resample)
    redrawn = tuple(fit(part) for part in drawn if _has_both_classes(part))
    return LocalUpdate(choice, fit(rows), redrawn)


def fit_form(
    form: str,
    z: Floats,
    rows: StackedRows,
    patient: Ints,
    knots: tuple[float, ...],
    thresholds: tuple[int, ...],
    *,
    ridge: float,
) -> Calibration:
    """Fit one form of update to log-odds; parameters as in :func:`fit_update`.

    Examples
    --------
    >>> patient, every = np.arange(100), np.ones(100)
    >>> rows = StackedRows(patient, 24 * every, 3 * every, (patient < 10) * every, every)
    >>> fitted = fit_form("intercept", 0 * every, rows, patient, (24.0,), (3,), ridge=5.0)
    >>> round(fitted.intercept, 2), fitted.slope  # the log-odds of 10%
    (-2.2, 1.0)
    """
    first = thresholds[:1]
    if form == NONE:
        return identity(knots, first)
    if form == HORIZON:
        return fit_calibration(z, rows, knots, first, ridge, patient=patient)
    fixed = 1.0 if form == INTERCEPT else None
    intercept, slope = fit_logistic(
        np.zeros((len(z), 0)),
        np.stack([np.ones(len(z)), z], axis=1),
        np.arange(len(z)),
        rows.label,
        rows.weight,
        penalty(
            [0.0, _RIDGE_SLOPE],
            lower=[-np.inf, 0.0 if fixed is None else fixed],
            upper=[np.inf, np.inf if fixed is None else fixed],
            centre=[0.0, 1.0],
        ),
    )
    return replace(identity(knots, first), intercept=float(intercept), slope=float(slope))


def working_score_test(
    simple: Floats, flexible: Floats, risk: Floats, label: Floats, weight: Floats, cluster: Ints
) -> tuple[float, float, float]:
    """Test columns of ``flexible`` beyond those of ``simple`` with the model of ``simple``.

    The score is measured by the information that independent rows would have; the variance of its
    sum over patients (sandwich) gives the eigenvalues of the reference distribution, a weighted sum
    of chi-squares that is matched by its first two moments (Rotnitzky and Jewell,
    10.1093/biomet/77.3.485). With few patients it keeps its level better than a Wald or score test
    with the inverse of the sandwich, which has as many dimensions as parameters.

    Parameters
    ----------
    simple : ndarray, shape (n_rows, n_simple)
        Columns whose coefficients are fitted; may be empty.
    flexible : ndarray, shape (n_rows, n_flexible)
        Columns that include those of ``simple``.
    risk : ndarray, shape (n_rows,)
        By the simple model.
    label, weight : ndarray, shape (n_rows,)
    cluster : ndarray of int, shape (n_rows,)
        Patient of each row, from 0.

    Returns
    -------
    statistic, df, p : float

    Examples
    --------
    >>> label, none = np.repeat([1.0, 0.0], [5, 15]), np.zeros((20, 0))
    >>> one, half = np.ones((20, 1)), np.full(20, 0.5)
    >>> statistic, df, p = working_score_test(none, one, half, label, one[:, 0], np.arange(20))
    >>> round(statistic, 2), df, round(p, 3)
    (5.0, 1.0, 0.025)
    """
    from scipy.special import gammaincc

    information = weight * risk * (1.0 - risk)
    heavy = simple * information[:, None]
    overlap = np.linalg.lstsq(heavy.T @ simple, heavy.T @ flexible, rcond=None)[0]
    extra = flexible - simple @ overlap
    size, axes = np.linalg.eigh((extra * information[:, None]).T @ extra)
    kept = size > _RANK * max(float(size.max(initial=0.0)), np.finfo(float).tiny)
    whitened = extra @ (axes[:, kept] / np.sqrt(size[kept]))
    contribution = whitened * (weight * (label - risk))[:, None]
    score = np.zeros((int(cluster.max(initial=-1)) + 1, int(kept.sum())))
    np.add.at(score, cluster, contribution)
    spread = score.T @ score
    first, second = float(np.trace(spread)), float((spread**2).sum())
    if second == 0.0:
        return 0.0, 0.0, 1.0
    statistic = float((score.sum(axis=0) ** 2).sum()) * first / second
    df = first**2 / second
    return statistic, df, float(gammaincc(df / 2.0, statistic / 2.0))


def combined_p(values: Iterable[float]) -> float:
    """Combine dependent p values by the Cauchy combination test (10.1080/01621459.2018.1554485).

    Examples
    --------
    >>> round(combined_p([0.01, 0.4, 0.6]), 3), round(combined_p([0.3]), 3)
    (0.03, 0.3)
    """
    kept = np.clip(np.fromiter(values, dtype=float), 1e-15, 1.0 - 1e-15)
    return float(0.5 - np.arctan(np.tan((0.5 - kept) * np.pi).mean()) / np.pi)


def _form_test(
    form: str, alternatives: Iterable[str], z: Floats, rows: StackedRows, code: Ints
) -> FormTest:
    """Test of one form, fitted without shrinkage of differences, against more flexible ones."""
    simple = _columns(form, z, rows)
    knots = tuple(float(hours) for hours in np.unique(rows.horizon))
    fitted = fit_form(form, z, rows, code, knots, (int(rows.threshold[0]),), ridge=0.0)
    risk = sigmoid(fitted.log_odds(z, rows))
    against = {
        other: working_score_test(
            simple, _columns(other, z, rows), risk, rows.label, rows.weight, code
        )[2]
        for other in alternatives
    }
    return FormTest(form, combined_p(against.values()), against)


def _columns(form: str, z: Floats, rows: StackedRows) -> Floats:
    """Columns of a logistic regression with the offset z."""
    one = np.ones((len(z), 1))
    if form == NONE:
        return one[:, :0]
    if form == INTERCEPT:
        return one
    if form == SLOPE:
        return np.hstack([one, z[:, None]])
    each = (rows.horizon[:, None] == np.unique(rows.horizon)).astype(float)
    return np.hstack([each, each * z[:, None]])


def _informative_patients(rows: StackedRows, patient: Ints) -> int:
    """Patients with an event or, if fewer, patients with a label of no event."""
    without = len(np.unique(patient[rows.landmark[rows.label == 0]]))
    return min(event_patients(rows, patient), without)


def _has_both_classes(rows: StackedRows) -> bool:
    drawn = rows.label[rows.weight > 0]
    return bool(len(drawn) and drawn.min() < drawn.max())
