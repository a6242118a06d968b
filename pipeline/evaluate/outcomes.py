"""Outcomes as queries (scale, threshold): who is at risk at a landmark and what followed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.astct.derive import gradable_scales
from pipeline.cohort.tables import Cohort
from pipeline.config import OutcomeConfig
from pipeline.errors import InputError
from pipeline.model.stack import CENSORED, COMPETING, EVENT, Floats, FollowUp, Targets

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


def build_targets(
    cohort: Cohort, landmarks: pd.DataFrame, scale: str, thresholds: tuple[int, ...]
) -> Targets:
    """Tell what happened after each landmark, for every threshold of a scale.

    At risk means: not charted strictly before the landmark, and no competing event before it.
    A grade charted after death stands for the time before it and counts at the hour of death.
    A horizon is within reach of a landmark while a tenth of the patients are followed to its end.

    Parameters
    ----------
    landmarks : DataFrame
        ``patient, hours, weight``.
    """
    patient = landmarks["patient"].to_numpy()
    moment = landmarks["hours"].to_numpy(dtype=float)
    competing = competing_hours(cohort, scale)[patient]
    followed = cohort.patients["followed_until_hours"].to_numpy(dtype=float)[patient]
    death = cohort.patients["death_hours"].fillna(np.inf).to_numpy(dtype=float)[patient]
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
        at_risk.append((onset >= moment) & (competing >= moment))
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
) -> tuple[int, ...]:
    """Thresholds taught together: the reported ones and every grade some patients reach.

    Parameters
    ----------
    chosen : tuple of int
        Teach no others than these and the reported ones; empty: every grade.

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
            "be learned; leave it out with --outcomes"
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


def reported_thresholds(outcomes: dict[str, OutcomeConfig], scale: str) -> tuple[int, ...]:
    """Thresholds of the configured outcomes on a scale, rising."""
    return tuple(sorted({item.threshold for item in outcomes.values() if item.scale == scale}))
