"""A bundle on another cohort gets the whole set: control, importance, alert cut-offs."""

from dataclasses import replace

import pytest

from pipeline.evaluate.external_validation import evaluate_bundle
from pipeline.model.bundle import load_bundle, read_evaluation
from pipeline.pages.evaluation_page import render_evaluation
from pipeline.reading.reader import read_cohort
from tests.minicohort import write_cohort


@pytest.fixture(scope="module")
def external(mini, tmp_path_factory):
    """The mini bundle with every part of the evaluation switched on, and what training said."""
    bundle = load_bundle(mini.bundle)
    wanted = {"control_permutations": 2, "analyte_importance": True, "min_event_patients": 3}
    evaluation = bundle.config.evaluation.model_copy(update=wanted)
    config = bundle.config.model_copy(update={"evaluation": evaluation})
    folder = write_cohort(tmp_path_factory.mktemp("x") / "c", patients=40, seed=9, prefix="X")
    read = read_cohort(folder, config.cohort, local=bundle.reference.local)
    return replace(bundle, config=config), read, read_evaluation(mini.bundle)


def test_external_evaluation_has_every_part(external):
    bundle, read, training = external
    result = evaluate_bundle(bundle, read, training)
    outcome = result.report.outcomes["severe_crs"]
    assert result.report.kind == "external"
    assert outcome.negative_control_kind == "applied, not refitted"
    assert outcome.negative_control["72"].n_permutations == 2
    assert outcome.labs_answer.startswith("Within 72 h")
    crp = result.report.analyte_use["severe_crs"]["crp"]
    assert crp.used
    assert crp.importance.at("168").fall is not None
    assert result.report.contrast["168"].n > 0
    page = render_evaluation(result.report, title="External")
    assert "cytocast evaluate --model BUNDLE --cohort COHORT --out OUT" in page


def test_alert_cutoffs_come_from_training_and_their_absence_is_stated(external):
    bundle, read, training = external
    output = training.outcomes["severe_crs"].alerts["168"].model["0.2"].cutoff
    rows = evaluate_bundle(bundle, read, training).report.outcomes["severe_crs"]
    assert rows.alerts["168"].model["0.2"].cutoff == pytest.approx(output)
    unknown = evaluate_bundle(bundle, read).report.outcomes["severe_crs"]
    assert "no cut-off" in unknown.alerts["168"].model["0.2"].reason
