"""Scored rows from plain arrays, for tests of everything that reads them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.model.stacked_rows import FollowUp


def make_scores(
    risks, label, *, horizons=(24.0,), patient=None, day=None, repeat=None, group=None, **more
) -> ScoredRows:
    """Scored rows whose times follow from the labels unless ``time`` and ``status`` are given."""
    label = np.asarray(label, dtype=float).reshape(len(label), -1)
    count = len(label)
    day = np.ones(count, dtype=np.intp) if day is None else np.asarray(day, dtype=np.intp)
    event = (label == 1).any(axis=1)
    first = np.where(event, label.argmax(axis=1), len(horizons) - 1)
    reach = np.asarray(horizons)[first]
    patient = np.arange(count) if patient is None else np.asarray(patient, dtype=np.intp)
    defaults = {
        "hours": day * 24.0,
        "time": np.where(event, reach - 1.0, 2000.0),
        "status": event.astype(np.int8),
        "grade": np.zeros(count),
        "reach": np.full(count, np.inf),
        "n_repeats": 1,
        "episode": patient,
    }
    zeros = np.zeros(count, dtype=np.intp)
    return ScoredRows(
        horizons=horizons,
        risks={
            name: np.asarray(risk, dtype=float).reshape(count, -1) for name, risk in risks.items()
        },
        label=label,
        patient=patient,
        day=day,
        group=zeros if group is None else np.asarray(group, dtype=np.intp),
        repeat=zeros if repeat is None else np.asarray(repeat, dtype=np.intp),
        **{**defaults, **more},
    )


def censored(scores: ScoredRows, end, floor: float) -> ScoredRows:
    """The scores with follow-up lost at ``end`` hours since time zero, weighted for that loss."""
    left = end - scores.hours
    gone = left < scores.time
    time = np.where(gone, left, scores.time)
    status = np.where(gone, 0, scores.status).astype(np.int8)
    horizons = np.asarray(scores.horizons)
    label = np.where(
        (gone & (left > 0))[:, None] & (left[:, None] < horizons), np.nan, scores.label
    )
    kept = np.flatnonzero(left > 0)
    part = replace(scores, time=time, status=status, label=label).take(kept)
    curve = FollowUp.of_landmarks(part.episode, part.hours, part.time, part.status)
    reach = curve.reach(part.hours, floor)
    part = replace(part, reach=reach, label=np.where(reach[:, None] < horizons, np.nan, part.label))
    return part.weighted_for_censoring(floor)
