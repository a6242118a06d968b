"""The patient page: one printed A4 sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.explain import sentences
from pipeline.explain.confidence import Confidence, confidence_of
from pipeline.explain.drug_caveats import DrugMark, drug_marks
from pipeline.explain.estimate_age import estimate_age, moment_text, span_text
from pipeline.explain.estimate_inputs import EstimateInputs, missing_sentences
from pipeline.explain.estimates import Estimate, asked
from pipeline.explain.infusion_clock import since_infusion, timestamp_text
from pipeline.explain.model_summary import ModelSummary, Validation, graded_scales
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import (
    age_text,
    outcome_short,
    pathway_name,
    phrase,
    risk_text,
    sentence,
    whole,
)
from pipeline.explain.reference_range import with_own_range
from pipeline.format import decimal, integer, is_missing, joined
from pipeline.model.status import EVENT_PRESENT
from pipeline.pages import patient_charts, trend_charts
from pipeline.pages.html import render
from pipeline.pages.outcome_card import card, present_text
from pipeline.predict.patient_results import Patient

TEMPLATES = Path(__file__).parent / "templates"
MOST_TRENDS = 11
MOST_ROWS = 7
# characters in print: above _ROOM shortened, then above _FULL packed; below _HALF_ROOM large
_ROOM, _FULL, _HALF_ROOM = 1550, 2320, 1000
_ROW = 150  # characters that need as much space as one row of the pathway chart
_START, _TREND_ROW = 600, 550  # the same, for the text column at the chart and a row of trends
_SHORT_LABS, _SHORT_TRENDS = 3, 8  # printed on a shortened page
_EARLIEST, _LONGEST = -48.0, 14 * 24.0


def patient_page(patient: Patient, summary: ModelSummary, *, made: datetime, back: str = "") -> str:
    """Render the page of one patient.

    Parameters
    ----------
    made : datetime
        Time of writing; decides whether the estimate has expired.
    back : str
        Relative address of the ward list; blank for no link.
    """
    record, inputs = patient.record, patient.inputs
    shown = asked(list(patient.estimates), summary.outcomes)
    estimated = [item for item in shown if item.headline is not None]
    risks = [item.headline for item in estimated if item.headline is not None]
    reach = patient_charts.axis_maximum(risks)
    drugs = drug_marks(record.doses)
    context: dict[str, Any] = {
        "cards": [
            card(item, record, summary, reach, _note(item, patient, summary)) for item in shown
        ],
        "reliance": _reliance(patient, estimated, summary, made),
        "why": _why(estimated, summary),
        "contrast": sentences.contrast_sentence(estimated),
        "labs": sentences.lab_sentences(record, estimated, summary),
        "against": sentences.opposing_sentences(record, estimated, summary),
        "missing": _missing(patient, summary),
        "trends": _trends(record, estimated, summary, drugs),
        "linear": _linear_axes(record, summary),
        "others": _other_labs(record, estimated, summary),
        "drugs": [_drug_text(drug, record) for drug in drugs],
        "unseen": sentence("unseen"),
        "footer": footer_lines(shown, summary),
    }
    return render(
        TEMPLATES,
        "patient.html.j2",
        title=_title(record),
        subtitle=_subtitle(record, inputs, summary, made),
        synthetic=summary.synthetic,
        back=back,
        association=phrase("pathways", "association"),
        density=_density(context),
        **context,
    )


def _density(context: Mapping[str, Any]) -> str:
    """CSS class of the page: ``dense`` and ``packed`` print shortened, ``roomy`` large."""
    characters, drawn = _printed_length(context), len(context["trends"])
    if characters > _ROOM or (drawn > _SHORT_TRENDS and characters > _HALF_ROOM):
        return "dense packed" if _shortened_length(context, drawn) > _FULL else "dense"
    return "roomy" if characters < _HALF_ROOM and drawn <= _SHORT_TRENDS else ""


def _shortened_length(context: Mapping[str, Any], drawn: int) -> int:
    """Length of a shortened page in characters; charts count by the space they need."""
    confidence = context["reliance"]
    first = [pair[0] for pair in context["against"]]
    column = max(sum(map(len, context["missing"])), sum(map(len, first)))
    labs = sum(len(f"{lab.text} {lab.effect}") for lab in context["labs"][:_SHORT_LABS])
    rows: int = sum(block["rows"] for block in context["why"])
    saved = _TREND_ROW if drawn <= _SHORT_TRENDS / 2 else 0
    texts = [*(confidence.reasons if confidence else ()), *context["drugs"], context["contrast"]]
    total: int = sum(map(len, texts))
    through = max((len(card.through) for card in context["cards"]), default=0)
    total += 2 * (column + through) + max(_ROW * rows, 2 * labs - _START) - saved
    return total


def _printed_length(context: Mapping[str, Any]) -> int:
    """Characters of the parts whose length depends on the patient."""
    confidence, drugs = context["reliance"], context["drugs"]
    against = [sentence for pair in context["against"] for sentence in pair]
    parts = [*against, *context["missing"], *drugs, context["contrast"]]
    parts += confidence.reasons if confidence else ()
    parts += [one.through + one.between for one in context["cards"]]
    parts += [f"{lab.text} {lab.effect}" for lab in context["labs"]]
    return sum(len(part) for part in parts)


def footer_lines(shown: Sequence[Estimate], summary: ModelSummary) -> list[str]:
    """Footer on model, training data, validation and limitations."""
    version = f"version {summary.version}" if summary.version.isdigit() else ""
    events = [
        phrase("footer", "events", count=integer(count), short=outcome_short(name))
        for name, count in summary.event_patients.items()
    ]
    lines = [
        phrase(
            "footer", "model", name=summary.name, version=version, sha=summary.bundle_sha[:12]
        ).replace(" ,", ","),
        phrase(
            "footer",
            "trained",
            patients=integer(summary.n_patients),
            cohort=summary.cohort,
            events=joined(events) or "events not counted",
        ),
    ]
    names = dict.fromkeys([item.outcome for item in shown])
    figures = [_figure(name, summary.validation.get(name)) for name in names]
    if summary.validation_kind and figures:
        lines.append(
            phrase(
                "footer",
                "internal",
                kind=summary.validation_kind,
                horizon=f"{summary.horizon:g}",
                figures="; ".join(figures),
            )
        )
    else:
        lines.append(phrase("footer", "internal_none"))
    return [*lines, phrase("footer", "external"), phrase("footer", "threshold")]


def _figure(name: str, validation: Validation | None) -> str:
    short = outcome_short(name)
    cell = None if validation is None else validation.shown
    if cell is None or not cell.area.is_complete or is_missing(cell.cal_slope):
        return phrase("footer", "figure_none", short=short)
    auroc, low, high, slope = (decimal(value) for value in (*cell.area, cell.cal_slope))
    return phrase("footer", "figure", short=short, auroc=auroc, lo=low, hi=high, slope=slope)


def _title(record: PatientRecord) -> str:
    parts = [record.patient_id, record.product or "product not stated"]
    if not is_missing(record.hours):
        parts.append(since_infusion(record.hours))
    return " · ".join(parts)


def _subtitle(
    record: PatientRecord, inputs: EstimateInputs | None, summary: ModelSummary, made: datetime
) -> str:
    parts = []
    if inputs is not None and len(record.labs):
        parts.append(_labs_text(record, inputs, summary, made))
    if inputs is not None and (grades := grade_text(record, summary)):
        parts.append(phrase("header", "grades", grades=", ".join(grades)))
    parts.append(phrase("header", "made", when=timestamp_text(made, record.clock)))
    parts.append(record.clock.zone_words())
    return " ".join(part for part in parts if part)


def _labs_text(
    record: PatientRecord, inputs: EstimateInputs, summary: ModelSummary, made: datetime
) -> str:
    """Time of the estimate, and age of the newest sample when the page is made.

    Only samples of analytes that the model uses count.
    """
    if is_missing(inputs.newest):
        return phrase("header", "labs_unread")
    late = estimate_age(record, made, summary.horizon)
    newest = moment_text(record.clock, record.hours - inputs.newest, made)
    if late is None:
        when, age = record.clock.words(record.hours), age_text(inputs.newest)
        return phrase("header", "labs", newest=newest, age=age, when=when)
    return phrase(
        "header",
        "labs_past" if late.past else "labs_clock",
        newest=newest,
        when=late.when,
        before=span_text(late.hours),
        age=span_text(inputs.newest if late.past else inputs.newest + late.hours),
    )


def grade_text(record: PatientRecord, summary: ModelSummary) -> list[str]:
    """Current grade on each scale, and when it was charted."""
    lines = []
    for scale in graded_scales(summary):
        grade, name = record.current_grade(scale, summary.grade_valid_hours), scale.upper()
        if grade is None:
            hours = f"{summary.grade_valid_hours:g}"
            lines.append(phrase("header", "grade_unknown", scale=name, hours=hours))
            continue
        at = record.grades.loc[record.grades["scale"] == scale, "assessed_hours"].iloc[-1]
        when = record.clock.words(float(at))
        lines.append(phrase("header", "grade", scale=name, grade=grade, when=when))
    return lines


def _note(item: Estimate, patient: Patient, summary: ModelSummary) -> str:
    """Why an outcome replaces one that is already present; else blank."""
    first = summary.outcomes[item.outcome].shown_after
    before = next((other for other in patient.estimates if other.outcome == first), None)
    if before is None or before.status != EVENT_PRESENT:
        return ""
    when = present_text(before, patient.record)
    return phrase("no_estimate", "instead", when=when) if when else ""


def _reliance(
    patient: Patient, estimated: Sequence[Estimate], summary: ModelSummary, made: datetime
) -> Confidence | None:
    if patient.inputs is None or not estimated:
        return None
    late = estimate_age(patient.record, made, summary.horizon)
    return confidence_of(
        patient.record, patient.inputs, estimated, summary, patient.refused, late, patient.later
    )


def _why(estimated: Sequence[Estimate], summary: ModelSummary) -> list[dict[str, Any]]:
    """A mirror chart for each pair of estimates, with its starting point and caption."""
    blocks = []
    for start in range(0, len(estimated), 2):
        pair = estimated[start : start + 2]
        keys = list(dict.fromkeys(key for item in pair for key in item.pathways))
        points = {key: [item.pathways.get(key, 0.0) for item in pair] for key in keys}
        big = [key for key in keys if any(whole(abs(value)) > 0 for value in points[key])]
        big = sorted(big, key=lambda key: -max(abs(value) for value in points[key]))[:MOST_ROWS]
        small = [key for key in keys if key not in big]
        names = [pathway_name(key) for key in big]
        rows = [points[key] for key in big]
        if big and small:
            key = "other" if len(small) == 1 else "others"
            names.append(phrase("pathways", key, count=len(small)))
            rows.append([sum(points[key][side] for key in small) for side in range(len(pair))])
        drawing: Markup | None = None
        if big:
            sides = [(item.short, [row[side] for row in rows]) for side, item in enumerate(pair)]
            title = f"Points by pathway: {joined([item.short for item in pair])}"
            drawing = patient_charts.mirror_chart(names, sides, title=title)
        steps = [
            phrase(
                "pathways",
                _step(item),
                short=item.short,
                reference=risk_text(item.reference_risk),
                risk=risk_text(item.headline.risk),
            )
            for item in pair
            if item.headline is not None and not is_missing(item.reference_risk)
        ]
        caption = phrase("pathways", "caption", horizon=f"{summary.horizon:g}")
        drawn = ""
        if "measurement" in big:
            name = pathway_name("measurement")
            drawn = phrase("pathways", "drawn", name=name)
        none = phrase("pathways", "none")
        start_text = phrase("pathways", "start", steps="; ".join(steps)) if steps else ""
        blocks.append(
            {
                "drawing": drawing,
                "start": start_text,
                "caption": caption if big else none,
                "drawn": drawn,
                "rows": len(names),
            }
        )
    return blocks


def _step(item: Estimate) -> str:
    """Key of the sentence from reference risk to risk; they may print the same."""
    same = item.headline and risk_text(item.headline.risk) == risk_text(item.reference_risk)
    return "step_same" if same else "step"


def _missing(patient: Patient, summary: ModelSummary) -> list[str]:
    if patient.inputs is None:
        return []
    return missing_sentences(patient.record, patient.inputs, summary, patient.refused)


def _trend_order(
    record: PatientRecord, estimated: Sequence[Estimate], summary: ModelSummary
) -> list[str]:
    """Measured analytes: core markers first, then by largest contribution."""
    measured = set(record.labs["analyte"])

    def strength(key: str) -> float:
        return max((abs(item.players.get(key, 0.0)) for item in estimated), default=0.0)

    keys = [key for key in summary.analytes if key in measured]
    return sorted(keys, key=lambda key: (not summary.analytes[key].core, -strength(key)))


def _linear_axes(record: PatientRecord, summary: ModelSummary) -> list[str]:
    """Short names of measured analytes drawn on a linear axis with zero."""
    measured = set(record.labs["analyte"])
    return [
        analyte.short
        for key, analyte in summary.analytes.items()
        if analyte.by_difference and key in measured
    ]


def _trends(
    record: PatientRecord,
    estimated: Sequence[Estimate],
    summary: ModelSummary,
    drugs: Sequence[DrugMark],
) -> list[trend_charts.Trend]:
    if record.labs.empty:
        return []
    earliest = max(_EARLIEST, record.hours - _LONGEST)
    collected = record.labs["collected_hours"]
    inside = collected[collected >= earliest]
    x = trend_charts.time_axis(float(inside.min()) if len(inside) else earliest, record.hours)
    drawn = [
        trend_charts.lab_trend(
            record.series(key),
            with_own_range(summary.analytes[key], record),
            x,
            drugs,
            record.clock,
        )
        for key in _trend_order(record, estimated, summary)
        if (record.series(key)["collected_hours"] >= x.low).any()
    ][:MOST_TRENDS]
    scales = list(dict.fromkeys(outcome.scale for outcome in summary.outcomes.values()))
    graded = [name for name in scales if (record.grades["scale"] == name).any()][:2]
    shown = record.grades.loc[record.grades["assessed_hours"] >= x.low]
    if graded and (shown.groupby("scale")["grade"].nunique() > 1).any():
        drawn.append(trend_charts.grade_trend(record.grades, graded, x, drugs, record.clock))
    return drawn


def _other_labs(
    record: PatientRecord, estimated: Sequence[Estimate], summary: ModelSummary
) -> list[str]:
    """Newest results of the analytes beyond the most that are drawn as trends."""
    rest = _trend_order(record, estimated, summary)[MOST_TRENDS:]
    return [sentences.lab_text(record, summary.analytes[key]) for key in rest]


def _drug_text(drug: DrugMark, record: PatientRecord) -> str:
    first = record.clock.words(drug.hours[0])
    doses = "" if len(drug.hours) == 1 else f", {len(drug.hours)} doses"
    return f"{drug.letter} = {drug.name.lower()} from {first}{doses}"
