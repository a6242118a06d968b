"""Warnings stand on the card of their outcome; long texts of older files are written anew."""

from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.evaluation_warnings import page_warnings, sample_size_grid

SIZE = {
    "n_patients": 299,
    "n_event_patients": 35,
    "expected_auroc": 0.75,
    "effective_parameters": {"grade_and_day": 10.7, "labs": 63.3},
    "effective_parameters_mean": 31.7,
    "supported_parameters": 3.0,
    "overall_risk_margin": 0.0364,
    "sentence": "icans: a long sentence with grade_and_day.",
}


def report(**size):
    lines = [SIZE["sentence"], "icans: 35 event patients.", "Audit error CHK104.", "Of all."]
    content = {"warnings": lines, "outcomes": {"icans": {}, "severe_crs": {}}}
    return EvaluationReport.model_validate(content | {"sample_size": {"icans": SIZE | size}})


def test_each_warning_has_one_place():
    placed = page_warnings(report())
    assert placed.errors == ["Audit error CHK104."]
    assert placed.general == ["Of all."]
    assert placed.by_outcome["severe_crs"] == []
    first, second = placed.by_outcome["icans"]
    assert first == "35 event patients."
    assert all(figure in second for figure in ("3.0", "10.7", "63.3", "31.7"))
    assert "grade_and_day" not in second


def test_members_alike_have_no_range():
    line = page_warnings(report(effective_parameters={"labs": 31.7})).by_outcome["icans"][1]
    assert line.count("31.7") == 1


def test_a_supported_model_has_no_warning_on_its_size():
    assert page_warnings(report(supported_parameters=40.0)).by_outcome["icans"] == [
        "35 event patients."
    ]


def test_the_table_has_the_figures_and_no_code_name():
    grid = sample_size_grid(report(), [("icans", "ICANS"), ("severe_crs", "Severe CRS")])
    (row,) = grid.rows
    assert len(row) == len(grid.head)
    assert row[:4] == ("ICANS", "299", "35", "3.0")
    assert row[-1] == "3.6"
    assert "_" not in " ".join(row)
    assert sample_size_grid(EvaluationReport(), []) is None
