"""Model and evaluated cohort are named apart, each with whether its patients are simulated."""

import pytest

from pipeline.model.evaluation_report import EvaluationReport
from pipeline.pages.evaluation_titles import page_title
from pipeline.simulate.export import is_simulated
from tests.pages.evaluations import evaluation, metrics, read, render_evaluation


def title_of(content):
    return page_title(EvaluationReport.model_validate(content))


def page_of(model_simulated, cohort_simulated):
    cohort = {"name": "ward", "synthetic": cohort_simulated, "trained_on": "demo"}
    content = evaluation(
        metrics(), kind="external", cohort=cohort | {"trained_on_synthetic": model_simulated}
    )
    page = render_evaluation(content, {}, title=title_of(content))
    return " ".join(" ".join(read(page).text).split())


def test_a_simulated_model_on_a_real_cohort_is_not_called_simulated_patients():
    text = page_of(model_simulated=True, cohort_simulated=False)
    assert "The model learned from simulated patients; those it was scored on are not" in text
    assert "Simulated patients: nothing on this page" not in text
    assert "Evaluation: model of demo (simulated patients) on ward cohort" in text
    assert "scored are the patients of “ward” (not marked as simulated)" in text


def test_a_real_model_on_a_simulated_cohort_has_a_banner():
    text = page_of(model_simulated=False, cohort_simulated=True)
    assert "SYNTHETIC DATA. The patients scored here are simulated" in text
    assert "Evaluation: model of demo on ward (simulated patients) cohort" in text


def test_both_or_neither_simulated():
    assert "SYNTHETIC DATA. Simulated patients: nothing" in page_of(True, True)
    assert "SYNTHETIC" not in page_of(False, False)


def test_the_title_of_an_apparent_evaluation_says_so():
    cohort = {"name": "ward", "trained_on": "ward"}
    assert title_of({"kind": "apparent", "cohort": cohort}).startswith("Apparent evaluation")
    assert "another cohort" not in title_of({"kind": "apparent", "cohort": cohort})


@pytest.mark.parametrize(
    ("name", "simulated", "title"),
    [
        ("synthetic", True, "Evaluation: synthetic cohort, 150 patients"),
        ("ward", True, "Evaluation: ward (simulated patients) cohort, 150 patients"),
        ("ward", False, "Evaluation: ward cohort, 150 patients"),
    ],
)
def test_the_title_has_cohort_and_size(name, simulated, title):
    cohort = {"name": name, "synthetic": simulated, "n_patients": 150}
    assert title_of({"kind": "cross-validated", "cohort": cohort}) == title


@pytest.mark.parametrize(
    ("text", "simulated"),
    [('{"synthetic": true}', True), ('{"synthetic": 1}', False), ("[]", False), ("no", False)],
)
def test_only_the_report_of_a_simulation_marks_a_folder(tmp_path, text, simulated):
    assert not is_simulated(tmp_path)
    (tmp_path / "report.json").write_text(text)
    assert is_simulated(tmp_path) is simulated
