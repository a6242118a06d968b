"""Another cohort's risk model (the prior) as an additional member.

The prior is never refitted. Its features are built by its own spec and limits and have names that
start with ``prior:``. Where its own rule gives no estimate, the model without the prior is used.
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
from pipeline.model.risk_model import PRIOR_SILENT, RiskModel
from pipeline.model.training_reference import TrainingReference, clip_ages
from pipeline.model.variant import Variant

PREFIX = "prior:"
_SHARED = "time__hours"  # identical for both models


def with_prior(
    matrix: FeatureMatrix,
    cohort: Cohort,
    spec: FeatureSpec,
    prior: TrainingReference,
    rule: PredictConfig,
    columns: Collection[str],
    jobs: int = 1,
) -> FeatureMatrix:
    """Append the features of a prior, and mark landmarks where it gives no estimate.

    Analytes and host columns that the cohort's own spec does not have are missing for the prior
    too, so that it has the same inputs in prediction as when the blend was calibrated.

    Parameters
    ----------
    matrix : FeatureMatrix
        Features by the cohort's own spec.
    cohort : Cohort
        As read, without inferred limits; the prior applies its own.
    spec : FeatureSpec
        The cohort's own spec.
    prior : TrainingReference
    rule : PredictConfig
        Rule of the prior for giving no estimate.
    columns : collection of str
        Features of the prior's models.
    jobs : int
        Number of threads.

    Returns
    -------
    FeatureMatrix
        ``landmarks`` has the column ``prior_silent``: the prior's abstention code, or empty.
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
    clipped = clip_ages(measured, prior)
    names = enumerate(clipped.names)
    kept = [number for number, name in names if name in columns and name != _SHARED]
    metas = tuple(_meta(clipped.metas[number], analytes) for number in kept)
    return FeatureMatrix(
        np.hstack([matrix.values, clipped.values[:, kept]]),
        (*matrix.metas, *metas),
        matrix.landmarks.assign(**{PRIOR_SILENT: silent.astype(str)}),
    )


def cohort_metas(metas: tuple[FeatureMeta, ...]) -> tuple[FeatureMeta, ...]:
    """Metadata of the columns of the cohort's own spec."""
    return tuple(meta for meta in metas if not meta.name.startswith(PREFIX))


def reading_prior_columns(model: RiskModel) -> RiskModel:
    """Rename the columns of a prior's model to those of :func:`with_prior`.

    Parameters
    ----------
    model : RiskModel

    Returns
    -------
    RiskModel

    Examples
    --------
    >>> from pipeline.model.calibration import identity
    >>> from pipeline.model.linear import LinearDesign
    >>> design = LinearDesign(("crp__last",), (1.0,), (1,), None, 1.0)
    >>> zeros = np.zeros((1, 2))
    >>> labs = LinearMember("labs", design, zeros[0], zeros[0], (24.0,), (3,), zeros)
    >>> variant = Variant((labs,), (), identity((24.0,), (3,)))
    >>> model = RiskModel("crs", (3,), (24.0,), None, labs, variant, None)
    >>> reading_prior_columns(model).columns
    ('prior:crp__last',)
    """
    return replace(
        model,
        grade=None if model.grade is None else _name(model.grade),
        reference=_linear(model.reference),
        no_state=_variant(model.no_state),
        state=None if model.state is None else _variant(model.state),
    )


def _meta(meta: FeatureMeta, analytes: Collection[str]) -> FeatureMeta:
    """Metadata under the prior's name; analytes that the cohort lacks are always missing."""
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
