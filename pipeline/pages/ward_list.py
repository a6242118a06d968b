"""The ward list: one line per patient of a batch, in several orders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from pipeline.explain.estimate_age import estimate_age, hours_at
from pipeline.explain.infusion_clock import timestamp_text
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.phrases import counted_phrase, phrase, section
from pipeline.pages.html import render
from pipeline.pages.outcome_card import level_text
from pipeline.pages.patient_page import TEMPLATES, footer_lines
from pipeline.pages.risk_scale import TICKS, position, syndrome_hue
from pipeline.pages.svg import element
from pipeline.pages.ward_order import WardOrder, largest_rise, severe_outcomes, ward_orders
from pipeline.pages.ward_row import WardPatient, column_title
from pipeline.predict.patient_results import Patient

_LABELLED = (0.0, 0.05, 0.25, 1.0)  # ticks with room for a label in a narrow column


def ward_pages(
    patients: Sequence[tuple[Patient, str]],
    summary: ModelSummary,
    *,
    made: datetime,
    links: Sequence[tuple[str, str]] = (),
) -> dict[str, str]:
    """Render the ward list in every order.

    Parameters
    ----------
    patients : sequence of (Patient, str)
        Patients with the relative address of their page.
    summary : ModelSummary
        The model that scored the batch.
    made : datetime
        Printed as the time of writing.
    links : sequence of (str, str)
        Name and relative address of further files of the batch.

    Returns
    -------
    dict of str to str
        File name to page; ``index.html`` is sorted by the largest severe risk.
    """
    listed = [
        WardPatient(
            patient,
            address,
            summary,
            estimate_age(patient.record, made, summary.horizon),
            hours_at(patient.record, made),
        )
        for patient, address in patients
    ]
    labels = section("ward")
    outcomes, severe = list(summary.outcomes), severe_outcomes(summary)
    lines = {
        each.address: Markup(
            render(
                TEMPLATES,
                "ward_row.html.j2",
                labels=labels,
                line=each,
                cells=each.cells(outcomes),
                reason=each.reason(severe),
            )
        )
        for each in listed
    }
    orders = ward_orders(summary)
    shared = {
        "title": labels["title"],
        "labels": labels,
        "is_synthetic": summary.synthetic,
        "made": phrase("header", "made", when=timestamp_text(made)),
        "counts": _counts(listed, severe) if listed else [],
        "empty": "" if listed else phrase("ward", "empty"),
        "about": _about(listed, summary),
        "columns": [_column(name, summary) for name in outcomes],
        "links": links,
        "footer": footer_lines([], summary)[:2],
    }
    return {
        order.file: render(
            TEMPLATES,
            "ward.html.j2",
            order=order,
            orders=orders,
            groups=_groups(order, listed, lines),
            **shared,
        )
        for order in orders
    }


def _groups(
    order: WardOrder, patients: Sequence[WardPatient], lines: dict[str, Markup]
) -> list[tuple[str, list[Markup]]]:
    """Lines with an estimate, then under headings those without and unknown patients."""
    groups: dict[str, list[Markup]] = {"": [], "without": [], "unknown": []}
    for each in order.sort(patients):
        name = "unknown" if each.patient.unknown else "" if each.estimated else "without"
        groups[name].append(lines[each.address])
    return [(phrase("ward", name) if name else "", rows) for name, rows in groups.items() if rows]


def _counts(patients: Sequence[WardPatient], severe: Sequence[str]) -> list[tuple[int, str]]:
    """Numbers of patients on top of the list, with their names, without unknown patients."""
    patients = [each for each in patients if not each.patient.unknown]
    rise = section("ward")["rising_from_points"]
    counts = {
        "count_patients": len(patients),
        "count_rising": sum(largest_rise(each, severe) >= rise for each in patients),
        "count_treated": sum(each.treated_since for each in patients),
        "count_event": sum(each.present for each in patients),
        "count_missing": sum(not each.estimated for each in patients),
        "count_expired": sum(each.expired for each in patients),
    }
    return [
        (
            count,
            counted_phrase("ward", name, count)
            if name == "count_patients"
            else phrase("ward", name, points=rise),
        )
        for name, count in counts.items()
        if count or name != "count_expired"
    ]


def _about(patients: Sequence[WardPatient], summary: ModelSummary) -> str:
    """What a line shows; that every estimate has expired, if so."""
    horizon, level = f"{summary.horizon:g}", level_text(summary.level)
    text = phrase("ward", "about", horizon=horizon, level=level)
    estimated = [each for each in patients if each.estimated and each.late is not None]
    if estimated and all(each.expired for each in estimated):
        return " ".join([phrase("ward", "all_expired", horizon=horizon), text])
    return text


def _column(outcome: str, summary: ModelSummary) -> tuple[str, str, Markup]:
    """Title, hue and labelled scale at the head of a column."""
    config = summary.outcomes[outcome]
    labels = [
        element(
            "text",
            label.rstrip("%"),
            x=f"{position(at):g}%",
            y=10,
            text_anchor="end" if at == 1 else "start" if at == 0 else "middle",
        )
        for at, label in TICKS
        if at in _LABELLED
    ]
    svg = {"xmlns": "http://www.w3.org/2000/svg", "class_": "scale", "height": 13}
    hue = syndrome_hue(config.scale, config.threshold)
    return column_title(outcome), hue, element("svg", *labels, **svg, aria_hidden="true")
