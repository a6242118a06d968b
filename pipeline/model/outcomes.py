"""Outcomes as queries (scale, threshold, horizon): who is at risk and what followed."""

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


def nearest_horizon(horizons: Iterable[Hours], wanted: float) -> Hours:
    """Horizon nearest to the wanted hours; the shorter of two equally near.

    Parameters
    ----------
    horizons : iterable of float or str
        Hours ahead, as numbers or as the keys of a report.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> nearest_horizon([24.0, 72.0, 168.0], 96), nearest_horizon(["24", "72"], 48)
    (72.0, '24')
    """
    return min(horizons, key=lambda hours: (abs(float(hours) - wanted), float(hours)))


def headline_key(horizons: Iterable[str]) -> str:
    """Key of the headline horizon; "" where there is none.

    Examples
    --------
    >>> headline_key(["24", "48", "72", "168"]), headline_key(["24", "168"]), headline_key([])
    ('72', '24', '')
    """
    keys = list(horizons)
    return nearest_horizon(keys, HEADLINE_HOURS) if keys else ""


_MIN_FOLLOWED = 0.1


def onset_hours(cohort: Cohort, scale: str, threshold: int) -> Floats:
    """Hour at which a grade of at least ``threshold`` was first charted; inf where never.

    Parameters
    ----------
    cohort : Cohort
    scale : str
        ``death`` also counts deaths stated in the patients table.

    Returns
    -------
    ndarray, shape (n_patients,)
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

    The stated end, or the last assessment of the scale where that is later: who was graded was
    still followed, whether the grade is an event or not.

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
    """Tell what happened after each landmark, for every threshold of a scale.

    At risk means: not charted strictly before the landmark, and no competing event before it.
    A grade charted after death stands for the time before it and counts at the hour of death.
    A horizon is within reach of a landmark while a tenth of the patients are followed to its end.
    Whoever was never graded on the scale is followed for 0 hours and never at risk where that
    means unknown.

    Parameters
    ----------
    landmarks : DataFrame
        ``patient, hours, weight``.
    ungraded : str
        ``cohort.ungraded``: what no assessment at all means.
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
        # an event charted after a competing one is not the first event any more
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
    """Thresholds taught together: the reported ones and every grade some patients reach.

    Parameters
    ----------
    chosen : tuple of int
        Teach no others than these and the reported ones; empty: every grade.
    refused : str
        Which assessments were refused and why, for the message where none is left.

    Raises
    ------
    InputError
        If the scale was never assessed, or nobody has a reported outcome.
    """
    rows = cohort.assessments
    if not (rows["scale"] == scale).any() and scale != "death":
        found = ", ".join(sorted(rows["scale"].unique())) or "none"
        derivable = scale in gradable_scales(cohort.observations)
        raise InputError(
            f"the cohort has no assessment on the scale '{scale}' (found: {found}); name other "
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
    # grade 5 counts as reaching every lower threshold and is not asked for by itself
    return tuple(
        sorted(
            threshold
            for threshold, count in reached.items()
            if threshold in reported
            or (count >= min_patients and threshold <= 4 and (not chosen or threshold in chosen))
        )
    )


def refuse_unlearnable(
    name: str, asked: OutcomeConfig, targets: Targets, on_grid: Bools, horizons: Sequence[float]
) -> None:
    """Refuse an outcome that nothing can be learned about, and say why.

    Parameters
    ----------
    name : str
        Of the outcome in the configuration.
    targets : Targets
        At every training landmark.
    on_grid : ndarray of bool
        Landmarks that are scored.

    Raises
    ------
    InputError
        If no scored landmark is at risk, none is followed to the end of a horizon, or all known
        ones are alike.
    """
    at_risk = targets.at_risk[:, targets.thresholds.index(asked.threshold)] & on_grid
    what = f"{asked.scale} grade {asked.threshold} or more" if asked.scale != "death" else "death"
    way_out = f"leave '{name}' out with --outcomes"
    if not at_risk.any():
        raise InputError(
            f"{name}: no landmark is at risk of {what}, because every patient has it, or a "
            "competing event, or the end of the record before the first landmark; check "
            f"record_end_hours and landmarks.first_hours, or {way_out}",
            options=("outcomes",),
        )
    label = np.stack([targets.label(asked.threshold, float(hours)) for hours in horizons])
    known = label[:, at_risk][~np.isnan(label[:, at_risk])]
    told = ", ".join(f"{hours:g}" for hours in horizons)
    if len(known) == 0:
        raise InputError(
            f"{name}: no landmark is followed to the end of any horizon ({told} h), so nothing is "
            "known about what came after it; check followed_until_hours, shorten "
            f"model.horizons_hours, or {way_out}",
            options=("outcomes",),
        )
    if not known.any():
        raise InputError(
            f"{name}: no landmark is followed by {what} within any horizon ({told} h): whoever has "
            "it has it before the first landmark, after the last one or after a competing event; "
            f"change landmarks.first_hours or landmarks.last_hours, or {way_out}",
            options=("outcomes",),
        )
    if known.all():
        raise InputError(
            f"{name}: every landmark is followed by {what} within every horizon ({told} h), so "
            f"nothing tells one landmark from another; shorten model.horizons_hours, or {way_out}",
            options=("outcomes",),
        )


def refuse_unscored(
    outcomes: Mapping[str, OutcomeConfig], scale: str, scored: Iterable[int]
) -> None:
    """Refuse an outcome of which no fold could be scored by a model of the others.

    Raises
    ------
    InputError
        If a threshold of the scale is not among those scored.

    Examples
    --------
    >>> refuse_unscored({}, "crs", [3])
    """
    found = set(scored)
    for name, item in outcomes.items():
        if item.scale == scale and item.threshold not in found:
            raise InputError(
                f"{name}: no fold of patients can be scored by a model of the others, because too "
                f"few patients at risk are graded on the scale '{scale}'; add assessments, say "
                "with cohort.ungraded what a patient without any means, or leave "
                f"'{name}' out with --outcomes",
                options=("outcomes",),
            )


def reported_thresholds(outcomes: dict[str, OutcomeConfig], scale: str) -> tuple[int, ...]:
    """Thresholds of the configured outcomes on a scale, rising."""
    return tuple(sorted({item.threshold for item in outcomes.values() if item.scale == scale}))
