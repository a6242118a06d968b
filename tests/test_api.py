"""The public Python API: the same numbers as the command line, from a notebook."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import cytocast
import pipeline
from pipeline.cli import main
from pipeline.cohort.tables import TABLES
from tests.conftest import edit, read_predictions
from tests.minicohort import CONFIG, write_cohort

QUICK = {
    "outcomes": {"icans": {"scale": "icans", "threshold": 1, "label": "ICANS"}},
    "landmarks": {"last_hours": 96},
    "features": {"windows_hours": [72]},
    "model": {
        "booster_rounds": 4,
        "inner_folds": 2,
        "bootstrap_members": 2,
        "horizons_hours": [24, 72],
    },
    "evaluation": {
        "folds": 2,
        "repeats": 1,
        "bootstrap": 20,
        "control_permutations": 0,
        "analyte_importance": False,
        "further_splits": [],
    },
}


def tables_of(folder) -> dict[str, pd.DataFrame]:
    """The tables of a folder as a user reads them."""
    return {
        name: pd.read_csv(folder / f"{name}.csv")
        for name in TABLES
        if (folder / f"{name}.csv").exists()
    }


@pytest.fixture(scope="module")
def bundle(mini):
    return cytocast.load_bundle(mini.bundle)


@pytest.fixture(scope="module")
def predicted(mini, tmp_path_factory):
    """What ``cytocast predict`` writes of the mini batch."""
    out = tmp_path_factory.mktemp("predicted") / "out"
    arguments = ["--input", str(mini.batch), "--model", str(mini.bundle), "--out", str(out)]
    assert main(["predict", *arguments, "--no-pages", "--quiet"]) in (0, 4)
    return out


def test_every_name_is_there_documented_and_listed() -> None:
    assert set(cytocast.__all__) <= set(dir(cytocast))
    for name in cytocast.__all__:
        assert getattr(cytocast, name).__doc__.strip()
    assert cytocast.__version__ == pipeline.__version__
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = cytocast.no_such_name
    for error in ("BundleError", "GateError", "InputError", "UsageError"):
        assert issubclass(getattr(cytocast, error), cytocast.CytocastError)


def test_importing_is_lazy_and_the_package_exports_no_room() -> None:
    code = (
        "import sys, cytocast, pipeline\n"
        "assert 'pandas' not in sys.modules and 'pipeline.api' not in sys.modules\n"
        "import pipeline.train, pipeline.predict\n"
        "assert all(type(getattr(pipeline, n)).__name__ == 'module' for n in ('train', 'predict'))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_folder_and_its_frames_give_the_same_cohort(mini) -> None:
    folder = cytocast.read_cohort(mini.cohort, mini.config)
    frames = cytocast.read_cohort(tables_of(mini.cohort), mini.config)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(folder, name), getattr(frames, name))
    assert folder.config == frames.config
    assert folder.config.cohort.name == "mini"


def test_a_cohort_shows_what_was_rejected_and_flagged(mini, tmp_path) -> None:
    root = write_cohort(tmp_path / "cohort", patients=4, seed=1)
    edit(root / "labs.csv", lambda labs: labs.assign(unit=["furlong", *labs["unit"][1:]]))
    cohort = cytocast.read_cohort(root)
    first = cohort.rejects.iloc[0]
    assert (first["file"], first["row"], first["code"]) == ("labs.csv", 2, "unit_refused")
    assert cohort.summary().loc["labs.csv", "rejected"] == 1
    assert set(cohort.flags.columns) == set(cohort.rejects.columns)
    assert "4 patients" in repr(cohort)
    assert "1 reject" in repr(cohort)
    assert "<table" in cohort._repr_html_()


def test_a_folder_name_is_escaped_in_html(tmp_path) -> None:
    root = write_cohort(tmp_path / "<b>cohort", patients=2, seed=1)
    assert "<b>" not in cytocast.read_cohort(root)._repr_html_()


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ({"lab": pd.DataFrame()}, "UsageError"),
        ({"labs": [1]}, "UsageError"),
        ({"labs": pd.DataFrame({"value": []})}, "InputError"),
        ("no/such/folder", "InputError"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_ours(source, error) -> None:
    with pytest.raises(getattr(cytocast, error)):
        cytocast.read_cohort(source)
    for settings in ({"colour": "blue"}, 7):
        with pytest.raises(cytocast.UsageError):
            cytocast.read_cohort("anywhere", settings)


def test_settings_given_later_add_to_those_of_the_cohort(mini) -> None:
    stated = {"cohort": {"name": "mine", "synthetic": True, "sentinels": [-5]}, **QUICK}
    cohort = cytocast.read_cohort(mini.cohort, stated)
    bundle = cytocast.train(cohort, {"evaluation": {"bootstrap": 30}})
    assert bundle.config.cohort == cohort.config.cohort
    assert bundle.config.model == cohort.config.model
    assert bundle.config.evaluation.bootstrap == 30
    assert bundle.provenance["synthetic"]
    assert bundle.provenance["cohort_name"] == "mine"


def test_tables_of_a_cohort_can_be_written_and_read_again(tmp_path) -> None:
    drawn = cytocast.simulate(4, seed=3)
    for name, table in drawn.source_tables().items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    pd.testing.assert_frame_equal(cytocast.read_cohort(tmp_path).labs, drawn.labs)


def test_arguments_of_another_kind_are_errors_of_ours(mini, bundle) -> None:
    cohort = cytocast.read_cohort(mini.cohort, mini.config)
    X = cytocast.landmarks(cohort, "icans", 72).X
    other = X.assign(patient_id="Z")
    risk = cytocast.RiskEstimator("icans", 72, cohort=cohort)
    calls = [
        *(lambda h=h: cytocast.landmarks(cohort, "icans", h) for h in (0, -5, np.nan, True, "72")),
        lambda: cytocast.landmarks(cohort.labs, "icans"),
        lambda: cytocast.RiskEstimator(cohort="cohort").fit(X),
        lambda: risk.set_params(horizon_hours="72").fit(X),
        lambda: cytocast.LabFeatures(cohort, jobs=0).fit(X),
        lambda: cytocast.LabFeatures(cohort).fit(other),
        lambda: cytocast.LabFeatures(cohort).fit(X.assign(hours=np.nan)),
        lambda: cytocast.LabFeatures(cohort).fit(X.assign(hours="day 1")),
        lambda: bundle.explain(mini.batch, "icans", "72"),
        lambda: cytocast.train(cohort, prior="bundle"),
        lambda: cytocast.train(cohort, jobs=0),
        lambda: cytocast.evaluate("bundle", cohort),
        lambda: cytocast.read_batch(mini.batch, None),
        lambda: cytocast.simulate("a"),
        lambda: cytocast.simulate(2, seed=1.5),
    ]
    for call in calls:
        with pytest.raises(cytocast.UsageError):
            call()
    with pytest.raises(cytocast.InputError):
        cytocast.landmarks(cohort, "icans", 5000)
    assert cohort == cohort
    assert cohort != cytocast.read_cohort(mini.cohort, mini.config)


def test_a_part_of_a_cohort_is_no_source(mini, bundle) -> None:
    cohort = cytocast.read_cohort(mini.cohort, mini.config)
    part = cohort.take(np.arange(5))
    for call in (
        lambda: cytocast.train(part),
        lambda: cytocast.evaluate(bundle, part),
        lambda: cytocast.audit(part),
        lambda: bundle.predict(part),
    ):
        with pytest.raises(cytocast.UsageError, match="read_cohort"):
            call()


def test_the_audit_of_a_cohort_is_that_of_its_folder(mini) -> None:
    config = [mini.config]
    folder, cohort = (
        cytocast.audit(source, config)
        for source in (mini.cohort, cytocast.read_cohort(mini.cohort, config))
    )
    assert [item.to_dict() for item in folder.findings] == [
        item.to_dict() for item in cohort.findings
    ]
    frame = folder.to_frame()
    assert frame["code"].tolist() == [item.code for item in folder.findings]
    assert "<table" in folder._repr_html_()


def test_landmarks_are_those_at_risk_with_a_known_label(mini) -> None:
    cohort = cytocast.read_cohort(mini.cohort, mini.config)
    X, y, groups = cytocast.landmarks(cohort, "icans", horizon_hours=72)
    assert set(y) == {0, 1}
    assert (X["patient_id"] == cohort.patients["patient_id"].to_numpy()[X["patient"]]).all()
    rows = cohort.assessments.query("scale == 'icans' and grade >= 1")
    onset = rows.groupby("patient")["assessed_hours"].min().reindex(X["patient"]).to_numpy()
    assert not (onset < X["hours"]).any()
    wanted = (onset - X["hours"]).between(0, 72).to_numpy()
    np.testing.assert_array_equal(y.to_numpy() == 1, wanted)
    assert groups.tolist() == X["person"].tolist()
    with pytest.raises(cytocast.UsageError, match="severe_crs"):
        cytocast.landmarks(cohort, "crs")


def test_predictions_are_those_of_the_command(mini, bundle, predicted) -> None:
    written = read_predictions(predicted)
    for batch in (mini.batch, tables_of(mini.batch), cytocast.read_batch(mini.batch, bundle)):
        table = bundle.predict(batch)
        assert table.columns.tolist() == written.columns.tolist()
        assert table["status"].tolist() == written["status"].tolist()
        np.testing.assert_allclose(table["risk"], written["risk"], atol=5e-5)


def test_an_as_of_hour_and_reading_settings_apply(mini, bundle) -> None:
    early = cytocast.read_batch(mini.batch, bundle, as_of="40")
    assert early.rejects["code"].isin(["after_as_of", "future"]).any()
    assert (early.labs["resulted_hours"] < 40).all()
    pd.testing.assert_frame_equal(bundle.predict(early), bundle.predict(mini.batch, as_of="40"))
    tables = tables_of(mini.batch)
    comma = tables["labs"]["value"].astype(str).str.replace(".", ",")
    tables["labs"] = tables["labs"].assign(value=comma)
    stated = {"cohort": {"decimal_comma": True}}
    pd.testing.assert_series_equal(
        bundle.predict(tables, config=stated)["risk"], bundle.predict(mini.batch)["risk"]
    )
    read = cytocast.read_batch(tables, bundle, config=stated)
    pd.testing.assert_frame_equal(bundle.predict(read), bundle.predict(tables, config=stated))


@pytest.mark.parametrize("outcome", ["severe_crs", "icans"])
def test_an_explanation_sums_to_the_displayed_risk(mini, bundle, predicted, outcome) -> None:
    why = bundle.explain(mini.batch, outcome, horizon_hours=72)
    shown = read_predictions(predicted).query(
        "outcome == @outcome and horizon_h == 72 and status == 'ok'"
    )
    assert why.instance_names == shown["patient_id"].tolist()
    total = why.values.sum(axis=1) + why.base_values
    np.testing.assert_allclose(total, 100 * shown["risk"], atol=0.006)
    rows = pd.read_parquet(predicted / "explanations.parquet").query(
        "outcome == @outcome and horizon_h == 72 and level == 'analyte' and name == 'crp'"
    )
    place = next(n for n, name in enumerate(why.feature_names) if name.startswith("CRP"))
    np.testing.assert_allclose(why.values[:, place], rows["points"], atol=1e-6)
    np.testing.assert_allclose(why.data[:, place], rows["value"], rtol=1e-6)
    assert why.feature_names[place] == "CRP (mg/L)"


def test_the_plots_of_shap_draw_an_explanation(mini, bundle) -> None:
    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import shap

    why = bundle.explain(mini.batch)
    assert "72 h" in why.output_names
    for draw in (
        lambda: shap.plots.waterfall(why[0], show=False),
        lambda: shap.plots.beeswarm(why, show=False),
        lambda: shap.plots.bar(why, show=False),
    ):
        draw()
        assert plt.gcf().axes
        plt.close("all")


def test_what_cannot_be_explained_is_named(mini, bundle) -> None:
    with pytest.raises(cytocast.UsageError, match="72"):
        bundle.explain(mini.batch, horizon_hours=99)
    with pytest.raises(cytocast.UsageError, match="icans"):
        bundle.explain(mini.batch, "crs")
    empty = tables_of(mini.batch)
    empty["labs"] = empty["labs"].head(1)
    with pytest.raises(cytocast.InputError, match="status_reason"):
        bundle.explain(empty)


def test_a_bundle_shows_itself(bundle) -> None:
    assert bundle.sha256[:12] in repr(bundle)
    assert "synthetic" in repr(bundle)
    assert "Research use only" in bundle._repr_html_()
    assert sorted(bundle.outcomes) == sorted(bundle.evaluation.outcomes)
    assert bundle.horizons_hours == [24, 48, 72, 168]


def test_training_gives_the_bundle_of_the_command(mini, tmp_path) -> None:
    config = tmp_path / "quick.json"
    config.write_text(json.dumps({**QUICK, "cohort": {"name": "mini", "synthetic": True}}))
    arguments = ["--cohort", str(mini.cohort), "--config", str(config), "--no-track", "--quiet"]
    assert main(["train", *arguments, "--out", str(tmp_path / "command")]) == 0
    cohort = cytocast.read_cohort(mini.cohort, config)
    trained = cytocast.train(cohort, out=tmp_path / "api")
    assert trained.sha256 == cytocast.load_bundle(tmp_path / "command").sha256
    assert cytocast.train(cohort).sha256 == trained.sha256
    with pytest.raises(cytocast.UsageError):
        cytocast.train(cohort, out=tmp_path / "api")
    frame = trained.evaluation.to_frame()
    model = frame.query("predictor == 'model' and horizon_h == 72")
    assert model["auroc"].iloc[0] == trained.evaluation.outcome("icans").model["72"].auroc


def test_a_blocked_or_unlearnable_cohort_ends_with_our_error(mini) -> None:
    tables = tables_of(mini.cohort)
    calm = tables["assessments"].query("scale != 'icans' or grade == 0")
    with pytest.raises(cytocast.InputError, match="icans"):
        cytocast.train(cytocast.read_cohort({**tables, "assessments": calm}, QUICK))
    twins = {
        name: pd.concat([table, table.assign(patient_id="X" + table["patient_id"])])
        for name, table in tables.items()
    }
    with pytest.raises(cytocast.InputError, match="CHK104"):
        cytocast.train(cytocast.read_cohort(twins, QUICK))


def test_an_evaluation_is_that_of_the_command(mini, bundle, tmp_path) -> None:
    other = write_cohort(tmp_path / "other", patients=40, seed=5, prefix="Q")
    arguments = ["--model", str(mini.bundle), "--cohort", str(other), "--quiet"]
    assert main(["evaluate", *arguments, "--out", str(tmp_path / "out")]) == 0
    written = json.loads((tmp_path / "out" / "evaluation.json").read_text(encoding="utf-8"))
    report = cytocast.evaluate(bundle, other)
    assert json.loads(report.to_json()) == written
    frames = cytocast.evaluate(bundle, cytocast.read_cohort(tables_of(other)))
    assert frames.to_frame().equals(report.to_frame())


def test_the_synthetic_cohort_is_the_one_the_command_writes(tmp_path) -> None:
    arguments = ["--patients", "6", "--seed", "4", "--batch", "--out", str(tmp_path / "batch")]
    assert main(["simulate", *arguments, "--quiet"]) == 0
    drawn = cytocast.simulate(6, seed=4, batch=True)
    read = cytocast.read_cohort(tables_of(tmp_path / "batch"))
    pd.testing.assert_frame_equal(drawn.labs, read.labs)
    assert drawn.config.cohort.synthetic
    with pytest.raises(cytocast.UsageError):
        cytocast.simulate(0)


def test_a_bundle_that_is_not_there_is_an_error_of_ours(tmp_path) -> None:
    with pytest.raises(cytocast.BundleError):
        cytocast.load_bundle(tmp_path)


def test_settings_are_the_same_from_a_file_and_a_mapping(mini) -> None:
    import yaml

    folder = cytocast.read_cohort(mini.cohort, mini.config)
    assert cytocast.read_cohort(mini.cohort, yaml.safe_load(CONFIG)).config == folder.config


def test_the_notebook_of_the_readme_runs(mini) -> None:
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    code = readme.partition("```python\n")[2].partition("```")[0]
    for place, path in {
        "exports/2026": mini.cohort,
        "configs/cohorts/mine.yaml": mini.config,
        "out/2026": mini.bundle,
        "batches/today": mini.batch,
    }.items():
        assert f'"{place}"' in code
        code = code.replace(f'"{place}"', repr(str(path)))
    code = code.replace("GroupKFold(5)", "GroupKFold(2)")
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["why"].values.ndim == 2
    plt.close("all")
