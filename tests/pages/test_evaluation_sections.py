"""Sections of an outcome: charts first, tables folded, empty parts left out."""

from dataclasses import replace

import pytest

from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.evaluation_sections import outcome_sections, overview_figures
from tests.pages.evaluations import curves, metrics, whole_evaluation, with_curves


@pytest.fixture(scope="module")
def report():
    content = with_curves(whole_evaluation(metrics(diff_lo=-0.1, diff_hi=0.3)), curves())
    content["axis_use"] = {
        "severe_crs": {"other": {"72": {"fall": 0.1, "fall_lo": 0, "fall_hi": 0.2}}}
    }
    return EvaluationReport.model_validate(content)


def sections(report, **changes):
    outcome = report.outcomes["severe_crs"]
    return outcome_sections("severe_crs", outcome.replace(**changes), report, ["One line."])


def test_every_section_has_an_address_a_sentence_and_content(report):
    made = sections(report)
    keys = [part.key for part in made]
    assert len(keys) == len(set(keys)) == 9
    assert all(key.startswith("severe_crs-") for key in keys)
    assert all(part.sentence.strip() and part.is_filled for part in made)
    assert made[-1].lines == ["One line."]


def test_a_horizon_is_a_part_with_its_charts_and_one_table(report):
    performance = sections(report)[0]
    assert [part.key for part in performance.parts] == ["severe_crs-24h", "severe_crs-72h"]
    first = performance.parts[0]
    assert [figure.caption for figure in first.figures][:3] == [
        "ROC curves",
        "Calibration",
        "Risks given",
    ]
    assert len(first.grids) == 1


def test_the_table_by_day_is_at_the_horizon_of_the_protocol(report):
    def days(**protocol):
        content = report.replace(protocol=report.protocol.replace(**protocol))
        return next(part for part in sections(content) if part.key.endswith("-days"))

    assert "168 h" in days(by_day_horizon_h=168).sentence
    assert "168 h" in days(by_day_horizon_h=168).grids[0].caption
    assert "72 h" in days().sentence


def test_the_model_is_the_first_curve_whatever_the_order_of_the_file(report):
    one = report.outcomes["severe_crs"].curves["72"]
    line = one.roc["model"]
    roc = dict.fromkeys(sorted([*(f"a{n}" for n in range(9)), "grade_and_day", "model"]), line)
    curves = {"72": replace(one, roc=roc)}
    made = sections(report, curves=curves)[0].parts[-1].figures[0].drawing
    drawn = str(made)[str(made).index("</desc>") :]
    assert drawn.index(">Model<") < drawn.index(">Grade and day<") < drawn.index(">A0<")


def test_competing_events_subgroups_and_importance_start_with_charts(report):
    by_key = {part.key.removeprefix("severe_crs-"): part for part in sections(report)}
    for name in ("competing", "groups", "importance"):
        assert by_key[name].figures, name
        assert by_key[name].grids, name
    captions = [figure.caption for figure in by_key["importance"].figures]
    assert captions == ["Pathways", "Analytes"]


def test_empty_sections_are_left_out(report):
    keys = {part.key for part in sections(report, alerts={}, net_benefit={}, subgroups={},
                                          calibration_by_site={})}  # fmt: skip
    assert not keys & {"severe_crs-decisions", "severe_crs-groups"}


def test_the_overview_has_the_four_charts_at_the_headline_horizon(report):
    outcome = report.outcomes["severe_crs"]
    cell = outcome.net_benefit["24"]
    figures = overview_figures("CRS", outcome.replace(net_benefit={"72": cell}))
    assert [figure.caption for figure in figures] == [
        "ROC",
        "Calibration",
        "Decision curve",
        "Model minus comparator",
    ]
    assert all("next 72 h" in figure.drawing for figure in figures)
