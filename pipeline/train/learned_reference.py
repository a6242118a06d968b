"""Learns the TrainingReference: base rates, ranges, prototypes, products and limits."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.cohort.patients import category
from pipeline.cohort.tables import Cohort
from pipeline.features.landmarks import on_grid
from pipeline.model.background import learn_background
from pipeline.model.cohort_profile import Profile
from pipeline.model.training_reference import (
    TrainingReference,
    base_rate_table,
    feature_ranges,
)
from pipeline.reading.read_result import ReadResult
from pipeline.train.scale_fit import ScaleResult, TrainingTask


def learn_reference(
    read: ReadResult, task: TrainingTask, scales: Mapping[str, ScaleResult], profile: Profile
) -> TrainingReference:
    """Base rates, ranges, prototypes, products and limits of the training cohort.

    Parameters
    ----------
    scales : mapping
        Scale to what it was trained on.
    profile : Profile
        What monitoring compares later batches with.
    """
    base_rates, ranges, background = {}, {}, {}
    for name, outcome in task.config.outcomes.items():
        part = scales[outcome.scale]
        base_rates[name] = base_rate_table(
            part.matrix, part.targets, outcome.threshold, part.model.horizons
        )
        at_risk = part.targets.at_risk[:, part.targets.thresholds.index(outcome.threshold)]
        background[name] = learn_background(
            part.matrix, at_risk, part.targets.patient, part.model.columns
        )
    for part in scales.values():
        ranges.update(feature_ranges(part.matrix))
    return TrainingReference(
        spec=task.spec,
        local=read.local,
        limits=task.limits,
        base_rates=base_rates,
        ranges=ranges,
        clip_ages=all(on_grid(part.matrix.landmarks).all() for part in scales.values()),
        products=_products(task.cohort),
        n_patients=task.cohort.n_patients,
        background=background,
        profile=profile,
    )


def _products(cohort: Cohort) -> dict[str, int]:
    """Patients per product; empty where the cohort names none."""
    if "product" not in cohort.patients:
        return {}
    counts = category(cohort.patients["product"]).value_counts()
    return {str(key): int(value) for key, value in counts.items()}
