"""Settings that decide the model end to end: signs, thresholds, weights, shown state, tuning."""

import json

import pytest

from pipeline.cli import main
from pipeline.model.bundle import load_bundle
from tests.conftest import read_predictions

CONFIG = """\
features:
  signs: {ferritin: free, crp: {crs: decreasing}}
model:
  clinical_state: false
  thresholds: {crs: [2, 3]}
  threshold_weights: {crs: {2: 0.3}}
  tune:
    trials: 2
    folds: 2
    space: {ridge_labs: {low: 30, high: 3000, log: true}}
"""


@pytest.fixture(scope="module")
def chosen(mini, tmp_path_factory):
    root = tmp_path_factory.mktemp("settings")
    config = root / "chosen.yaml"
    config.write_text(CONFIG)
    sources = ["--cohort", str(mini.cohort), "--outcomes", "severe_crs"]
    sources += ["--config", str(mini.config), "--config", str(config)]
    arguments = ["train", *sources, "--out", str(root / "bundle"), "--no-track", "--quiet"]
    assert main([*arguments, "--jobs", "2"]) == 0
    return root


def test_the_bundle_holds_what_was_decided(chosen):
    bundle = load_bundle(chosen / "bundle")
    model = bundle.models["crs"]
    assert model.thresholds == (2, 3)
    assert bundle.config.model.threshold_weights == {"crs": {2: 0.3}}
    assert 30 <= model.tuned["ridge_labs"] <= 3000
    assert not model.show_state
    direction = {item.key: item.direction for item in bundle.reference.spec.analytes}
    assert direction["ferritin"] == {}
    assert direction["crp"]["crs"] == "down"
    assert direction["il6"]["crs"] == "up"
    labs = next(item for item in model.no_state.linear if item.name == "labs")
    signs = dict(zip(labs.design.columns, labs.design.sign, strict=True))
    assert signs["ferritin__last"] == 0
    assert signs["crp__last"] == -1
    assert labs.coefficients[0][labs.design.columns.index("crp__last")] <= 0


def test_the_shown_risk_reads_no_grade_and_both_are_evaluated(chosen, mini, tmp_path):
    out = tmp_path / "out"
    model = ["--model", str(chosen / "bundle"), "--quiet"]
    assert main(["predict", "--input", str(mini.batch), "--out", str(out), *model]) == 0
    shown = read_predictions(out).dropna(subset="risk")
    assert len(shown) > 0
    assert not shown["state_used"].any()
    outcome = evaluated(chosen)["outcomes"]["severe_crs"]
    assert outcome["model"]["72"]["auroc"] == outcome["model_no_state"]["72"]["auroc"]
    assert outcome["comparators"]["model_with_state"]["72"]["diff_auroc"] is not None


def test_page_card_and_document_say_so(chosen):
    content = evaluated(chosen)
    output = "tuned inside folds, 2 trials on 2 inner folds each"
    assert content["protocol"]["tuning"] == output
    assert content["models"]["crs"]["thresholds"] == [2, 3]
    assert set(content["models"]["crs"]["tuned"]) == {"ridge_labs"}
    answered = content["outcomes"]["severe_crs"]["answered"]
    assert answered["left_out"] == content["abstention"]["severe_crs"]["n_abstained"]
    assert answered["model"]["72"]["auroc"] is not None
    page = (chosen / "bundle" / "evaluation.html").read_text()
    assert output in page
    assert "Only landmarks that get an estimate" in page
    assert output in (chosen / "bundle" / "model_card.md").read_text() + (
        chosen / "bundle" / "card.json"
    ).read_text() + "".join(path.read_text() for path in (chosen / "bundle").glob("*tripod*"))


def test_page_card_and_document_say_what_shaped_the_model(chosen):
    content, model = evaluated(chosen), load_bundle(chosen / "bundle").models["crs"]
    made = content["models"]["crs"]
    assert made["reported"] == [3]
    assert made["threshold_weights"] == {"2": 0.3, "3": 1.0}
    assert made["clinical_state"] == {"fitted": True, "shown": "without"}
    for name, variant in (("with", model.state), ("without", model.no_state)):
        names = [member.name for member in variant.members]
        assert made["members"][name] == pytest.approx(
            dict(zip(names, variant.shares, strict=True)), abs=1e-4
        )
    assert "crp" in made["signs"]["down"]
    assert "il6" in made["signs"]["up"]
    assert "ferritin" not in made["signs"]["up"]
    assert made["prior"] is False
    changed = content["settings_changed"]
    assert changed["model.threshold_weights"] == {"crs": {"2": 0.3}}
    assert changed["model.clinical_state"] is False
    assert "model.ridge_state" not in changed
    labs, trees = (100 * share for share in model.no_state.shares)
    tuned = f"ridge_labs {model.tuned['ridge_labs']:.4g}"
    files = ("evaluation.html", "model_card.md", "card.json", "tripod_ai.md")
    for file in files:
        text = (chosen / "bundle" / file).read_text()
        for output in (
            "risk without clinical state, both evaluated",
            "2 or more: 0.3, 3 or more: 1 (reported)",
            "risk may only fall with CRP",
            f"Labs, linear {labs:.0f}%, Labs, trees {trees:.0f}%",
            "threshold_weights crs 2 0.3",
            tuned,
        ):
            assert output in text, (file, output)


def evaluated(chosen):
    return json.loads((chosen / "bundle" / "evaluation.json").read_text())


@pytest.mark.parametrize(
    ("more", "output"),
    [
        ("features: {signs: {crp: upwards}}", "signs"),
        ("features: {signs: {krypton: free}}", "krypton"),
        ("model: {thresholds: {crs: [1, 2]}}", "lacks 3, which the outcome severe_crs"),
        ("model: {thresholds: {crz: [1, 2]}}", "names the scale 'crz'"),
        ("model: {threshold_weights: {crs: {3: 0}}}", "is 0, but the outcome severe_crs"),
    ],
)
def test_settings_that_cannot_be(mini, tmp_path, capsys, more, output):
    config = tmp_path / "more.yaml"
    config.write_text(more)
    sources = ["--cohort", str(mini.cohort), "--config", str(mini.config)]
    sources += ["--config", str(config), "--out", str(tmp_path / "out")]
    assert main(["train", *sources, "--no-track", "--quiet"]) == 2
    assert output in capsys.readouterr().err
