"""What a reviewer asks of the page: how it was scored, out of how many, and with which interval."""

import re

import pytest

from pipeline.model.evaluation_cells import NetBenefit
from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages import method_sentences
from pipeline.pages.evaluation_charts import decision_chart
from pipeline.pages.evaluation_page import render_evaluation as page_of
from tests.pages.evaluations import (
    curves,
    evaluation,
    labs_answer,
    metrics,
    read,
    render_evaluation,
    with_curves,
)


def test_the_page_says_how_it_was_scored_and_what_is_missing():
    whole = evaluation(metrics(n=978, n_patients=140, n_events=92, n_event_patients=31))
    outcome = whole["outcomes"]["severe_crs"]
    outcome["grade_unknown"] = {"n": 12, "of": 983}
    outcome["lost_to_follow_up"] = {"72": 0.04}
    outcome["probability_intervals"] = {"model": {"72": {"brier_lo": 0.21, "brier_hi": 0.29}}}
    text = " ".join(" ".join(read(render_evaluation(whole, curves(), title="Any")).text).split())
    for part in (
        "5 folds of patients, stratified by outcome, in 2 rounds",
        "500 draws of patients with replacement",
        "with fixed predictions and exclude refitting",
        "(at most 4% of landmarks)",
        "unknown at 12 of 983 (Severe CRS (ASTCT grade 3 or more)) landmarks",
        "4 differences in AUROC in the tables by horizon have an interval",
        "figures of these two are not free of that choice",
        "978 (92)",
        "140 (31)",
        "0.25 9% 0.250 [0.210, 0.290]",
    ):
        assert part in text, part
    external = render_evaluation(evaluation({}, kind="external"), {}, title="Any")
    assert "the model of the bundle, unchanged" in external


def test_only_scales_with_patients_never_graded_are_listed():
    def missing(**counts):
        entry = {"of": 30, "with_zero": 20, "unit": "patients", "read_as": "unknown",
                 "setting": "as_charted"}  # fmt: skip
        scales = {name: entry | {"scale": name, "n": n} for name, n in counts.items()}
        report = EvaluationReport.model_validate({"never_graded": scales})
        return dict(method_sentences.protocol_text(report))["Missing data"]

    some = missing(crs=0, icans=4)
    assert "4 of 30" in some
    assert "CRS" not in some
    assert "Never graded" not in missing(crs=0, icans=0)
    assert missing(crs=0, icans=0) != missing()


@pytest.mark.parametrize(("rate", "marked"), [(0.09, True), (0.6, False)])
def test_the_decision_curve_marks_the_share_with_the_event(rate, marked):
    lowest, highest = 0.05, 0.3
    curve = {"thresholds": [lowest, highest], "treat_none": [0.0, 0.0]}
    curve |= {name: [rate - (1 - rate) * t / (1 - t) for t in (lowest, highest)]
              for name in ("model", "treat_all")}  # fmt: skip
    drawn = str(decision_chart(NetBenefit(**curve), {}, title="Any"))
    upright = re.findall(r'<line x1="([\d.]+)"[^>]*x2="\1"[^>]*dasharray="4 3"', drawn)
    assert bool(upright) is marked
    if marked:
        across = 51 + (rate - lowest) / (highest - lowest) * (236 - 51)
        assert float(upright[0]) == pytest.approx(across, abs=0.1)


def test_a_score_that_ranks_nobody_is_no_comparison_and_analytes_are_counted():
    whole = evaluation(metrics(diff_auroc=0.2, diff_lo=0.1, diff_hi=0.3))
    table = whole["outcomes"]["severe_crs"]["comparators"]
    flat = dict.fromkeys(("auroc", "auroc_lo", "auroc_hi"), 0.5)
    table["current_grade"] = {h: metrics(**flat, diff_lo=0.1, diff_hi=0.3) for h in ("24", "72")}
    fall = {"label": "Any", "importance": {"72": {"fall": 0.1, "fall_lo": 0.0, "fall_hi": 0.2}}}
    whole["analyte_use"] = {"severe_crs": dict.fromkeys(("crp", "il6", "ldh"), fall)}
    page = render_evaluation(whole, curves(), title="Any")
    text = " ".join(" ".join(read(page).text).split())
    counted = "4 differences in AUROC in the tables by horizon and 3 falls when an analyte is"
    assert counted in text
    tables = page.count('<th scope="row">Current grade')
    assert tables == 2
    # in two tables and their CSV, not in the chart of differences
    assert page.count("Current grade") == 2 * tables


def test_none_and_all_are_counted_exactly_and_a_risk_is_not():
    whole = evaluation(metrics(n=983, n_events=0))
    day = {"n": 9, "n_events": 0, "base_rate": 0.0, "mean_risk": 0.0}
    whole["outcomes"]["severe_crs"]["by_day"] = {"1": day}
    entry = {"label": "CRP", "rows": 983, "row_share": 1.0, "used": True}
    whole["analyte_use"] = {"severe_crs": {"crp": entry}}
    text = " ".join(" ".join(read(render_evaluation(whole, {}, title="Any")).text).split())
    assert "983 (100%)" in text
    assert "0.25 0% 0.250" in text  # share with event
    assert "1 9 0 0% <1%" in text


def test_a_page_drawn_again_from_its_file_is_the_same():
    report = EvaluationReport.model_validate(with_curves(evaluation(metrics()), curves()))
    again = EvaluationReport.from_json(report.to_json())
    assert page_of(again, title="Any") == page_of(report, title="Any")


def test_one_is_written_in_the_singular():
    whole = evaluation(metrics(), cohort={"name": "demo", "n_patients": 1, "n_landmarks": 1})
    control = metrics() | {"n_permutations": 1}
    whole["outcomes"]["severe_crs"]["negative_control"] = dict.fromkeys(("24", "72"), control)
    text = " ".join(" ".join(read(render_evaluation(whole, {}, title="Any")).text).split())
    assert "At 1 landmark (a patient at an hour) of a cohort of 1 patient, " in text
    assert "(refitted, 1 permutation)" in text
    bar = {"72": {"diff_auroc": 0.2, "diff_lo": 0.1, "diff_hi": 0.3, "n_event_patients": 1}}
    said = labs_answer({"comparators": {"grade_and_day": bar}}, "72", 20)
    assert "1 event patient is too few to show" in said


def test_the_range_of_thresholds_is_not_said_to_precede_the_data():
    curve = {"thresholds": [0.05, 0.1], "model": [0.01, 0.0]}
    whole = evaluation(metrics())
    whole["outcomes"]["severe_crs"]["net_benefit"] = {"72": curve}
    page = render_evaluation(whole, {}, title="Any")
    assert "The configuration sets the range of thresholds" in page
    assert "not chosen on these data" not in page
