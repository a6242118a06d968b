"""Custom members: monotone by construction, stored without pickle, refused where they cannot be."""

import json
import zipfile

import numpy as np
import pytest

from pipeline.config import Config
from pipeline.errors import BundleError, UsageError
from pipeline.model.bundle import Bundle, load_bundle, save_bundle
from pipeline.model.custom_member import load_custom
from pipeline.model.training_reference import TrainingReference
from tests.builders import course_cohort, make_config
from tests.model.conftest import fit

BOOSTING = {
    "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
    "parameters": {"max_iter": 15, "max_leaf_nodes": 4, "min_samples_leaf": 10},
}
LOGISTIC = {"estimator": "sklearn.linear_model.LogisticRegression", "parameters": {"C": 0.01}}


@pytest.fixture(scope="module")
def both():
    return fit(course_cohort(), custom={"boosting": BOOSTING, "ridge": LOGISTIC})


def test_custom_members_take_part_and_keep_risk_monotone(both, fitted):
    risk = both.model.risk(both.matrix, 3, (24.0, 36.0, 72.0, 168.0))
    assert np.abs(risk - fitted.model.risk(fitted.matrix, 3, (24.0, 36.0, 72.0, 168.0))).max() > 0
    assert (np.diff(risk, axis=1) >= -1e-12).all()
    for low, high in zip(both.model.thresholds, both.model.thresholds[1:], strict=False):
        lower = both.model.risk(both.matrix, low, (72.0,))
        assert (both.model.risk(both.matrix, high, (72.0,)) <= lower + 1e-12).all()
    boosting, ridge = both.model.no_state.custom
    assert boosting.moments is None
    assert ridge.moments is not None
    assert np.isfinite(ridge.score(np.full((1, len(ridge.columns)), np.nan))).all()


def test_weights_decide_the_mean(both):
    alone = fit(
        course_cohort(), members=["labs"], custom={"boosting": BOOSTING}, weights={"boosting": 3.0}
    ).model.no_state
    np.testing.assert_allclose(alone.shares, [0.25, 0.75])
    equal = fit(course_cohort(), custom={"boosting": BOOSTING}, ridge_blend=None).model.state
    np.testing.assert_allclose(equal.shares, np.full(5, 1 / 5))
    learned = both.model.state.shares
    assert learned.sum() == pytest.approx(1.0)
    assert learned.min() >= 0
    assert np.ptp(learned) > 0.01
    assert [member.name for member in alone.linear] == ["labs"]
    assert alone.boosters == ()


def stored(model, folder):
    reference = TrainingReference(fit(course_cohort(20)).plan.spec, {}, {}, {}, {}, False, {}, 60)
    return save_bundle(Bundle(make_config(), reference, {"crs": model}, {}), folder)


def test_a_bundle_keeps_them_and_the_same_fit_has_the_same_digest(both, tmp_path):
    digest = stored(both.model, tmp_path / "a")
    again = fit(course_cohort(), custom={"boosting": BOOSTING, "ridge": LOGISTIC})
    assert stored(again.model, tmp_path / "b") == digest
    loaded = load_bundle(tmp_path / "a").models["crs"]
    np.testing.assert_array_equal(
        loaded.risk(both.matrix, 3, (24.0, 72.0)), both.model.risk(both.matrix, 3, (24.0, 72.0))
    )


def test_a_type_that_nobody_reviewed_is_not_loaded(both, tmp_path):
    stored(both.model, tmp_path / "a")
    path = tmp_path / "a" / "crs_no_state_ridge.skops"
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    schema["__module__"], schema["__class__"] = "subprocess", "Popen"
    files["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(BundleError, match="does not match"):
        load_bundle(tmp_path / "a")
    with pytest.raises(BundleError, match="not trusted"):
        load_custom(
            both.model.no_state.custom[1].to_dict(), path.name, {path.name: path.read_bytes()}
        )


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"estimator": "sklearn.ensemble.Nothing"}, "cannot be created"),
        ({"estimator": "sklearn.svm.LinearSVC"}, "predict_proba"),
        ({"estimator": "sklearn.neighbors.KNeighborsClassifier"}, "sample_weight"),
        ({**LOGISTIC, "parameters": {"depth": 3}}, "cannot be created"),
        (
            {"estimator": "sklearn.isotonic.IsotonicRegression"},
            "predict_proba",
        ),
    ],
)
def test_what_cannot_be_a_member(settings, reason):
    with pytest.raises(UsageError, match=reason):
        fit(course_cohort(20), custom={"mine": settings})


@pytest.mark.parametrize(
    "model",
    [
        {"custom": {"mine": {"estimator": "os.system"}}},
        {"custom": {"labs": LOGISTIC}},
        {"members": ["state"]},
        {"weights": {"absent": 2}},
        {"weights": {"labs": 0}},
    ],
)
def test_settings_that_do_not_fit_together(model):
    outcome = {"scale": "crs", "threshold": 3, "label": "Severe CRS"}
    with pytest.raises(ValueError, match="validation error"):
        Config.model_validate({"outcomes": {"severe_crs": outcome}, "model": model})
