"""RiskModel: members and calibration for one scale, with and without clinical state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.config import ModelConfig
from pipeline.features.build import FeatureMatrix
from pipeline.features.spec import FeatureSpec
from pipeline.model import members
from pipeline.model.booster import BoosterMember, fit_booster
from pipeline.model.calibration import (
    MIN_EVENT_PATIENTS,
    Calibration,
    fit_calibration,
    identity,
)
from pipeline.model.custom import CustomMember, fit_custom
from pipeline.model.linear import LinearMember, fit_linear
from pipeline.model.logistic import sigmoid
from pipeline.model.parallel import one_blas_thread, side_by_side
from pipeline.model.stack import Floats, Ints, StackedRows, Targets, query, stack


@dataclass(frozen=True)
class Variant:
    """Members whose log-odds are averaged, and the calibration of their mean.

    Attributes
    ----------
    weights : mapping
        Weight of a member by name; 1 where not stated.
    """

    linear: tuple[LinearMember, ...]
    boosters: tuple[BoosterMember, ...]
    calibration: Calibration
    redrawn: tuple[Calibration, ...] = ()
    custom: tuple[CustomMember, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def shares(self) -> Floats:
        """Share of each member in the mean: linear ones, boosters, custom ones; sums to 1."""
        names = [member.name for member in self.linear]
        names += [member.name for member in self.boosters]
        names += [member.name for member in self.custom]
        weight = np.array([self.weights.get(name, 1.0) for name in names])
        return np.asarray(weight / weight.sum())

    @property
    def columns(self) -> tuple[str, ...]:
        """Features that any member reads."""
        names = [name.rstrip("?") for member in self.linear for name in member.design.columns]
        names += [name for member in self.boosters for name in member.columns]
        names += [name for member in self.custom for name in member.columns]
        return tuple(dict.fromkeys(names))

    @property
    def n_draws(self) -> int:
        """Bootstrap draws behind an interval."""
        refits = [len(member.coefficients) - 1 for member in self.linear]
        refits += [len(member.redrawn) for member in self.boosters]
        return max([len(self.redrawn), *refits])

    def blend(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Weighted mean of the members' log-odds."""
        parts = [member.log_odds(matrix, rows) for member in self.linear]
        parts += [member.log_odds(matrix, rows) for member in self.boosters]
        parts += [member.log_odds(matrix, rows) for member in self.custom]
        return np.asarray(self.shares @ np.stack(parts))

    def risk(self, matrix: FeatureMatrix, rows: StackedRows) -> Floats:
        """Calibrated probability of each stacked row."""
        return sigmoid(self.calibration.log_odds(self.blend(matrix, rows), rows))

    def interval(
        self, matrix: FeatureMatrix, rows: StackedRows, level: float
    ) -> tuple[Floats, Floats]:
        """Central interval over the bootstrap refits of the members and the calibration.

        ``redrawn`` holds one calibration per draw, fitted on the same patients. Custom members
        are held at their fit.
        """
        count = self.n_draws
        draws = [member.all_log_odds(matrix, rows, slice(count + 1)) for member in self.linear]
        draws += [member.all_log_odds(matrix, rows, count) for member in self.boosters]
        draws += [member.log_odds(matrix, rows)[:, None] for member in self.custom]
        blend = np.zeros((len(rows.landmark), count + 1))
        for share, drawn in zip(self.shares, draws, strict=True):
            blend += share * drawn
        log_odds = self.calibration.log_odds(blend, rows)
        for draw, calibration in enumerate(self.redrawn, start=1):
            log_odds[:, draw] = calibration.log_odds(blend[:, draw], rows)
        tail = (1.0 - level) / 2.0
        spread = log_odds[:, 1:] if log_odds.shape[1] > 1 else log_odds
        low, high = np.quantile(spread, [tail, 1.0 - tail], axis=1)
        return sigmoid(np.minimum(low, log_odds[:, 0])), sigmoid(np.maximum(high, log_odds[:, 0]))


@dataclass(frozen=True)
class RiskModel:
    """Risk of every threshold of one scale at any horizon within the fitted range.

    Attributes
    ----------
    reference : LinearMember
        ``grade_and_day``: the built-in bar, reported beside the model.
    no_state : Variant
        Labs, treatments, host and time only.
    state : Variant or None
        With the grades charted so far; None where the cohort does not grade.
    """

    scale: str
    thresholds: tuple[int, ...]
    horizons: tuple[float, ...]
    grade: str | None
    reference: LinearMember
    no_state: Variant
    state: Variant | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Features that either variant reads."""
        state = self.state.columns if self.state is not None else ()
        return tuple(dict.fromkeys((*state, *self.no_state.columns)))

    def risk(
        self,
        matrix: FeatureMatrix,
        threshold: int,
        horizons: tuple[float, ...],
        *,
        use_state: bool = True,
    ) -> Floats:
        """Risk, shape (n_landmarks, n_horizons).

        Landmarks whose current grade is unknown use the variant without clinical state.
        """
        result = np.empty((len(matrix.values), len(horizons)))
        for variant, rows in self._by_variant(matrix, use_state):
            part = matrix.take(rows)
            asked = query(len(rows), horizons, threshold)
            result[rows] = variant.risk(part, asked).reshape(len(rows), len(horizons))
        return result

    def interval(
        self, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...], level: float
    ) -> tuple[Floats, Floats]:
        """Lower and upper ends of the risk interval, each (n_landmarks, n_horizons)."""
        shape = (len(matrix.values), len(horizons))
        low, high = np.empty(shape), np.empty(shape)
        for variant, rows in self._by_variant(matrix, True):
            part = matrix.take(rows)
            asked = query(len(rows), horizons, threshold)
            ends = variant.interval(part, asked, level)
            low[rows] = ends[0].reshape(len(rows), -1)
            high[rows] = ends[1].reshape(len(rows), -1)
        return low, high

    def reference_risk(
        self, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...]
    ) -> Floats:
        """Risk by grade and day alone, shape (n_landmarks, n_horizons)."""
        asked = query(len(matrix.values), horizons, threshold)
        log_odds = self.reference.log_odds(matrix, asked)
        return sigmoid(log_odds).reshape(-1, len(horizons))

    def state_known(self, matrix: FeatureMatrix) -> np.typing.NDArray[np.bool_]:
        """Whether the current grade is known, so that the state variant applies."""
        if self.state is None or self.grade is None:
            return np.zeros(len(matrix.values), dtype=bool)
        return ~np.isnan(matrix.column(self.grade))

    def variant_of(self, known: bool) -> Variant:
        """Variant used where the grade is known or not."""
        return self.state if known and self.state is not None else self.no_state

    def _by_variant(self, matrix: FeatureMatrix, use_state: bool) -> Iterator[tuple[Variant, Ints]]:
        known = self.state_known(matrix) & use_state
        for flag in (True, False):
            rows = np.flatnonzero(known == flag)
            if len(rows):
                yield self.variant_of(flag), rows


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
