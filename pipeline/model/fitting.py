"""Fits a RiskModel: members on all rows, weights and calibration on out-of-fold log-odds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.arrays import Bools, Floats, Ints
from pipeline.config_model import ModelConfig
from pipeline.features.matrix import FeatureMatrix
from pipeline.model import calibration, members
from pipeline.model.clinical_comparators import fit_clinical_comparators
from pipeline.model.fit_members import fit_members
from pipeline.model.fit_plan import FitPlan
from pipeline.model.inner_fits import InnerFits
from pipeline.model.linear import LinearMember, fit_linear
from pipeline.model.logistic import sigmoid
from pipeline.model.parallel import one_blas_thread, side_by_side
from pipeline.model.patient_samples import inner_folds, patient_resample
from pipeline.model.risk_model import RiskModel, prior_available
from pipeline.model.stacked_rows import StackedRows, Targets, stack
from pipeline.model.tuning import Settings, log_loss, tune, with_settings
from pipeline.model.variant import Variant


@one_blas_thread()
def fit_risk_model(
    matrix: FeatureMatrix,
    targets: Targets,
    plan: FitPlan,
    *,
    bootstrap: int = 0,
    inner: InnerFits | None = None,
) -> RiskModel:
    """Fit members and calibration on the given landmarks.

    Parameters
    ----------
    matrix : FeatureMatrix
    targets : Targets
        One row per row of ``matrix``.
    plan : FitPlan
    bootstrap : int
        Number of patient bootstrap refits of the linear members, for intervals.
    inner : InnerFits, optional
        Used for weights and calibration in place of ``config.inner_folds`` inner fits.

    Returns
    -------
    RiskModel

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.features.build import build_features
    >>> from pipeline.model.bundle import empty_bundle
    >>> bundle, patient = empty_bundle(), np.arange(20)
    >>> landmarks = pd.DataFrame({"patient": patient, "hours": 24.0})
    >>> matrix = build_features(empty_cohort(["P"] * 20), landmarks, bundle.reference.spec)
    >>> event = (patient % 4 == 0)[:, None]  # after 20 h
    >>> status, times = event.astype(np.int8), np.where(event, 20.0, 200.0)
    >>> rest = np.ones(20), patient, np.full(20, 24.0), np.full((20, 1), 200.0), patient
    >>> targets = Targets((3,), times, status, np.full((20, 1), True), *rest)
    >>> config = bundle.config.model.model_copy(update={"members": ("labs",)})
    >>> plan = FitPlan("crs", (3,), bundle.reference.spec, config, seed=0, jobs=1)
    >>> fit_risk_model(matrix, targets, plan).risk(matrix, 3, (24.0,))[0].round(2)
    array([0.25])
    """
    rows = _stacked(targets, plan)
    tuned = _tuned(matrix, targets, rows, plan)
    plan = replace(plan, config=with_settings(plan.config, tuned))
    resample = patient_resample(targets.patient, bootstrap, plan.seed) if bootstrap else None
    design = members.reference_design(plan.scale, plan.spec, plan.config)
    grade, graded = _graded(matrix, rows, plan)
    thresholds, horizons = targets.thresholds, tuple(map(float, plan.config.horizons_hours))
    reference = fit_linear(
        members.REFERENCE, design, matrix, graded, horizons, thresholds, resample=resample
    )
    no_state = _fit_variant(matrix, targets, rows, plan, None, resample, inner)
    state: list[Variant] | list[None] = [None]
    if grade is not None:
        state = _fit_variant(matrix, targets, graded, plan, reference, resample, inner)
    comparators = fit_clinical_comparators(
        reference,
        state[0].linear if state[0] is not None else (),
        matrix,
        graded,
        _held_out(targets, graded, plan, plan.config.inner_folds)
        if inner is None
        else inner.of(grade is not None, graded)[0],
        plan.reported,
        plan.config.ridge_calibration,
        patient=targets.patient,
    )
    alone = RiskModel(
        plan.scale,
        thresholds,
        horizons,
        grade,
        reference,
        no_state[0],
        state[0],
        tuned=tuned,
        show_state=plan.config.clinical_state,
        comparators=comparators,
    )
    if plan.prior is None:
        return alone
    return replace(alone, no_state=no_state[-1], state=state[-1], prior=plan.prior, alone=alone)


def fit_uncalibrated(matrix: FeatureMatrix, targets: Targets, plan: FitPlan) -> dict[bool, Variant]:
    """Fit members only, for :class:`~pipeline.model.inner_fits.InnerFits` of other fits.

    Parameters
    ----------
    matrix : FeatureMatrix
    targets : Targets
    plan : FitPlan
        Settings are not tuned.

    Returns
    -------
    dict of Variant
        By whether the clinical state is used; a variant whose rows have one class only is left
        out.

    Examples
    --------
    >>> import pandas as pd
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.features.build import build_features
    >>> from pipeline.model.bundle import empty_bundle
    >>> bundle, patient = empty_bundle(), np.arange(20)
    >>> landmarks = pd.DataFrame({"patient": patient, "hours": 24.0})
    >>> matrix = build_features(empty_cohort(["P"] * 20), landmarks, bundle.reference.spec)
    >>> event = (patient % 4 == 0)[:, None]  # after 20 h
    >>> status, times = event.astype(np.int8), np.where(event, 20.0, 200.0)
    >>> rest = np.ones(20), patient, np.full(20, 24.0), np.full((20, 1), 200.0), patient
    >>> targets = Targets((3,), times, status, np.full((20, 1), True), *rest)
    >>> config = bundle.config.model.model_copy(update={"members": ("labs",)})
    >>> plan = FitPlan("crs", (3,), bundle.reference.spec, config, seed=0, jobs=1)
    >>> fit_uncalibrated(matrix, targets, plan)[False].names
    ['labs']
    """
    rows = _stacked(targets, plan)
    grade, graded = _graded(matrix, rows, plan)
    variants = {False: rows} if grade is None else {False: rows, True: graded}
    return {
        with_state: fit_members(matrix, targets, chosen, plan, with_state, None, None)
        for with_state, chosen in variants.items()
        if _two_classes(chosen.label)
    }


def _graded(
    matrix: FeatureMatrix, rows: StackedRows, plan: FitPlan
) -> tuple[str | None, StackedRows]:
    """Column of the current grade, and the rows where it is known.

    If none is, the column is None and all rows are returned: no state variant is fitted.
    """
    grade = members.grade_column(plan.scale, plan.spec)
    if grade is None:
        return None, rows
    graded = rows.of(~np.isnan(matrix.column(grade)))
    return (grade, graded) if len(graded.landmark) else (None, rows)


def _stacked(targets: Targets, plan: FitPlan) -> StackedRows:
    return stack(
        targets,
        tuple(float(hours) for hours in plan.config.horizons_hours),
        reported=plan.reported,
        other_weight=plan.config.other_threshold_weight,
        weights=plan.config.threshold_weights.get(plan.scale),
        ipcw_floor=plan.config.ipcw_floor,
    )


def _fit_variant(
    matrix: FeatureMatrix,
    targets: Targets,
    rows: StackedRows,
    plan: FitPlan,
    reference: LinearMember | None,
    resample: Floats | None,
    inner: InnerFits | None,
) -> list[Variant]:
    """Fit the members of one variant on all rows and its calibration on out-of-fold log-odds.

    Returns
    -------
    list of Variant
        Without the prior and, if there is a prior, with it.
    """
    with_state = reference is not None

    def run(kept: Bools | None) -> Variant:
        if kept is None:
            return fit_members(matrix, targets, rows, plan, with_state, reference, resample)
        return fit_members(matrix, targets, rows.of(~kept), plan, with_state, None, None)

    if inner is None:
        held_out = _held_out(targets, rows, plan, plan.config.inner_folds)
        whole, *parts = side_by_side(run, [None, *held_out], plan.jobs)
    else:
        held_out, parts = inner.of(with_state, rows)
        whole = run(None)
    result = [_calibrated(whole, parts, held_out, matrix, targets, rows, plan, resample)]
    if plan.prior is not None:
        prior = plan.prior.variant_of(with_state)
        whole, *parts = (replace(part, prior=prior) for part in (whole, *parts))
        usable = rows.of(prior_available(matrix))
        result.append(_calibrated(whole, parts, held_out, matrix, targets, usable, plan, resample))
    if resample is None:
        return result
    patients = len(np.unique(targets.patient[rows.landmark]))
    return [each.with_mean_variance(matrix, rows).trained_on(patients) for each in result]


def _held_out(targets: Targets, rows: StackedRows, plan: FitPlan, folds: int) -> list[Bools]:
    """Landmarks of each inner fold whose complement has both classes."""
    columns = [targets.thresholds.index(threshold) for threshold in plan.reported]
    event = np.any(((targets.status == 1) & targets.at_risk)[:, columns], axis=1)
    fold = inner_folds(targets.patient, event, folds, plan.seed)
    return [fold == number for number in range(folds) if _both_classes(rows, fold, number)]


def _tuned(matrix: FeatureMatrix, targets: Targets, rows: StackedRows, plan: FitPlan) -> Settings:
    """Tune settings on inner folds of these patients; none if there are too few events.

    The loss is that of the blend, calibrated on its own out-of-fold log-odds, at the reported
    thresholds and over both variants.
    """
    reported = rows.where(np.isin(rows.threshold, plan.reported))
    few = calibration.event_patients(reported, targets.patient) < calibration.MIN_EVENT_PATIENTS
    if plan.config.tune.trials == 0 or few:
        return {}
    grade = members.grade_column(plan.scale, plan.spec)
    variants = [(False, rows)]
    if grade is not None:
        graded = rows.of(~np.isnan(matrix.column(grade)))
        variants += [(True, graded)] if len(graded.landmark) else []

    def loss(config: ModelConfig) -> float:
        trial = replace(plan, config=config)
        total = 0.0
        for with_state, part in variants:
            held_out = _held_out(targets, part, plan, plan.config.tune.folds)
            fitted = [
                fit_members(matrix, targets, part.of(~kept), trial, with_state, None, None)
                for kept in held_out
            ]
            if not held_out:
                continue
            total += _out_of_fold_loss(fitted, held_out, matrix, targets, part, trial)
        return total

    return tune(loss, plan.config, plan.seed)


def _out_of_fold_loss(
    parts: list[Variant],
    held_out: list[Bools],
    matrix: FeatureMatrix,
    targets: Targets,
    rows: StackedRows,
    plan: FitPlan,
) -> float:
    kept, each = _out_of_fold(parts, held_out, matrix, rows, plan)
    blend = each @ _learned(parts[0], each, kept, plan).shares
    line = _line(parts[0], blend, kept, targets, plan)
    return log_loss(kept.label, sigmoid(line.log_odds(blend, kept)), kept.weight)


def _out_of_fold(
    parts: list[Variant],
    held_out: list[Bools],
    matrix: FeatureMatrix,
    rows: StackedRows,
    plan: FitPlan,
) -> tuple[StackedRows, Floats]:
    """Held-out rows of reported thresholds, and the log-odds of the members not fitted on them."""
    each = np.full((len(rows.landmark), len(parts[0].names) if parts else 0), np.nan)
    scored = np.zeros(len(rows.landmark), dtype=bool)
    for chosen, part in zip(held_out, parts, strict=True):
        here = chosen[rows.landmark]
        each[here], scored[here] = part.parts(matrix, rows.of(chosen)), True
    usable = np.isin(rows.threshold, plan.reported) & scored
    return rows.where(usable), each[usable]


def _learned(variant: Variant, each: Floats, rows: StackedRows, plan: FitPlan) -> Variant:
    """Learn the weights of ``variant`` from out-of-fold log-odds, unless some are configured."""
    names = list(dict.fromkeys(variant.names))
    if plan.config.weights or plan.config.ridge_blend is None or len(names) == 1:
        return variant
    same_name = np.array(
        [[name == other for other in names] for name in variant.names], dtype=float
    )
    count = same_name.sum(axis=0)
    shares = calibration.fit_shares(
        each @ same_name / count,
        rows,
        variant.calibration.knots,
        variant.calibration.thresholds,
        plan.config.ridge_calibration,
        ridge_share=plan.config.ridge_blend,
        centre=variant.shares @ same_name,
    )
    weights = len(variant.names) * shares / count  # 1 on average, the default weight
    return replace(variant, weights=dict(zip(names, weights.tolist(), strict=True)))


def _calibrated(
    whole: Variant,
    parts: list[Variant],
    held_out: list[Bools],
    matrix: FeatureMatrix,
    targets: Targets,
    rows: StackedRows,
    plan: FitPlan,
    resample: Floats | None,
) -> Variant:
    """Weight and calibrate ``whole`` by the log-odds of ``parts`` for ``held_out`` rows."""
    kept, each = _out_of_fold(parts, held_out, matrix, rows, plan)
    if calibration.event_patients(kept, targets.patient) < calibration.MIN_EVENT_PATIENTS:
        return whole
    whole = _learned(whole, each, kept, plan)
    blend = each @ whole.shares
    redrawn = [
        _line(whole, blend, replace(kept, weight=kept.weight * times[kept.landmark]), targets, plan)
        for times in (resample if resample is not None else ())
    ]
    line = _line(whole, blend, kept, targets, plan)
    return replace(whole, calibration=line, redrawn=tuple(redrawn))


def _line(
    variant: Variant, blend: Floats, rows: StackedRows, targets: Targets, plan: FitPlan
) -> calibration.Calibration:
    knots, ridge = variant.calibration.knots, plan.config.ridge_calibration
    return calibration.fit_calibration(
        blend, rows, knots, targets.thresholds, ridge, patient=targets.patient
    )


def _both_classes(rows: StackedRows, fold: Ints, number: int) -> bool:
    """Whether a fold has rows and the other folds have both classes."""
    held_out = (fold == number)[rows.landmark]
    return bool(held_out.any()) and _two_classes(rows.label[~held_out])


def _two_classes(label: Floats) -> bool:
    return bool(label.min(initial=1) < label.max(initial=0))
