"""Competing risks: Aalen-Johansen incidence and first events."""

from __future__ import annotations

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.intervals import estimate, number
from pipeline.evaluate.patient_weights import PatientWeights, patient_weights
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.model.evaluated_outcome import FirstEvents
from pipeline.model.evaluation_cells import Incidence, Rate, RiskGroup

_GROUPS = 4
_MOST = 0.5
_FEW_EVENTS = evaluation_phrase("reasons", "too_few_first")


def aalen_johansen(
    time: Floats, cause: Ints, weight: Floats | PatientWeights, at: Floats, causes: int
) -> Floats:
    """Cumulative incidence of competing causes, for many weightings at once.

    Aalen and Johansen (Scand J Statist 5:141, 1978): the hazard of each cause at each time, times
    the share free of any event just before. At equal times events precede losses to follow-up.

    Parameters
    ----------
    time : ndarray, shape (n,)
    cause : ndarray of int, shape (n,)
        0 lost to follow-up; 1 to ``causes`` the event at ``time``.
    weight : ndarray or PatientWeights, shape (n, n_draws)
    at : ndarray, shape (n_times,)
        Times of the incidence.

    Returns
    -------
    ndarray, shape (causes, n_times, n_draws)

    Examples
    --------
    >>> time, cause = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 2, 0, 1])
    >>> aalen_johansen(time, cause, np.ones((4, 1)), np.array([2.0, 4.0]), 2)[:, :, 0]
    array([[0.25, 0.75],
           [0.25, 0.25]])
    """
    weight = patient_weights(weight).compact()
    counted = time <= at.max(initial=-np.inf)
    moments = np.unique(time[counted & (cause > 0)])
    passed, bins = np.searchsorted(moments, time, side="right"), len(moments) + 1
    remaining = np.cumsum(weight.by_bin(passed, bins)[::-1], axis=0)[::-1]
    at_risk = remaining[1:] @ weight.times
    happened = np.stack(
        [
            weight.by_bin(passed, bins, counted & (cause == number_))[1:] @ weight.times
            for number_ in range(1, causes + 1)
        ]
    )
    hazard = np.divide(happened, at_risk, out=np.zeros_like(happened), where=at_risk > 0)
    left = np.cumprod(1.0 - hazard.sum(axis=0), axis=0)
    start = np.ones((1, weight.shape[1]))
    before = np.vstack([start, left[:-1]])[: len(moments)]
    incidence = np.cumsum(hazard * before, axis=1)
    padded = np.concatenate([np.zeros((causes, *start.shape)), incidence], axis=1)
    return np.asarray(padded[:, np.searchsorted(moments, at, side="right")])


def incidence_of_outcome(scores: ScoredRows) -> dict[str, Incidence]:
    """Observed incidence and mean risk per horizon, over all landmarks and by quarter of risk.

    The competing events are those of the estimand (status 2). Patients lost to follow-up are
    included until then.
    """
    result: dict[str, Incidence] = {}
    cause, weight = scores.status.astype(np.intp), scores.weight
    for place, horizon in enumerate(scores.horizons):
        risk = scores.risks["model"][:, place]
        at = np.array([horizon])
        event = np.flatnonzero((scores.status == 1) & (scores.time <= horizon))
        if len(np.unique(scores.patient[event])) < scores.minimum:
            result[f"{horizon:g}"] = Incidence(reason=_FEW_EVENTS)
            continue
        whole = aalen_johansen(scores.time, cause, weight, at, 2)
        edges = np.quantile(risk, np.linspace(0, 1, _GROUPS + 1)[1:-1])
        quarter = np.searchsorted(edges, risk, side="right")
        groups = []
        for code in np.unique(quarter):
            rows = np.flatnonzero(quarter == code)
            part = aalen_johansen(scores.time[rows], cause[rows], weight[rows], at, 2)
            groups.append(
                RiskGroup(
                    n=round(len(rows) / scores.n_repeats),
                    mean_risk=number(risk[rows].mean()),
                    **estimate(part[0, 0], "observed"),
                )
            )
        incidence = estimate(whole[0, 0], "observed") | estimate(whole[1, 0], "competing")
        result[f"{horizon:g}"] = Incidence.model_validate(
            {**incidence, "mean_risk": number(risk.mean()), "groups": groups}
        )
    return result


def what_comes_first(scores: ScoredRows, rivals: dict[str, Floats]) -> FirstEvents:
    """Incidence of the first event after a landmark: the outcome or one of its rivals.

    Landmarks at which a rival is unknown are excluded. A rival that is unknown at more than half
    of the landmarks is excluded instead.

    Parameters
    ----------
    scores : ScoredRows
    rivals : dict of ndarray
        Name to hours from the landmark until the event; inf where it never happens or already
        has, NaN where unknown.
    """
    rows = scores.first_repeat()
    observed = [name for name, hours in rivals.items() if np.isfinite(hours[rows]).any()]
    names = [name for name in observed if np.isnan(rivals[name][rows]).mean() <= _MOST]
    unknown = np.zeros(len(rows), dtype=bool)
    for name in names:
        unknown |= np.isnan(rivals[name][rows])
    rows = rows[~unknown]
    once = scores.take(rows)
    if len(np.unique(once.patient[once.status == 1])) < scores.minimum:
        return FirstEvents(reason=_FEW_EVENTS)
    hours = np.stack(
        [np.where(once.status == 1, once.time, np.inf), *(rivals[name][rows] for name in names)],
        axis=1,
    )
    first = hours.argmin(axis=1)
    soonest = hours.min(axis=1)
    ended = np.where(once.status == 1, np.inf, once.time)
    happened = soonest <= ended
    time = np.where(happened, soonest, ended)
    cause = np.where(happened, first + 1, 0).astype(np.intp)
    at = np.asarray(once.horizons, dtype=float)
    table = aalen_johansen(time, cause, once.weight, at, hours.shape[1])
    return FirstEvents(
        never_observed=[name for name in rivals if name not in observed],
        mostly_unknown=[name for name in observed if name not in names],
        left_out_unknown=int(unknown.sum()),
        incidence={
            f"{horizon:g}": {
                name: Rate(**estimate(table[code, place], "value"))
                for code, name in enumerate(["outcome", *names])
            }
            for place, horizon in enumerate(once.horizons)
        },
    )
