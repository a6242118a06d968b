"""The evaluation report: the content of ``evaluation.json``; reading and writing keep it unchanged.

Keys of tables by horizon are hours as text (``"24"``). Unset parts are absent from the file; parts
that a file lacks have their defaults.
"""

from __future__ import annotations

import json
from typing import Any, Self

import pandas as pd
from pydantic import ConfigDict, Field, JsonValue

from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_cells import (
    AreaCell,
    Fall,
    Number,
    Part,
    PerformanceCell,
)
from pipeline.model.recalibration_report import RecalibrationReport


class EvaluatedCohort(Part):
    """The scored cohort, and the training cohort if it differs."""

    name: str | None = None
    n_patients: Number = None
    n_landmarks: Number = None
    n_lab_rows: Number = None
    sha256: str | None = None
    synthetic: bool = False
    event_patients: dict[str, int] = Field(default_factory=dict)
    trained_on: str | None = None
    trained_on_synthetic: bool | None = None
    bundle_sha256: str | None = None


class Protocol(Part):
    """Settings of the evaluation; ``folds`` and ``repeats`` for cross-validation only."""

    folds: Number = None
    repeats: Number = None
    bootstrap: Number = None
    control_permutations: Number = None
    min_event_patients: Number = None
    verdict_event_patients: Number = None
    early_onset_hours: Number = None
    net_benefit_range: list[float] = Field(default_factory=list)
    alert_rates: list[float] = Field(default_factory=list)
    horizons_h: list[int | float] = Field(default_factory=list)
    by_day_horizon_h: Number = None
    tuning: str = ""
    shown_risk: str = ""
    seed: Number = None


class UngradedPatients(Part):
    """Patients (or infusions) never graded on a scale, and how labels treat them."""

    scale: str = ""
    n: int = 0
    of: int = 0
    with_zero: int = 0
    unit: str = ""
    setting: str = ""
    read_as: str = ""


class ResultTimes(Part):
    """Number of results, and of those whose result time equals the collection time."""

    rows: int = 0
    as_collected: int = 0


class LeftOut(Part):
    """Numbers of excluded landmarks and patients."""

    landmarks: int = 0
    patients: int = 0


class ContrastDetail(Part):
    """Comparators and drivers of the contrast, by name or horizon first; or a ``reason``."""

    reason: str = ""
    outcomes: list[str] = Field(default_factory=list)
    comparators: dict[str, dict[str, AreaCell]] = Field(default_factory=dict)
    drivers: dict[str, dict[str, Fall]] = Field(default_factory=dict)
    axes: dict[str, dict[str, Fall]] = Field(default_factory=dict)
    same_hour: dict[str, int] = Field(default_factory=dict)
    never_graded: dict[str, LeftOut] = Field(default_factory=dict)


class Importance(Part):
    """Fall in AUROC by horizon, or the ``reason`` why it is missing."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Fall] = Field(init=False)

    reason: str = ""

    def at(self, hours: str) -> Fall:
        """Return the fall at a horizon; empty if there is none."""
        return (self.__pydantic_extra__ or {}).get(hours, Fall())


class AnalyteUse(Part):
    """Availability of an analyte, whether the model used it, and its importance."""

    label: str = ""
    rows: Number = None
    row_share: Number = None
    patients: Number = None
    event_patients: Number = None
    used: bool = False
    why: str = "not stated"
    importance: Importance = Field(default_factory=Importance)


class Abstentions(Part):
    """Landmarks without an estimate, by reason."""

    n: int = 0
    n_abstained: int = 0
    rate: float | None = None
    by_reason: dict[str, int] = Field(default_factory=dict)
    n_without_lab: int = 0
    n_before_event: int = 0


class NeededPatients(Part):
    """Patients needed by each criterion of Riley et al., and by ``all`` of them."""

    shrinkage: int
    nagelkerke_gap: int
    overall_risk: int
    all: int


class SampleSizeReport(Part):
    """Patients needed and parameters supported for one outcome."""

    n_patients: int = 0
    n_event_patients: int = 0
    expected_auroc: float | None = None
    effective_parameters: dict[str, float] = Field(default_factory=dict)
    effective_parameters_mean: float | None = None
    needed: NeededPatients | None = None
    supported_parameters: float | None = None
    overall_risk_margin: float | None = None
    sentence: str = ""


class ClinicalState(Part):
    """Whether a variant with clinical state is ``fitted``, and which risk is ``shown``."""

    fitted: bool
    shown: str


class ModelDescription(Part):
    """Members and settings of the model of one scale.

    ``members`` has the share of each member in the mean of log-odds, ``with`` and ``without``
    clinical state; ``signs`` has the analytes by direction.
    """

    thresholds: list[int] = Field(default_factory=list)
    reported: list[int] = Field(default_factory=list)
    threshold_weights: dict[str, float] = Field(default_factory=dict)
    horizons_h: list[float] = Field(default_factory=list)
    clinical_state: ClinicalState
    members: dict[str, dict[str, float]] = Field(default_factory=dict)
    signs: dict[str, list[str]] = Field(default_factory=dict)
    prior: bool = False
    tuned: dict[str, int | float] = Field(default_factory=dict)


class AuditCodes(Part):
    """Codes of the findings of an audit, by severity."""

    acknowledged_errors: list[str] = Field(default_factory=list)
    unacknowledged_errors: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)


class PriorAbstentions(Part):
    """Landmarks at which a prior gives no estimate, by reason."""

    n: int = 0
    n_silent: int = 0
    by_reason: dict[str, int] = Field(default_factory=dict)


class PriorDescription(Part):
    """The bundle of another cohort that the model borrows from; ``weight`` None: learned."""

    cohort_name: str = ""
    cohort_sha256: str = ""
    bundle_sha256: str = ""
    n_patients: int = 0
    weight: Number = None
    shares: dict[str, dict[str, float]] = Field(default_factory=dict)
    silent: dict[str, PriorAbstentions] = Field(default_factory=dict)


class EvaluationReport(Part):
    """The content of ``evaluation.json``.

    Parameters
    ----------
    kind : str
        ``cross-validated``, ``external`` or ``apparent``.
    command : str
        Command that reproduces the report.
    settings_changed, read_with : dict
        Settings that differ from the defaults, and from those of training.
    canary_auroc : float or None
        AUROC of a constant predictor, which must be 0.5.
    never_graded, models : dict
        By scale.
    outcomes, analyte_use, axis_use, abstention, sample_size : dict
        By outcome.
    contrast : dict
        By horizon.

    Examples
    --------
    >>> report = EvaluationReport.from_json('{"kind": "external", "outcomes": {"icans": {}}}')
    >>> report.kind, list(report.outcomes), report.canary_auroc
    ('external', ['icans'], None)
    """

    cohort: EvaluatedCohort = Field(default_factory=EvaluatedCohort)
    kind: str = "not stated"
    command: str = ""
    protocol: Protocol = Field(default_factory=Protocol)
    settings_changed: dict[str, JsonValue] = Field(default_factory=dict)
    canary_auroc: Number = None
    warnings: list[str] = Field(default_factory=list)
    never_graded: dict[str, UngradedPatients] = Field(default_factory=dict)
    result_times: ResultTimes = Field(default_factory=ResultTimes)
    outcomes: dict[str, OutcomeReport] = Field(default_factory=dict)
    contrast: dict[str, PerformanceCell] = Field(default_factory=dict)
    contrast_detail: ContrastDetail = Field(default_factory=ContrastDetail)
    analyte_use: dict[str, dict[str, AnalyteUse]] = Field(default_factory=dict)
    axis_use: dict[str, dict[str, Importance]] = Field(default_factory=dict)
    sample_size: dict[str, SampleSizeReport] = Field(default_factory=dict)
    abstention: dict[str, Abstentions] = Field(default_factory=dict)
    models: dict[str, ModelDescription] = Field(default_factory=dict)
    audit: AuditCodes | None = None
    audit_of_training: AuditCodes | None = None
    prior: PriorDescription | None = None
    recalibration: RecalibrationReport | None = None
    read_with: dict[str, JsonValue] = Field(default_factory=dict)

    def __repr__(self) -> str:
        return f"EvaluationReport: {self.kind}, {', '.join(self.outcomes) or 'no outcome'}"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False)

    def outcome(self, name: str) -> OutcomeReport:
        """Return the report of an outcome; empty if it was not evaluated."""
        return self.outcomes.get(name, OutcomeReport())

    def to_frame(self) -> pd.DataFrame:
        """Discrimination and calibration by outcome, horizon and predictor.

        Returns
        -------
        DataFrame
            ``outcome, horizon_h, predictor`` (``model``, ``model_no_state`` or a comparator), then
            the metrics with their 95% limits (``_lo``, ``_hi``) and counts; NaN where a metric
            cannot be estimated.
        """
        rows = []
        for name, outcome in self.outcomes.items():
            predictors = ("model", "model_no_state", *outcome.comparators)
            for hours in outcome.model:
                for predictor in predictors:
                    cell = outcome.performance(predictor, hours).to_dict()
                    key = {"outcome": name, "horizon_h": float(hours), "predictor": predictor}
                    rows.append(key | cell)
        return pd.DataFrame(rows)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read the text of an ``evaluation.json``."""
        return cls.model_validate(json.loads(text))

    def to_json(self) -> str:
        """Return the text of ``evaluation.json``."""
        return json.dumps(self.to_dict(), indent=1, sort_keys=True, allow_nan=False) + "\n"


def json_schema() -> dict[str, Any]:
    """JSON Schema of ``evaluation.json``, as in ``data_schema/evaluation.json``."""
    schema = EvaluationReport.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_plain(schema)}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without titles and defaults, each description cut to its first paragraph."""
    result = {key: value for key, value in schema.items() if key not in ("title", "default")}
    if "description" in result:
        result["description"] = " ".join(result["description"].partition("\n\n")[0].split())
    for key in ("properties", "$defs"):
        if key in result:
            result[key] = {name: _plain(part) for name, part in result[key].items()}
    return result
