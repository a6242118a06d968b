"""Fits the members of one variant, not yet weighted or calibrated."""

from __future__ import annotations

from pipeline.arrays import Floats
from pipeline.features.matrix import FeatureMatrix
from pipeline.model import calibration, members
from pipeline.model.booster import fit_booster
from pipeline.model.borrowed_prior import cohort_metas
from pipeline.model.custom_member import fit_custom
from pipeline.model.fit_plan import FitPlan
from pipeline.model.linear import LinearMember, fit_linear
from pipeline.model.stacked_rows import StackedRows, Targets
from pipeline.model.variant import Variant


def fit_members(
    matrix: FeatureMatrix,
    targets: Targets,
    rows: StackedRows,
    plan: FitPlan,
    with_state: bool,
    reference: LinearMember | None,
    resample: Floats | None,
) -> Variant:
    """Fit the configured members on the given rows.

    Parameters
    ----------
    matrix : FeatureMatrix
    targets : Targets
    rows : StackedRows
        Labelled training rows.
    plan : FitPlan
    with_state : bool
        Whether the clinical state is used.
    reference : LinearMember or None
        Grade and day fitted on the same rows, if it is known already.
    resample : ndarray, shape (n_refits, n_landmarks), or None
        How often each landmark's patient is drawn in each bootstrap sample.

    Returns
    -------
    Variant
        With equal weights and without calibration.
    """
    horizons = tuple(float(hours) for hours in plan.config.horizons_hours)
    wanted, metas = plan.config.members, cohort_metas(matrix.metas)
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
        calibration.identity(horizons, targets.thresholds),
        custom=tuple(custom),
        weights=plan.config.weights,
    )
