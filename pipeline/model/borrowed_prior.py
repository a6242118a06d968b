"""Another cohort's risk model as one more member: its own columns beside those of the cohort.

The prior reads features built by its own spec and limits, under names that start with ``prior:``,
and is never fitted again. Where its own rule would give no estimate it is silent, and the model
without it answers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.product_names import respelled
from pipeline.cohort.tables import Cohort
from pipeline.config import PredictConfig
from pipeline.features.build import build_features
from pipeline.features.host import products_of
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.features.spec import FeatureSpec
from pipeline.model.abstention import abstention_codes, support_from_reference
from pipeline.model.linear import LinearMember
from pipeline.model.risk_model import PRIOR_SILENT, RiskModel, Variant
from pipeline.model.training_reference import TrainingReference, clip_ages

PREFIX = "prior:"
_SHARED = "time__hours"  # the same hour whoever asks


def with_prior(
    matrix: FeatureMatrix,
    cohort: Cohort,
    spec: FeatureSpec,
    prior: TrainingReference,
    rule: PredictConfig,
    columns: Collection[str],
    jobs: int = 1,
) -> FeatureMatrix:
    """Put what a prior reads beside the features of a cohort, and say where it is silent.

    An analyte or host column that the cohort's own spec leaves out is unknown to the prior too, so
    that a prediction never shows it what it could not see while the blend was calibrated.

    Parameters
    ----------
    matrix : FeatureMatrix
        By the cohort's own spec.
    cohort : Cohort
        As read: without the cohort's own silent limits, because the prior has its own.
    prior, rule
        What the prior's training learned beside coefficients, and when it gives no estimate.
    columns : collection of str
        Features that the prior's models read.

    Returns
    -------
    FeatureMatrix
        ``landmarks`` with the column ``prior_silent``: the code of the prior's refusal, or empty.
    """
    analytes = {analyte.key for analyte in spec.analytes}
    hosts = {column.name for column in spec.host}
    unused = [column.name for column in prior.spec.host if column.name not in hosts]
    labs = cohort.labs.loc[cohort.labs["analyte"].isin(analytes)].reset_index(drop=True)
    patients = cohort.patients.drop(columns=unused, errors="ignore")
    if "product" in patients:  # in the spelling of the prior's training cohort
        patients = patients.assign(product=respelled(patients["product"], prior.products))
    seen = replace(cohort, labs=apply_limits(labs, prior.limits), patients=patients)
    measured = build_features(seen, matrix.landmarks, prior.spec, jobs)
    product = products_of(seen, matrix.landmarks["patient"].to_numpy())
    silent = abstention_codes(measured, product, support_from_reference(prior), rule).code
    read = clip_ages(measured, prior)
    kept = [number for number, name in enumerate(read.names) if name in columns and name != _SHARED]
    metas = tuple(_meta(read.metas[number], analytes) for number in kept)
    return FeatureMatrix(
        np.hstack([matrix.values, read.values[:, kept]]),
        (*matrix.metas, *metas),
        matrix.landmarks.assign(**{PRIOR_SILENT: silent.astype(str)}),
    )


def cohort_metas(metas: tuple[FeatureMeta, ...]) -> tuple[FeatureMeta, ...]:
    """Columns of the cohort's own spec."""
    return tuple(meta for meta in metas if not meta.name.startswith(PREFIX))


def reading_prior_columns(model: RiskModel) -> RiskModel:
    """Return a prior's model that reads the columns of :func:`with_prior`."""
    return replace(
        model,
        grade=None if model.grade is None else _name(model.grade),
        reference=_linear(model.reference),
        no_state=_variant(model.no_state),
        state=None if model.state is None else _variant(model.state),
    )


def _meta(meta: FeatureMeta, analytes: Collection[str]) -> FeatureMeta:
    """Metadata under the prior's name; what the cohort leaves out is never known."""
    meta = replace(meta, name=_name(meta.name))
    if meta.analyte and meta.analyte not in analytes:
        return replace(meta, group="measurement", player="measurement", pathway="measurement")
    return meta


def _name(column: str) -> str:
    return column if column.rstrip("?") == _SHARED else f"{PREFIX}{column}"


def _names(columns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_name(column) for column in columns)


def _linear(member: LinearMember) -> LinearMember:
    design = member.design
    grade = None if design.grade is None else _name(design.grade)
    return replace(member, design=replace(design, columns=_names(design.columns), grade=grade))


def _variant(variant: Variant) -> Variant:
    return replace(
        variant,
        linear=tuple(_linear(member) for member in variant.linear),
        boosters=tuple(
            replace(
                member,
                columns=_names(member.columns),
                grade=None if member.grade is None else _name(member.grade),
            )
            for member in variant.boosters
        ),
        custom=tuple(replace(member, columns=_names(member.columns)) for member in variant.custom),
    )
