"""Borrowing from another cohort's bundle: one member more, exact, monotone, kept in the bundle."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.errors import BundleError
from pipeline.features.landmarks import training_landmarks
from pipeline.model.bundle import load_bundle, read_features
from pipeline.model.outcomes import build_targets
from pipeline.model.risk_model import PRIOR_SILENT
from pipeline.reading.reader import read_cohort
from tests.conftest import edit, points_add_up
from tests.minicohort import cut, write_cohort


@pytest.fixture(scope="module")
def borrowed(mini, tmp_path_factory):
    """A centre of 36 patients, of whom some had a product that the prior never saw."""
    root = tmp_path_factory.mktemp("borrowing")
    cohort = write_cohort(root / "cohort", patients=36, seed=5, prefix="Q")
    edit(cohort / "patients.csv", new_product)
    sources = ["--cohort", str(cohort), "--outcomes", "severe_crs", "--config", str(mini.config)]
    arguments = ["train", *sources, "--no-track", "--quiet", "--prior", str(mini.bundle)]
    assert main([*arguments, "--out", str(root / "first"), "--jobs", "2"]) == 0
    shutil.copytree(root / "first", root / "elsewhere")
    return root


def new_product(table):
    return table.assign(product=table["product"].where(table.index % 6 > 0, "new-cel"))


@pytest.fixture(scope="module")
def asked(borrowed):
    """The bundle's model and its features at every landmark of the cohort."""
    bundle = load_bundle(borrowed / "elsewhere")
    read = read_cohort(borrowed / "cohort", bundle.config.cohort, extra_scales=("crs",))
    landmarks = training_landmarks(read.cohort, bundle.config.landmarks, "crs")
    matrix = read_features(read.cohort, landmarks, bundle)[1]
    return bundle, matrix, build_targets(read.cohort, landmarks, "crs", (3,))


def test_its_log_odds_are_one_member_of_the_mean(asked, mini):
    bundle = asked[0]
    model, theirs = bundle.models["crs"], load_bundle(mini.bundle)
    for variant, own in ((model.state, 4), (model.no_state, 2)):
        assert variant.names[-1] == "prior"
        assert len(variant.shares) == own + 1
        assert variant.shares.sum() == pytest.approx(1.0)
        assert variant.shares[-1] > 0.05
    assert bundle.prior.sha256 != theirs.sha256
    assert bundle.provenance["prior"]["bundle_sha256"] == theirs.sha256
    assert not bundle.prior.reference.background
    read = read_cohort(mini.cohort.parent / "others", theirs.config.cohort, extra_scales=("crs",))
    landmarks = training_landmarks(read.cohort, theirs.config.landmarks, "crs")
    alone = theirs.models["crs"].risk(read_features(read.cohort, landmarks, theirs)[1], 3, (72.0,))
    beside = read_features(read.cohort, landmarks, bundle)[1]
    np.testing.assert_allclose(model.prior.risk(beside, 3, (72.0,)), alone, atol=1e-9)


def test_where_it_is_silent_the_model_without_it_answers(asked):
    bundle, matrix, _ = asked
    model, silent = bundle.models["crs"], matrix.landmarks[PRIOR_SILENT] != ""
    assert {"unseen_product"} <= set(matrix.landmarks[PRIOR_SILENT])
    both, alone = (item.risk(matrix, 3, (72.0,))[:, 0] for item in (model, model.alone))
    np.testing.assert_array_equal(both[silent], alone[silent])
    assert np.abs(both - alone)[~silent].max() > 1e-3
    assert np.isfinite(both).all()


def test_risk_is_monotone_in_horizon_and_threshold(asked):
    bundle, matrix, _ = asked
    model = bundle.models["crs"]
    risk = model.risk(matrix, 3, (24.0, 30.0, 72.0, 100.0, 168.0))
    assert (np.diff(risk, axis=1) >= -1e-12).all()
    for low, high in zip(model.thresholds, model.thresholds[1:], strict=False):
        gap = model.risk(matrix, low, (72.0,)) - model.risk(matrix, high, (72.0,))
        assert (gap >= -1e-12).all()
    low, high = model.interval(matrix, 3, (24.0, 72.0), 0.8)
    shown = model.risk(matrix, 3, (24.0, 72.0))
    assert ((low <= shown + 1e-12) & (shown <= high + 1e-12)).all()


def test_prediction_needs_the_new_bundle_only_and_explains_it_exactly(borrowed, mini, tmp_path):
    batch = cut(mini.cohort.parent / "others", tmp_path / "batch", hours=84, patients=mini.patients)
    edit(batch / "patients.csv", new_product)
    out = tmp_path / "out"
    model = ["--model", str(borrowed / "elsewhere"), "--quiet"]
    assert main(["predict", "--input", str(batch), "--out", str(out), *model]) == 0
    points_add_up(out)
    why = pd.read_parquet(out / "explanations.parquet")
    assert not why["name"].str.contains("prior").any()


def test_the_evaluation_sets_the_model_beside_both(borrowed):
    content = json.loads((borrowed / "first" / "evaluation.json").read_text())
    rivals = content["outcomes"]["severe_crs"]["comparators"]
    for name in ("prior", "without_prior"):
        assert rivals[name]["72"]["diff_auroc"] is not None
    assert rivals["prior"]["72"]["n"] < rivals["without_prior"]["72"]["n"]
    assert content["prior"]["silent"]["crs"]["by_reason"]["unseen_product"] > 0
    output = " ".join(content["warnings"])
    assert "borrows from a bundle trained on 60 patients" in output
    assert "a learned share of the mean" in output
    assert "cannot be checked" in output
    page = (borrowed / "first" / "evaluation.html").read_text()
    assert "The prior alone" in page
    assert "The model without the prior" in page


def test_page_and_cards_name_the_prior_and_its_share(borrowed):
    content = json.loads((borrowed / "first" / "evaluation.json").read_text())
    assert content["models"]["crs"]["prior"] is True
    share = content["models"]["crs"]["members"]["with"]["prior"]
    assert 0.05 < share < 0.5
    for file in ("evaluation.html", "model_card.md", "card.json", "tripod_ai.md"):
        text = (borrowed / "first" / file).read_text()
        assert f"Model of another cohort {100 * share:.0f}%" in text


def test_the_same_training_has_the_same_digest_and_every_file_is_verified(borrowed, capsys):
    arguments = ["reproduce", str(borrowed / "elsewhere"), "--cohort", str(borrowed / "cohort")]
    assert main([*arguments, "--quiet", "--jobs", "1"]) == 0
    assert "Reproduced" in capsys.readouterr().out
    path = borrowed / "first" / "prior" / "crs.json"
    path.write_text(path.read_text().replace("0.", "0.1", 1))
    with pytest.raises(BundleError, match=r"prior/crs\.json does not match"):
        load_bundle(borrowed / "first")


@pytest.mark.parametrize(
    ("source", "more", "output"),
    [
        ("itself", "", "same files"),
        ("mini", "cohort: {time_zero: admission}", "cohort.time_zero is"),
        ("mini", "features: {grade_valid_hours: 24}", "features.grade_valid_hours is"),
        ("mini", "model: {horizons_hours: [12, 24]}", "not fitted for 12 h, only for 24"),
        ("mini", "cohort: {synthetic: false}", "simulated patients"),
        (
            "mini",
            "outcomes: {any_crs: {scale: crs, threshold: 1, label: Any CRS}}",
            "does not predict any_crs",
        ),
        ("first", "", "already borrows"),
        ("", "model: {weights: {prior: 2}}", "no bundle is given with --prior"),
    ],
)
def test_what_cannot_be_borrowed_from(mini, borrowed, tmp_path, capsys, source, more, output):
    cohort = mini.cohort if source == "itself" else borrowed / "cohort"
    bundle = mini.bundle if source in ("itself", "mini") else borrowed / "elsewhere"
    config = tmp_path / "more.yaml"
    config.write_text(more or "seed: 0")
    sources = ["--cohort", str(cohort), "--config", str(mini.config), "--config", str(config)]
    prior = ["--prior", str(bundle)] if source else []
    out = ["--out", str(tmp_path / "out"), "--no-track", "--quiet"]
    assert main(["train", *sources, *prior, *out]) == 2
    captured = capsys.readouterr().err
    assert output in captured
    assert not (tmp_path / "out").exists()
