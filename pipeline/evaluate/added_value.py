"""What labs add beyond grade, day and clinical state, with a negative control."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np

from pipeline.arrays import Ints
from pipeline.evaluate import metrics
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.intervals import number
from pipeline.evaluate.scored_rows import TOO_FEW, ScoredRows
from pipeline.features.landmarks import landmark_days
from pipeline.features.matrix import FeatureMatrix
from pipeline.format import counted, signed
from pipeline.model.evaluated_outcome import AddedValue, OutcomeReport
from pipeline.model.evaluation_cells import ControlCell, Difference, Metric, PerformanceCell
from pipeline.model.stacked_rows import Targets
from pipeline.resources import schema_yaml

_phrase = partial(evaluation_phrase, "labs")
_LABS = ("analyte", "measurement", "composite_scores")


Finding = Literal["add", "not_shown", "worse", "no_control", "too_few", "unknown"]
CONTROL = "control"
AXIS = "axis:"  # prefix of axes among the permuted risks
BARS = ("grade_and_day", "clinical_state")


def same_day_donors(patient: Ints, day: Ints, seed: int) -> Ints:
    """Row of another patient of the same day for every landmark.

    The patients of a day form a random ring, and each takes the labs of the next. No patient
    keeps their own labs, and every set of labs is used about as often as before. A day with one
    patient is joined to the previous day, or the first day to the next.

    Parameters
    ----------
    patient, day : ndarray of int, shape (n_landmarks,)

    Returns
    -------
    ndarray of int, shape (n_landmarks,)
        With a single patient every row is its own donor.

    Examples
    --------
    >>> same_day_donors(np.array([0, 1, 0, 1]), np.array([1, 1, 2, 2]), seed=0).tolist()
    [1, 0, 3, 2]
    """
    random = np.random.default_rng(seed)
    donor = np.arange(len(patient))
    for rows in _pools(patient, day):
        people, code = np.unique(patient[rows], return_inverse=True)
        ring = random.permutation(len(people))
        giver = np.empty(len(people), dtype=np.intp)
        giver[ring] = np.roll(ring, -1)
        own = [rows[code == number] for number in range(len(people))]
        for taker, theirs in enumerate(own):
            offered = own[giver[taker]]
            donor[theirs] = offered[np.arange(len(theirs)) % len(offered)]
    return donor


def swap_labs(matrix: FeatureMatrix, donor: Ints) -> FeatureMatrix:
    """Take all lab columns from the donor rows; other columns stay."""
    labs = [number for number, meta in enumerate(matrix.metas) if meta.group in _LABS]
    values = matrix.values.copy()
    values[:, labs] = matrix.values[donor][:, labs]
    return FeatureMatrix(values, matrix.metas, matrix.landmarks)


def analyte_columns(matrix: FeatureMatrix) -> dict[str, list[int]]:
    """Column numbers by analyte: its values, and how and when it was measured."""
    columns: dict[str, list[int]] = {}
    for place, meta in enumerate(matrix.metas):
        if meta.group in ("analyte", "measurement"):
            columns.setdefault(meta.analyte or meta.subject, []).append(place)
    return columns


def axis_columns(matrix: FeatureMatrix) -> dict[str, list[int]]:
    """Column numbers by axis of ``pathways.yaml``: all analytes of its pathways."""
    axis_of = {
        pathway: name
        for name, axis in schema_yaml("pathways.yaml")["axes"].items()
        for pathway in axis["pathways"]
    }
    pathway_of = {meta.analyte: meta.pathway for meta in matrix.metas if meta.group == "analyte"}
    columns: dict[str, list[int]] = {}
    for analyte, places in analyte_columns(matrix).items():
        name = axis_of.get(pathway_of.get(analyte, ""))
        if name is not None:
            columns.setdefault(f"{AXIS}{name}", []).extend(places)
    return columns


def donors_of(matrix: FeatureMatrix, targets: Targets, seed: int) -> Ints:
    """Donor row of every landmark of a feature matrix.

    The donor is another patient of the same day with the same thresholds reached, so that patients
    with and without the event are not mixed. Where the day has no such patient, any other patient
    of the day is the donor.

    Parameters
    ----------
    targets : Targets
        One row per row of ``matrix``. ``patient`` is one number per patient across infusions, so
        that a patient never receives their own labs of another infusion.
    """
    patient, day = targets.patient, landmark_days(matrix)
    donor = same_day_donors(patient, day, seed)
    charted = (~targets.at_risk).sum(axis=1)
    for pool in np.unique(np.stack([day, charted], axis=1), axis=0):
        rows = np.flatnonzero((day == pool[0]) & (charted == pool[1]))
        if len(np.unique(patient[rows])) > 1:
            donor[rows] = rows[same_day_donors(patient[rows], day[rows], seed)]
    return donor


def with_control(real: ScoredRows, control: ScoredRows) -> ScoredRows:
    """Join the control's risks to the real model's risks of the same folds.

    The result has one repeat per permutation.

    Parameters
    ----------
    control : ScoredRows
        Repeat r: trained and tested on labs of the r-th permutation, on the folds of repeat
        ``r % real.n_repeats``.
    """
    parts = []
    for permutation in range(control.n_repeats):
        ours = real.take(np.flatnonzero(real.repeat == permutation % real.n_repeats))
        theirs = control.take(np.flatnonzero(control.repeat == permutation))
        if not (
            np.array_equal(ours.patient, theirs.patient)
            and np.array_equal(ours.hours, theirs.hours)
        ):
            raise ValueError("'control' was not scored on the folds of the real model")
        parts.append((ours, theirs))
    rows = np.concatenate(
        [np.flatnonzero(real.repeat == p % real.n_repeats) for p in range(control.n_repeats)]
    )
    joined = real.take(rows)
    group = np.concatenate([theirs.group for _, theirs in parts])
    repeat = np.concatenate([theirs.repeat for _, theirs in parts])
    risk = np.vstack([theirs.risks["model"] for _, theirs in parts])
    return ScoredRows(
        horizons=real.horizons,
        risks={"model": joined.risks["model"], CONTROL: risk},
        label=joined.label,
        patient=joined.patient,
        episode=joined.episode,
        day=joined.day,
        group=group,
        repeat=repeat,
        hours=joined.hours,
        time=joined.time,
        status=joined.status,
        reach=joined.reach,
        grade=joined.grade,
        n_repeats=control.n_repeats,
        followed=joined.followed,
    )


def negative_control(
    real: ScoredRows, control: ScoredRows, bootstrap: int, seed: int, minimum: int
) -> dict[str, ControlCell]:
    """AUROC of the model refitted on other patients' labs, and the difference from the real model.

    Returns
    -------
    dict
        Per horizon counts, ``auroc`` of the control over all permutations, ``diff_auroc`` = real
        minus control in the same folds, and the lowest and highest control of one permutation.
    """
    both = with_control(real, control).resampled(bootstrap, seed, minimum)
    result: dict[str, ControlCell] = {}
    for hours, rows in both.by_horizon():
        spread = {}
        if rows.is_estimable:
            repeat, risk = both.repeat[rows.rows], rows.risks[CONTROL]
            sample = rows.weight.sample[:, None]
            single = [
                metrics.auroc(rows.label[one], risk[one], sample[one], rows.group[one])[0]
                for one in (np.flatnonzero(repeat == r) for r in range(both.n_repeats))
            ]
            spread = {"lowest": number(np.min(single)), "highest": number(np.max(single))}
        result[hours] = ControlCell(
            **rows.auroc(CONTROL, against="model").to_dict(),
            n_permutations=both.n_repeats,
            **spread,
        )
    return result


def added_value(comparators: Mapping[str, Mapping[str, PerformanceCell]]) -> AddedValue:
    """Differences of the model from grade and day, and from clinical state, per horizon."""
    differences = {
        name: {hours: _difference(cell) for hours, cell in comparators[name].items()}
        for name in BARS
        if name in comparators
    }
    content: dict[str, Any] = {**differences.get(BARS[0], {})}
    if BARS[1] in differences:
        content[f"against_{BARS[1]}"] = differences[BARS[1]]
    return AddedValue.model_validate(content)


def _difference(cell: Difference) -> Difference:
    return Difference(diff_auroc=cell.diff_auroc, diff_lo=cell.diff_lo, diff_hi=cell.diff_hi)


def labs_verdict(
    outcome: OutcomeReport, key: str, firm_from: int = 0, *, apparent: bool = False
) -> str:
    """Sentence on what labs add at a horizon, and whether the negative control agrees.

    Labs add only if the model is better than its negative control and its comparator.

    Parameters
    ----------
    outcome : OutcomeReport
    key : str
        Horizon in hours.
    firm_from : int
        Event patients needed for a verdict; bootstrap intervals of fewer patients are unreliable.
    apparent : bool
        Whether these are the training patients, for whom there is no verdict.

    Returns
    -------
    str

    Examples
    --------
    >>> bar = {"72": {"diff_auroc": 0.005, "diff_lo": -0.01, "diff_hi": 0.024}}
    >>> outcome = OutcomeReport.model_validate({"comparators": {"grade_and_day": bar}})
    >>> line = labs_verdict(outcome, "72")
    >>> line.endswith("labs, product and patient over grade and day +0.005 [−0.010, +0.024].")
    True
    """
    bar = labs_comparator(outcome)
    cell = outcome.compared(bar, key)
    control = outcome.negative_control.get(key, ControlCell()).difference
    labs = cell.difference
    if labs.low is None:
        return _phrase("not_estimable", hours=key, why=TOO_FEW)
    over = _phrase("over_state" if bar == "clinical_state" else "over_grade")
    parts = {"hours": key, "over": over, "gain": _span(labs)}
    parts["together"] = _phrase("together", over=over, gain=parts["gain"])
    if apparent:
        return _phrase("apparent", **parts)
    known = control.low is not None
    parts["control"] = _phrase("control", gain=_span(control)) if known else _phrase("no_control")
    finding = labs_finding(outcome, key, firm_from)
    if finding == "too_few":
        events = int(cell.n_event_patients or 0)
        verb = _phrase("is_one" if events == 1 else "are_many")
        count = counted(events, "event patient")
        return _phrase("too_few", events=count, verb=verb, least=firm_from, **parts)
    return _phrase("not_shown" if finding == "no_control" else finding, **parts)


def labs_comparator(outcome: OutcomeReport) -> str:
    """Comparator without labs: the clinical state, or grade and day; "" if neither was scored."""
    return next((name for name in reversed(BARS) if name in outcome.comparators), "")


def labs_finding(outcome: OutcomeReport, key: str, firm_from: int = 0) -> Finding:
    """Whether labs add at a horizon, by the negative control and the comparator without labs.

    A gain over the comparator may come from labs, product or patient. Only a gain over the
    control, the same model given the labs of other patients, needs labs of the patient.

    Parameters
    ----------
    outcome : OutcomeReport
    key : str
        Horizon in hours.
    firm_from : int
        Event patients needed for a verdict.

    Returns
    -------
    {"add", "not_shown", "worse", "no_control", "too_few", "unknown"}

    Examples
    --------
    >>> bar = {"72": {"diff_auroc": 0.05, "diff_lo": 0.01, "diff_hi": 0.09}}
    >>> content = {"comparators": {"grade_and_day": bar}}
    >>> labs_finding(OutcomeReport.model_validate(content), "72")
    'no_control'
    >>> labs_finding(OutcomeReport.model_validate(content | {"negative_control": bar}), "72")
    'add'
    """
    cell = outcome.compared(labs_comparator(outcome), key)
    labs = cell.difference
    control = outcome.negative_control.get(key, ControlCell()).difference
    if labs.low is None:
        return "unknown"
    if cell.n_event_patients is not None and cell.n_event_patients < firm_from:
        return "too_few"
    if labs.high is not None and labs.high < 0:
        return "worse"
    if control.low is None:
        return "no_control"
    return "add" if min(labs.low, control.low) > 0 else "not_shown"


def _pools(patient: Ints, day: Ints) -> list[Ints]:
    """Rows of each day; a day with one patient is joined to a neighbouring day."""
    pools: list[Ints] = []
    waiting: Ints = np.empty(0, dtype=np.intp)
    for value in np.unique(day):
        rows = np.concatenate([waiting, np.flatnonzero(day == value)])
        if len(np.unique(patient[rows])) > 1:
            pools.append(rows)
            waiting = np.empty(0, dtype=np.intp)
        elif pools:
            pools[-1] = np.concatenate([pools[-1], rows])
        else:
            waiting = rows
    return [*pools, waiting] if len(waiting) else pools


def _span(metric: Metric) -> str:
    difference, low, high = (signed(part, 3) for part in metric)
    return f"{difference} [{low}, {high}]"
