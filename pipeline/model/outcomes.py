"""Outcomes by scale, threshold and horizon: who is at risk and which event followed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

from pipeline.arrays import Bools, Floats
from pipeline.cohort.tables import Cohort
from pipeline.cohort.ungraded import Ungraded, unknown_without_grades
from pipeline.config import OutcomeConfig
from pipeline.config_model import HEADLINE_HOURS
from pipeline.errors import InputError
from pipeline.grading.derived_grades import gradable_scales
from pipeline.model.stacked_rows import CENSORED, COMPETING, EVENT, FollowUp, Targets

Hours = TypeVar("Hours", float, str)
_MIN_FOLLOWED = 0.1


def nearest_horizon(horizons: Iterable[Hours], wanted: float) -> Hours:
    """Horizon nearest to the wanted hours; the shorter of two equally near.

    Parameters
    ----------
    horizons : iterable of float or str
        Hours ahead, as numbers or as keys of a report.
    wanted : float
        Hours ahead.

    Returns
    -------
    float or str
        One of ``horizons``.

    Raises
    ------
    ValueError
        If ``horizons`` is empty.

    Examples
    --------
    >>> nearest_horizon([24.0, 72.0, 168.0], 96), nearest_horizon(["24", "72"], 48)
    (72.0, '24')
    """
    return min(horizons, key=lambda hours: (abs(float(hours) - wanted), float(hours)))


def headline_key(horizons: Iterable[str]) -> str:
    """Key of the headline horizon; "" if there is no horizon.

    Parameters
    ----------
    horizons : iterable of str
        Keys of a report.

    Returns
    -------
    str

    Examples
    --------
    >>> headline_key(["24", "48", "72", "168"]), headline_key(["24", "168"]), headline_key([])
    ('72', '24', '')
    """
    keys = list(horizons)
    return nearest_horizon(keys, HEADLINE_HOURS) if keys else ""


def onset_hours(cohort: Cohort, scale: str, threshold: int) -> Floats:
    """Hour at which a grade of at least ``threshold`` was first charted.

    Parameters
    ----------
    cohort : Cohort
    scale : str
        For ``death``, deaths in the patients table are included.
    threshold : int

    Returns
    -------
    ndarray, shape (n_patients,)
        Hours since time zero; inf if never charted.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P1", "P2"])
    >>> cohort.assessments.loc[0] = [0, "crs", 2, 30.0]
    >>> cohort.assessments.loc[1] = [0, "crs", 3, 42.0]
    >>> onset_hours(cohort, "crs", 3)
    array([42., inf])
    """
    rows = cohort.assessments
    hits = rows.loc[(rows["scale"] == scale) & (rows["grade"] >= threshold)]
    onset = np.full(len(cohort), np.inf)
    np.minimum.at(onset, hits["patient"].to_numpy(), hits["assessed_hours"].to_numpy())
    if scale == "death":
        onset = np.minimum(onset, cohort.patients["death_hours"].fillna(np.inf).to_numpy())
    return onset


def competing_hours(cohort: Cohort, scale: str) -> Floats:
    """Hour of the first competing event: death, second infusion or new anti-tumour therapy."""
    columns = ["second_infusion_hours", "new_therapy_hours"]
    if scale != "death":
        columns.append("death_hours")
    return cohort.patients[columns].fillna(np.inf).min(axis=1).to_numpy(dtype=float)


def followed_hours(cohort: Cohort, scale: str) -> Floats:
    """Hour until which each infusion is followed on a scale.

    This is ``followed_until_hours`` or the last assessment of the scale, whichever is later.

    Returns
    -------
    ndarray, shape (n_patients,)
    """
    rows = cohort.assessments.loc[cohort.assessments["scale"] == scale]
    until = cohort.patients["followed_until_hours"].to_numpy(dtype=float, copy=True)
    np.fmax.at(until, rows["patient"].to_numpy(), rows["assessed_hours"].to_numpy(dtype=float))
    return until


def build_targets(
    cohort: Cohort,
    landmarks: pd.DataFrame,
    scale: str,
    thresholds: tuple[int, ...],
    ungraded: Ungraded = "as_charted",
) -> Targets:
    """Find the first event after each landmark, for every threshold of a scale.

    A patient is at risk if neither the threshold nor a competing event occurred strictly before
    the landmark. A grade charted after death is dated at death. A horizon is within reach of a
    landmark if at least a tenth of the patients are followed to its end. If ``ungraded`` treats
    them as unknown, patients without any grade have 0 hours of follow-up and are never at risk.

    Parameters
    ----------
    cohort : Cohort
    landmarks : DataFrame
        ``patient, hours, weight``.
    scale : str
    thresholds : tuple of int
        Ascending grades.
    ungraded : str
        ``cohort.ungraded``: meaning of no assessment at all.

    Returns
    -------
    Targets

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P1", "P2"])
    >>> cohort.patients["followed_until_hours"] = 200.0
    >>> cohort.assessments.loc[0] = [0, "crs", 3, 42.0]
    >>> landmarks = pd.DataFrame({"patient": [0, 1], "hours": 24.0, "weight": 1.0})
    >>> targets = build_targets(cohort, landmarks, "crs", (3,))
    >>> targets.time[:, 0].tolist(), targets.label(3, 24.0).tolist()
    ([18.0, 176.0], [1.0, 0.0])
    """
    patient = landmarks["patient"].to_numpy()
    moment = landmarks["hours"].to_numpy(dtype=float)
    competing = competing_hours(cohort, scale)[patient]
    followed = followed_hours(cohort, scale)[patient]
    death = cohort.patients["death_hours"].fillna(np.inf).to_numpy(dtype=float)[patient]
    unknown = unknown_without_grades(cohort, scale, ungraded)[patient]
    competing, followed = np.where(unknown, np.inf, competing), np.where(unknown, 0.0, followed)
    once = np.unique(patient, return_index=True)[1]
    time, status, at_risk, reach = [], [], [], []
    for threshold in thresholds:
        onset = onset_hours(cohort, scale, threshold)[patient]
        onset = np.where(np.isfinite(onset), np.minimum(onset, death), onset)
        # an event charted after a competing event is not the first event
        is_event = np.isfinite(onset) & (onset <= competing)
        is_competing = ~is_event & np.isfinite(competing)
        end = np.where(is_event, onset, np.where(is_competing, competing, followed))
        time.append(np.maximum(end - moment, 0.0))
        kind = np.where(is_event, EVENT, np.where(is_competing, COMPETING, CENSORED))
        status.append(kind.astype(np.int8))
        at_risk.append(~unknown & (onset >= moment) & (competing >= moment))
        follow_up = FollowUp.fit(end[once], status[-1][once])
        reach.append(follow_up.reach(moment, _MIN_FOLLOWED))
    return Targets(
        thresholds,
        np.stack(time, axis=1),
        np.stack(status, axis=1),
        np.stack(at_risk, axis=1),
        landmarks["weight"].to_numpy(dtype=float),
        cohort.persons()[patient],
        moment,
        np.stack(reach, axis=1),
        patient.astype(np.intp),
    )


def stacked_thresholds(
    cohort: Cohort,
    scale: str,
    reported: tuple[int, ...],
    min_patients: int = 2,
    chosen: tuple[int, ...] = (),
    refused: str = "",
) -> tuple[int, ...]:
    """Thresholds of the training rows: the reported ones and every grade that patients reach.

    Parameters
    ----------
    cohort : Cohort
    scale : str
    reported : tuple of int
        Thresholds of the configured outcomes.
    min_patients : int
        Fewest patients who reach a threshold that is not reported.
    chosen : tuple of int
        Allowed thresholds that are not reported; empty: every grade.
    refused : str
        Summary of rejected assessments, added to the message if none is left.

    Returns
    -------
    tuple of int
        Ascending.

    Raises
    ------
    InputError
        If the scale was never assessed, or no patient reaches a reported threshold.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> cohort = empty_cohort(["P1", "P2"])
    >>> cohort.assessments.loc[0] = [0, "crs", 3, 42.0]
    >>> stacked_thresholds(cohort, "crs", reported=(3,), min_patients=1)
    (1, 2, 3)
    """
    rows = cohort.assessments
    if not (rows["scale"] == scale).any() and scale != "death":
        scales = ", ".join(sorted(rows["scale"].unique())) or "none"
        derivable = scale in gradable_scales(cohort.observations)
        raise InputError(
            f"the cohort has no assessment on the scale '{scale}' (found: {scales}); choose other "
            "outcomes with --outcomes, or add assessments"
            + (", or derive them: cohort.grades: charted_else_derived" if derivable else "")
            + (f". {refused}" if refused else ""),
            options=("outcomes",),
        )
    grades = rows.loc[rows["scale"] == scale, "grade"]
    top = int(grades.max()) if len(grades) else 1
    reached = {
        threshold: int(np.isfinite(onset_hours(cohort, scale, threshold)).sum())
        for threshold in range(1, max(top, *reported) + 1)
    }
    empty = [threshold for threshold in reported if reached.get(threshold, 0) == 0]
    if empty:
        raise InputError(
            f"no patient reaches grade {empty[0]} on the scale '{scale}', so this outcome cannot "
            "be learned; leave it out with --outcomes",
            options=("outcomes",),
        )
    # grade 5 reaches every lower threshold and is no threshold of its own unless reported
    return tuple(
        sorted(
            threshold
            for threshold, count in reached.items()
            if threshold in reported
            or (count >= min_patients and threshold <= 4 and (not chosen or threshold in chosen))
        )
    )


def refuse_unlearnable(
    name: str, outcome: OutcomeConfig, targets: Targets, on_grid: Bools, horizons: Sequence[float]
) -> None:
    """Refuse an outcome that cannot be learned from these landmarks.

    Parameters
    ----------
    name : str
        Name of the outcome in the configuration.
    outcome : OutcomeConfig
    targets : Targets
        Of every training landmark.
    on_grid : ndarray of bool, shape (n_landmarks,)
        Landmarks used in evaluation.
    horizons : sequence of float
        Hours ahead.

    Raises
    ------
    InputError
        If no such landmark is at risk, none is followed to the end of a horizon, or all known
        labels are equal.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> outcome = OutcomeConfig(scale="crs", threshold=3, label="Severe CRS")
    >>> cohort = empty_cohort(["P1", "P2"])
    >>> cohort.patients["followed_until_hours"] = 200.0
    >>> cohort.assessments.loc[0] = [0, "crs", 3, 42.0]
    >>> landmarks = pd.DataFrame({"patient": [0, 1], "hours": 24.0, "weight": 1.0})
    >>> targets = build_targets(cohort, landmarks, "crs", (3,))
    >>> refuse_unlearnable("severe_crs", outcome, targets, np.array([True, True]), [24.0])
    """
    at_risk = targets.at_risk[:, targets.thresholds.index(outcome.threshold)] & on_grid
    event = "death"
    if outcome.scale != "death":
        event = f"{outcome.scale} grade {outcome.threshold} or more"
    remedy = f"leave '{name}' out with --outcomes"
    if not at_risk.any():
        raise InputError(
            f"{name}: no landmark is at risk of {event}: in every patient it, a competing event "
            "or the record end comes before the first landmark; check record_end_hours and "
            f"landmarks.first_hours, or {remedy}",
            options=("outcomes",),
        )
    label = np.stack([targets.label(outcome.threshold, float(hours)) for hours in horizons])
    known = label[:, at_risk][~np.isnan(label[:, at_risk])]
    hours_text = ", ".join(f"{hours:g}" for hours in horizons)
    if len(known) == 0:
        raise InputError(
            f"{name}: no landmark is followed to the end of any horizon ({hours_text} h); check "
            f"followed_until_hours, shorten model.horizons_hours, or {remedy}",
            options=("outcomes",),
        )
    if not known.any():
        raise InputError(
            f"{name}: no landmark is followed by {event} within any horizon ({hours_text} h); "
            f"change landmarks.first_hours or landmarks.last_hours, or {remedy}",
            options=("outcomes",),
        )
    if known.all():
        raise InputError(
            f"{name}: every landmark is followed by {event} within every horizon ({hours_text} h), "
            f"so all labels are equal; shorten model.horizons_hours, or {remedy}",
            options=("outcomes",),
        )


def refuse_unscored(
    outcomes: Mapping[str, OutcomeConfig], scale: str, scored: Iterable[int]
) -> None:
    """Refuse an outcome if no fold can be scored by a model of the other folds.

    Parameters
    ----------
    outcomes : mapping of str to OutcomeConfig
    scale : str
    scored : iterable of int
        Thresholds of the scale that were scored.

    Raises
    ------
    InputError
        If a threshold of the scale was not scored.

    Examples
    --------
    >>> refuse_unscored({}, "crs", [3])
    """
    thresholds = set(scored)
    for name, item in outcomes.items():
        if item.scale == scale and item.threshold not in thresholds:
            raise InputError(
                f"{name}: no fold of patients can be scored: too few patients at risk are graded "
                f"on the scale '{scale}'; add assessments, state with cohort.ungraded what a "
                f"patient without any means, or leave '{name}' out with --outcomes",
                options=("outcomes",),
            )


def reported_thresholds(outcomes: dict[str, OutcomeConfig], scale: str) -> tuple[int, ...]:
    """Thresholds of the configured outcomes on a scale.

    Parameters
    ----------
    outcomes : dict of str to OutcomeConfig
    scale : str

    Returns
    -------
    tuple of int
        Ascending.

    Examples
    --------
    >>> outcome = OutcomeConfig(scale="crs", threshold=3, label="Severe CRS")
    >>> reported_thresholds({"severe_crs": outcome}, "crs")
    (3,)
    """
    return tuple(sorted({item.threshold for item in outcomes.values() if item.scale == scale}))
