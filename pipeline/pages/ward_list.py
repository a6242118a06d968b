"""The ward list: every patient of a batch on one line, highest risk first."""

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
    """One estimate on the list: the risk or a status, and the words below it."""

    big: str
    small: tuple[str, ...] = ()
    line: Markup | None = None


@dataclass(frozen=True)
class WardRow:
    """One patient on the list."""

    patient_id: str
    address: str
    day: str
    when: str
    grades: str
    cells: tuple[WardCell, ...]
    labs: str
    status: str


def ward_page(
    patients: Sequence[tuple[Patient, str]], facts: ModelSummary, *, made: datetime
) -> str:
    """Render the ward list.

    Parameters
    ----------
    patients : sequence of (Patient, str)
        Each with the relative address of its page.
    """
    columns = [name for name, outcome in facts.outcomes.items() if outcome.shown_after is None]
    order = sorted(patients, key=lambda item: (-highest_risk(item[0]), item[0].record.patient_id))
    reach = patient_charts.axis_maximum(
        [item.headline for patient, _ in patients for item in patient.estimates if item.headline]
    )
    late = {
        patient.record.patient_id: estimate_age(patient.record, made, facts.horizon)
        for patient, _ in patients
    }
    past = _all_past([late[item.record.patient_id] for item, _ in order if highest_risk(item) >= 0])
    groups: dict[str, list[WardRow]] = {"with": [], "without": []}
    for patient, address in order:
        group = "with" if highest_risk(patient) >= 0 else "without"
        groups[group].append(
            _line(patient, address, columns, reach, facts, late[patient.record.patient_id], past)
        )
    return render(
        TEMPLATES,
        "ward.html.j2",
        title=phrase("ward", "title"),
        synthetic=facts.synthetic,
        made=phrase("header", "made", when=timestamp_text(made)),
        past=_past_text(len(groups["with"]), facts) if past else "",
        lead=_lead([patient for patient, _ in patients]),
        order=_order(columns, facts),
        columns=[facts.outcomes[name].label for name in columns],
        groups=groups,
        footer=footer_lines([], facts)[:2],
    )


def _order(columns: Sequence[str], facts: ModelSummary) -> str:
    """How the list is ordered, and what its risks are."""
    said = [phrase("ward", "order_several" if len(columns) > 1 else "order_one")]
    asked = {(facts.outcomes[name].scale, facts.outcomes[name].threshold) for name in columns}
    if {("crs", 3), ("icans", 1)} <= asked:
        said.append(phrase("ward", "order_icans"))
    level = level_text(facts.level)
    return " ".join(
        [*said, phrase("ward", "order_each", horizon=f"{facts.horizon:g}", level=level)]
    )


def highest_risk(patient: Patient) -> float:
    """Highest headline risk of a patient; -1 where there is no estimate."""
    risks = [item.headline.risk for item in patient.estimates if item.headline is not None]
    return max(risks, default=-1.0)


def _all_past(found: Sequence[EstimateAge | None]) -> bool:
    """Whether every estimate of the list is known to lie a whole horizon back."""
    return bool(found) and all(late is not None and late.past for late in found)


def _past_text(count: int, facts: ModelSummary) -> str:
    key = "all_past_one" if count == 1 else "all_past"
    return phrase("ward", key, horizon=f"{facts.horizon:g}")


def _lead(patients: Sequence[Patient]) -> str:
    if not patients:
        return phrase("ward", "empty")
    statuses = [{item.status for item in patient.estimates} for patient in patients]
    count = len(patients)
    return phrase(
        "ward",
        "lead",
        patients=phrase("ward", "patient" if count == 1 else "patients", count=count),
        estimated=sum(OK in found for found in statuses),
        present=sum(EVENT_PRESENT in found for found in statuses),
        missing=sum(not found & {OK, EVENT_PRESENT} for found in statuses),
    )


def _line(
    patient: Patient,
    address: str,
    columns: Sequence[str],
    reach: float,
    facts: ModelSummary,
    late: EstimateAge | None,
    past: bool,
) -> WardRow:
    """One line; that its estimate is past is left out where the head of the list says so of all."""
    record, inputs = patient.record, patient.inputs
    labs = ""
    if inputs is not None and not is_missing(inputs.newest):
        labs = _labs(inputs.newest, late, past)
    return WardRow(
        record.patient_id,
        address,
        _moment(record),
        late.when if late else "",
        "" if inputs is None else _grades(record, facts),
        tuple(_cell(name, patient, reach, facts) for name in columns),
        labs,
        _status(patient, facts, None if past else late),
    )


def _labs(newest: float, late: EstimateAge | None, past: bool) -> str:
    """Age of the newest sample when the list was made; against the estimate where all are past."""
    age = newest if past or late is None else newest + late.hours
    old = age > section("reliance")["limits"]["old_hours"]
    key = ("stale_before" if old else "before") if past else ("stale" if old else "fresh")
    return phrase("ward", key, age=span_text(age))


def _moment(record: PatientRecord) -> str:
    if is_missing(record.hours):
        return ""
    return since_infusion(record.hours) if record.hours < 0 else day_and_hour(record.hours)


def _grades(record: PatientRecord, facts: ModelSummary) -> str:
    """The current grade on each scale in few words."""
    grades = {
        scale.upper(): record.current_grade(scale, facts.grade_valid_hours)
        for scale in graded_scales(facts)
    }
    said = [f"{name}\u00a0{grade}" for name, grade in grades.items() if grade is not None]
    unknown = [name for name, grade in grades.items() if grade is None]
    if unknown:
        said.append(phrase("ward", "grade_unknown", scales=" or ".join(unknown)))
    return ", ".join(said)


def _cell(outcome: str, patient: Patient, reach: float, facts: ModelSummary) -> WardCell:
    item = next((item for item in patient.estimates if item.outcome == outcome), None)
    if item is None:
        return WardCell("")
    if item.status == EVENT_PRESENT:
        when = present_text(item, patient.record, brief=True)
        after = next(
            (
                other
                for other in asked(list(patient.estimates), facts.outcomes)
                if facts.outcomes[other.outcome].shown_after == outcome and other.headline
            ),
            None,
        )
        if after is not None:
            key = "after" if when else "after_unknown"
            said = phrase("ward", key, short=after.short, first=item.short, when=when)
            return _risk_cell(after, patient, reach, (said,), named=True)
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
    """Risk of one outcome; named where it is not the one that the column is headed by."""
    risk = item.headline
    if risk is None:
        return WardCell("")
    usual = f", usual {risk_text(risk.usual.rate)}" if risk.usual else ""
    change = change_text(item, patient.record.hours, "ward")
    small = (f"{interval_text(risk.low, risk.high)}{usual}", change)
    said = tuple(line for line in (*first, *small) if line)
    number = risk_text(risk.risk)
    return WardCell(
        f"{item.short} {number}" if named else number, said, patient_charts.mini_line(risk, reach)
    )


def _status(patient: Patient, facts: ModelSummary, late: EstimateAge | None) -> str:
    reasons = [item for item in patient.estimates if item.status not in (OK, EVENT_PRESENT)]
    estimated = [item for item in patient.estimates if item.headline is not None]
    if reasons or patient.inputs is None or not estimated:
        said = [reasons[0].reason.replace("_", " ")] if reasons else []
        refused = refused_reasons(facts, patient.refused) if patient.inputs is not None else []
        return "; ".join([*said, *(reason.flag for reason in refused)])
    found = confidence_of(
        patient.record, patient.inputs, estimated, facts, patient.refused, late, patient.later
    )
    return f"{found.shape} {'; '.join(found.flags) or found.words}"
