"""Fits a RiskModel: members on all rows, calibration on out-of-fold log-odds of inner folds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.config import ModelConfig
from pipeline.features.build import FeatureMatrix
from pipeline.features.spec import FeatureSpec
from pipeline.model import members
from pipeline.model.booster import fit_booster
from pipeline.model.calibration import MIN_EVENT_PATIENTS, fit_calibration, identity
from pipeline.model.custom import fit_custom
from pipeline.model.linear import LinearMember, fit_linear
from pipeline.model.parallel import one_blas_thread, side_by_side
from pipeline.model.risk_model import RiskModel, Variant
from pipeline.model.stack import Floats, Ints, StackedRows, Targets, stack


@dataclass(frozen=True)
class FitPlan:
    """What stays the same over the fits of one scale."""

    scale: str
    reported: tuple[int, ...]
    spec: FeatureSpec
    config: ModelConfig
    seed: int
    jobs: int


@one_blas_thread()
def fit_risk_model(
    matrix: FeatureMatrix, targets: Targets, plan: FitPlan, *, bootstrap: int = 0
) -> RiskModel:
    """Fit members and calibration on the given landmarks.

    Parameters
    ----------
    matrix : FeatureMatrix
    targets : Targets
        Aligned with ``matrix``.
    plan : FitPlan
    bootstrap : int
        Patient bootstrap refits of the linear members, for intervals.
    """
    rows = _stacked(targets, plan)
    grade = members.grade_column(plan.scale, plan.spec)
    resample = patient_resample(targets.patient, bootstrap, plan.seed) if bootstrap else None
    design = members.reference_design(plan.scale, plan.spec, plan.config)
    known = np.ones(len(matrix.values), dtype=bool)
    if grade is not None:
        known = ~np.isnan(matrix.column(grade))
    graded = _only(rows, known)
    if len(graded.landmark) == 0:  # no grade is known here, so there is no state to learn from
        grade, graded = None, rows
    horizons = tuple(float(hours) for hours in plan.config.horizons_hours)
    reference = fit_linear(
        members.REFERENCE,
        design,
        matrix,
        graded,
        horizons,
        targets.thresholds,
        resample=resample,
    )
    no_state = _fit_variant(matrix, targets, rows, plan, None, resample)
    state = None
    if grade is not None:
        state = _fit_variant(matrix, targets, graded, plan, reference, resample)
    return RiskModel(plan.scale, targets.thresholds, horizons, grade, reference, no_state, state)


def patient_resample(patient: Ints, draws: int, seed: int) -> Floats:
    """How often each landmark's patient occurs in each bootstrap sample of patients.

    Returns
    -------
    ndarray, shape (draws, n_landmarks)
    """
    unique, code = np.unique(patient, return_inverse=True)
    random = np.random.default_rng(seed)
    times = random.multinomial(len(unique), np.full(len(unique), 1.0 / len(unique)), size=draws)
    return times[:, code].astype(float)


def inner_folds(patient: Ints, event: np.typing.NDArray[np.bool_], folds: int, seed: int) -> Ints:
    """Fold per landmark; patients stay whole and event patients are spread evenly."""
    unique, code = np.unique(patient, return_inverse=True)
    has_event = np.zeros(len(unique), dtype=bool)
    np.logical_or.at(has_event, code, event)
    random = np.random.default_rng(seed)
    fold = np.empty(len(unique), dtype=np.intp)
    offset = 0
    for group in (True, False):
        chosen = random.permutation(np.flatnonzero(has_event == group))
        fold[chosen] = (np.arange(len(chosen)) + offset) % folds
        offset += len(chosen)
    return fold[code]


def _stacked(targets: Targets, plan: FitPlan) -> StackedRows:
    return stack(
        targets,
        tuple(float(hours) for hours in plan.config.horizons_hours),
        reported=plan.reported,
        other_weight=plan.config.other_threshold_weight,
        ipcw_floor=plan.config.ipcw_floor,
    )


def _only(rows: StackedRows, landmarks: np.typing.NDArray[np.bool_]) -> StackedRows:
    kept = landmarks[rows.landmark]
    return StackedRows(
        rows.landmark[kept],
        rows.horizon[kept],
        rows.threshold[kept],
        rows.label[kept],
        rows.weight[kept],
    )


def _fit_variant(
    matrix: FeatureMatrix,
    targets: Targets,
    rows: StackedRows,
    plan: FitPlan,
    reference: LinearMember | None,
    resample: Floats | None,
) -> Variant:
    """Fit the members of one variant on all rows, its calibration on out-of-fold log-odds."""
    with_state = reference is not None
    reported = np.isin(rows.threshold, plan.reported)
    columns = [targets.thresholds.index(threshold) for threshold in plan.reported]
    event = np.any(((targets.status == 1) & targets.at_risk)[:, columns], axis=1)
    fold = inner_folds(targets.patient, event, plan.config.inner_folds, plan.seed)
    inner = [
        number for number in range(plan.config.inner_folds) if _both_classes(rows, fold, number)
    ]

    def run(number: int | None) -> Variant:
        if number is None:
            return _fit_members(matrix, targets, rows, plan, with_state, reference, resample)
        train = _only(rows, fold != number)
        return _fit_members(matrix, targets, train, plan, with_state, None, None)

    uncalibrated, *fitted = side_by_side(run, [None, *inner], plan.jobs)
    blend = np.full(len(rows.landmark), np.nan)
    for number, part in zip(inner, fitted, strict=True):
        held_out = fold == number
        blend[held_out[rows.landmark]] = part.blend(matrix, _only(rows, held_out))
    usable = reported & ~np.isnan(blend)
    kept = StackedRows(
        rows.landmark[usable],
        rows.horizon[usable],
        rows.threshold[usable],
        rows.label[usable],
        rows.weight[usable],
    )
    knots, ridge = uncalibrated.calibration.knots, plan.config.ridge_calibration
    event_patients = len(np.unique(targets.patient[kept.landmark[kept.label == 1]]))
    if event_patients < MIN_EVENT_PATIENTS:
        return uncalibrated
    calibration = fit_calibration(blend[usable], kept, knots, targets.thresholds, ridge)
    redrawn = [
        fit_calibration(
            blend[usable],
            replace(kept, weight=kept.weight * times[kept.landmark]),
            knots,
            targets.thresholds,
            ridge,
        )
        for times in (resample if resample is not None else ())
    ]
    return replace(uncalibrated, calibration=calibration, redrawn=tuple(redrawn))


def _both_classes(rows: StackedRows, fold: Ints, number: int) -> bool:
    """Whether a fold has rows and the others have rows with and without the event."""
    held_out = (fold == number)[rows.landmark]
    label = rows.label[~held_out]
    return bool(held_out.any() and label.min(initial=1) < label.max(initial=0))


def _fit_members(
    matrix: FeatureMatrix,
    targets: Targets,
    rows: StackedRows,
    plan: FitPlan,
    with_state: bool,
    reference: LinearMember | None,
    resample: Floats | None,
) -> Variant:
    horizons = tuple(float(hours) for hours in plan.config.horizons_hours)
    wanted, metas = plan.config.members, matrix.metas
    designs = {}
    if with_state:
        if reference is None and members.REFERENCE in wanted:
            designs[members.REFERENCE] = members.reference_design(
                plan.scale, plan.spec, plan.config
            )
        if "state" in wanted:
            designs["state"] = members.state_design(plan.scale, plan.spec, metas, plan.config)
    if "labs" in wanted:
        designs["labs"] = members.labs_design(
            plan.scale, plan.spec, metas, plan.config, with_state=with_state
        )
    kept = reference is not None and members.REFERENCE in wanted
    linear = [reference] if kept and reference is not None else []
    linear += [
        fit_linear(name, design, matrix, rows, horizons, targets.thresholds, resample=resample)
        for name, design in designs.items()
    ]
    columns, sign = members.booster_columns(
        plan.scale, plan.spec, metas, plan.config, with_state=with_state
    )
    grade = members.grade_column(plan.scale, plan.spec) if with_state else None
    boosters = [
        fit_booster(
            "booster",
            columns,
            sign,
            grade,
            matrix,
            rows,
            plan.config,
            seed=plan.seed,
            resample=None if resample is None else resample[: plan.config.bootstrap_boosters],
        )
        for _ in range(wanted.count("booster"))
    ]
    custom = [
        fit_custom(
            name,
            settings,
            columns,
            matrix,
            rows,
            horizons,
            targets.thresholds,
            ridge=plan.config.ridge_context,
            seed=plan.seed,
        )
        for name, settings in plan.config.custom.items()
    ]
    return Variant(
        tuple(linear),
        tuple(boosters),
        identity(horizons, targets.thresholds),
        custom=tuple(custom),
        weights=plan.config.weights,
    )
