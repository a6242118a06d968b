"""The ward list: one row per patient of a batch, highest risk first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from pipeline.explain.confidence import confidence_of, refused_reasons
from pipeline.explain.estimate_age import EstimateAge, estimate_age, span_text
from pipeline.explain.estimates import Estimate, asked
from pipeline.explain.infusion_clock import day_and_hour, since_infusion, timestamp_text
from pipeline.explain.model_summary import ModelSummary, graded_scales
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import interval_text, phrase, risk_text, section
from pipeline.format import is_missing
from pipeline.model.status import EVENT_PRESENT, OK, REJECTED
from pipeline.pages import patient_charts
from pipeline.pages.html import render
from pipeline.pages.outcome_card import change_text, level_text, present_text
from pipeline.pages.patient_page import TEMPLATES, footer_lines
from pipeline.predict.patient_results import Patient


@dataclass(frozen=True)
class WardCell:
    """One cell: the risk or a status, and the lines below it."""

    big: str
    small: tuple[str, ...] = ()
    line: Markup | None = None


@dataclass(frozen=True)
class WardRow:
    """One row of the list."""

    patient_id: str
    address: str
    day: str
    when: str
    grades: str
    cells: tuple[WardCell, ...]
    labs: str
    status: str


def ward_page(
    patients: Sequence[tuple[Patient, str]], summary: ModelSummary, *, made: datetime
) -> str:
    """Render the ward list.

    Parameters
    ----------
    patients : sequence of (Patient, str)
        Patients with the relative address of their page.
    """
    columns = [name for name, outcome in summary.outcomes.items() if outcome.shown_after is None]
    order = sorted(patients, key=lambda item: (-highest_risk(item[0]), item[0].record.patient_id))
    reach = patient_charts.axis_maximum(
        [item.headline for patient, _ in patients for item in patient.estimates if item.headline]
    )
    late = {
        patient.record.patient_id: estimate_age(patient.record, made, summary.horizon)
        for patient, _ in patients
    }
    past = _all_past([late[item.record.patient_id] for item, _ in order if highest_risk(item) >= 0])
    groups: dict[str, list[WardRow]] = {"with": [], "without": []}
    for patient, address in order:
        group = "with" if highest_risk(patient) >= 0 else "without"
        groups[group].append(
            _line(patient, address, columns, reach, summary, late[patient.record.patient_id], past)
        )
    return render(
        TEMPLATES,
        "ward.html.j2",
        title=phrase("ward", "title"),
        synthetic=summary.synthetic,
        made=phrase("header", "made", when=timestamp_text(made)),
        past=_past_text(len(groups["with"]), summary) if past else "",
        lead=_lead([patient for patient, _ in patients]),
        order=_order(columns, summary),
        columns=[summary.outcomes[name].label for name in columns],
        groups=groups,
        footer=footer_lines([], summary)[:2],
    )


def _order(columns: Sequence[str], summary: ModelSummary) -> str:
    """Describe the order of the list and its risks."""
    lines = [phrase("ward", "order_several" if len(columns) > 1 else "order_one")]
    asked = {(summary.outcomes[name].scale, summary.outcomes[name].threshold) for name in columns}
    if {("crs", 3), ("icans", 1)} <= asked:
        lines.append(phrase("ward", "order_icans"))
    level = level_text(summary.level)
    return " ".join(
        [*lines, phrase("ward", "order_each", horizon=f"{summary.horizon:g}", level=level)]
    )


def highest_risk(patient: Patient) -> float:
    """Highest headline risk of a patient; -1 without an estimate."""
    risks = [item.headline.risk for item in patient.estimates if item.headline is not None]
    return max(risks, default=-1.0)


def _all_past(ages: Sequence[EstimateAge | None]) -> bool:
    """Whether every estimate of the list is known to be older than its horizon."""
    return bool(ages) and all(late is not None and late.past for late in ages)


def _past_text(count: int, summary: ModelSummary) -> str:
    key = "all_past_one" if count == 1 else "all_past"
    return phrase("ward", key, horizon=f"{summary.horizon:g}")


def _lead(patients: Sequence[Patient]) -> str:
    if not patients:
        return phrase("ward", "empty")
    statuses = [{item.status for item in patient.estimates} for patient in patients]
    count = len(patients)
    return phrase(
        "ward",
        "lead",
        patients=phrase("ward", "patient" if count == 1 else "patients", count=count),
        estimated=sum(OK in each for each in statuses),
        present=sum(EVENT_PRESENT in each for each in statuses),
        missing=sum(not each & {OK, EVENT_PRESENT} for each in statuses),
    )


def _line(
    patient: Patient,
    address: str,
    columns: Sequence[str],
    reach: float,
    summary: ModelSummary,
    late: EstimateAge | None,
    past: bool,
) -> WardRow:
    """Row of one patient; ``past`` means that the heading already marks all as expired."""
    record, inputs = patient.record, patient.inputs
    labs = ""
    if inputs is not None and not is_missing(inputs.newest):
        labs = _labs(inputs.newest, late, past)
    return WardRow(
        record.patient_id,
        address,
        _moment(record),
        late.when if late else "",
        "" if inputs is None else _grades(record, summary),
        tuple(_cell(name, patient, reach, summary) for name in columns),
        labs,
        _status(patient, summary, None if past else late),
    )


def _labs(newest: float, late: EstimateAge | None, past: bool) -> str:
    """Age of the newest sample when the list is made, or at the estimate if all are past."""
    age = newest if past or late is None else newest + late.hours
    old = age > section("reliance")["limits"]["old_hours"]
    key = ("stale_before" if old else "before") if past else ("stale" if old else "fresh")
    return phrase("ward", key, age=span_text(age))


def _moment(record: PatientRecord) -> str:
    if is_missing(record.hours):
        return ""
    return since_infusion(record.hours) if record.hours < 0 else day_and_hour(record.hours)


def _grades(record: PatientRecord, summary: ModelSummary) -> str:
    """Current grade on each scale, abbreviated."""
    grades = {
        scale.upper(): record.current_grade(scale, summary.grade_valid_hours)
        for scale in graded_scales(summary)
    }
    lines = [f"{name}\u00a0{grade}" for name, grade in grades.items() if grade is not None]
    unknown = [name for name, grade in grades.items() if grade is None]
    if unknown:
        lines.append(phrase("ward", "grade_unknown", scales=" or ".join(unknown)))
    return ", ".join(lines)


def _cell(outcome: str, patient: Patient, reach: float, summary: ModelSummary) -> WardCell:
    item = next((item for item in patient.estimates if item.outcome == outcome), None)
    if item is None:
        return WardCell("")
    if item.status == EVENT_PRESENT:
        when = present_text(item, patient.record, brief=True)
        after = next(
            (
                other
                for other in asked(list(patient.estimates), summary.outcomes)
                if summary.outcomes[other.outcome].shown_after == outcome and other.headline
            ),
            None,
        )
        if after is not None:
            key = "after" if when else "after_unknown"
            line = phrase("ward", key, short=after.short, first=item.short, when=when)
            return _risk_cell(after, patient, reach, (line,), named=True)
        return WardCell("present", (phrase("ward", "present", when=when),) if when else ())
    if item.headline is None:
        return WardCell(phrase("ward", "rejected" if item.status == REJECTED else "abstained"))
    return _risk_cell(item, patient, reach, ())


def _risk_cell(
    item: Estimate,
    patient: Patient,
    reach: float,
    first: tuple[str, ...],
    *,
    named: bool = False,
) -> WardCell:
    """Cell with a risk; ``named`` adds the outcome if it differs from the column."""
    risk = item.headline
    if risk is None:
        return WardCell("")
    usual = f", usual {risk_text(risk.usual.rate)}" if risk.usual else ""
    change = change_text(item, patient.record.hours, "ward")
    small = (f"{interval_text(risk.low, risk.high)}{usual}", change)
    lines = tuple(line for line in (*first, *small) if line)
    number = risk_text(risk.risk)
    return WardCell(
        f"{item.short} {number}" if named else number, lines, patient_charts.mini_line(risk, reach)
    )


def _status(patient: Patient, summary: ModelSummary, late: EstimateAge | None) -> str:
    reasons = [item for item in patient.estimates if item.status not in (OK, EVENT_PRESENT)]
    estimated = [item for item in patient.estimates if item.headline is not None]
    if reasons or patient.inputs is None or not estimated:
        lines = [reasons[0].reason.replace("_", " ")] if reasons else []
        refused = refused_reasons(summary, patient.refused) if patient.inputs is not None else []
        return "; ".join([*lines, *(reason.flag for reason in refused)])
    confidence = confidence_of(
        patient.record, patient.inputs, estimated, summary, patient.refused, late, patient.later
    )
    return f"{confidence.shape} {'; '.join(confidence.flags) or confidence.words}"
