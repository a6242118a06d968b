"""The part of the evaluation report about a recalibration: lineage, updates, before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from pipeline.model.evaluation_cells import Number, Part


class ParentBundle(Part):
    """The bundle that was recalibrated, and its training cohort."""

    bundle_sha256: str = ""
    cohort_name: str = ""
    cohort_sha256: str = ""
    n_patients: int = 0
    synthetic: bool = False


class FormEvidence(Part):
    """Test of a form of update, with the p value against each more flexible form."""

    form: str = ""
    p: Number = None
    against: dict[str, Number] = Field(default_factory=dict)


class UpdateDescription(Part):
    """Update of one variant of a model, and how it was chosen."""

    form: str = ""
    event_patients: int = 0
    candidates: list[str] = Field(default_factory=list)
    tests: list[FormEvidence] = Field(default_factory=list)


class UpdateFigures(Part):
    """Figures that an update can change; ``net_benefit`` by risk threshold."""

    auroc: Number = None
    brier: Number = None
    cal_slope: Number = None
    cal_slope_lo: Number = None
    cal_slope_hi: Number = None
    cal_intercept: Number = None
    cal_intercept_lo: Number = None
    cal_intercept_hi: Number = None
    observed_to_expected: Number = None
    net_benefit: dict[str, Number] = Field(default_factory=dict)


class BeforeAfter(Part):
    """The parent, and the update fitted on other patients, on the same landmarks."""

    before: UpdateFigures = Field(default_factory=UpdateFigures)
    after: UpdateFigures = Field(default_factory=UpdateFigures)


class RecalibrationReport(Part):
    """Lineage and effect of a recalibration.

    ``updates`` is by scale and variant, ``performance`` by outcome and horizon; ``kept`` has the
    reason for each outcome with the calibration of the parent.
    """

    parent: ParentBundle = Field(default_factory=ParentBundle)
    updates: dict[str, dict[str, UpdateDescription]] = Field(default_factory=dict)
    kept: dict[str, str] = Field(default_factory=dict)
    performance: dict[str, dict[str, BeforeAfter]] = Field(default_factory=dict)


RECALIBRATED_FROM = "recalibrated_from"  # key of provenance.json: record of the parent


def learned_from(provenance: Mapping[str, Any]) -> frozenset[str]:
    """Digests of the cohorts from which a bundle learned: its own, and the one of its parent.

    Parameters
    ----------
    provenance : mapping
        Of the bundle.

    Returns
    -------
    frozenset of str

    Examples
    --------
    >>> parent = {"cohort_sha256": "1f"}
    >>> sorted(learned_from({"cohort_sha256": "2e", "recalibrated_from": parent}))
    ['1f', '2e']
    """
    parent = provenance.get(RECALIBRATED_FROM) or {}
    return frozenset(
        str(part["cohort_sha256"]) for part in (provenance, parent) if "cohort_sha256" in part
    )
