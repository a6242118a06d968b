"""Figures at equal grade and on the first days next to the headline figure."""

from __future__ import annotations

from pipeline.model.evaluated_outcome import OutcomeReport
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.evaluation_page import render_evaluation
from pipeline.pages.hard_cases import hard_cases
from tests.pages.evaluations import evaluation, metrics, read

CELL = {"auroc": 0.71, "auroc_lo": 0.6, "auroc_hi": 0.8}
CUT = {"patients": 97, "of": 106, "by_chance": 0.26, "is_excessive": True}


def content(**changes):
    days = {str(day): CELL for day in (10, 1, 2, 3)}
    strata = {"model": CELL, "grade_and_day": {"auroc": None}}
    whole = {
        "model": {"72": metrics()},
        "within_grade": {"72": strata},
        "by_day_and_horizon": {"72": days},
        "record_ends": CUT,
    }
    return whole | changes


def cases(**changes):
    return hard_cases(OutcomeReport.model_validate(content(**changes)))


def page(whole):
    return render_evaluation(EvaluationReport.model_validate(whole), title="Hard")


def test_equal_grades_the_first_three_days_and_cut_records_are_named():
    grade, days, cut = cases()
    assert "0.71 [0.60, 0.80]" in grade
    assert "too few events" in grade
    assert all(f"day {day} 0.71" in days for day in (1, 2, 3))
    assert "day 10" not in days
    assert "97 of 106" in cut
    assert "CHK107" in cut


def test_parts_without_figures_and_usual_records_are_left_out():
    assert cases(within_grade={"reason": "no grades"}, by_day_and_horizon={}, record_ends={}) == []
    assert len(cases(record_ends=CUT | {"is_excessive": False})) == 2


def test_they_stand_before_everything_but_the_headline():
    whole = evaluation(metrics())
    whole["outcomes"]["severe_crs"] |= content()
    text = " ".join(read(page(whole)).text)
    places = [text.index(part) for part in ("Headline horizon", "equal grade: AUROC", "97 of 106")]
    assert places == sorted(places)
    assert places[-1] < text.index("Verdicts use")
    assert "97 of 106" not in page(whole | {"kind": "apparent"})
