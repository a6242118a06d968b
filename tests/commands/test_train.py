"""From a cohort export to a bundle, an evaluation and a tracked, promotable model."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.commands.promote import promote
from pipeline.commands.train import train_command
from pipeline.errors import BundleError
from pipeline.model.bundle import load_bundle
from pipeline.model.manifest import read_manifest
from pipeline.resources import schema_json
from tests.conftest import Mini, edit, read_predictions
from tests.minicohort import write_cohort

UP_WITHIN_MINUTES = 5  # a busy machine took 100 s
METRICS = {
    "n", "n_patients", "n_events", "n_event_patients", "auroc", "auroc_lo", "auroc_hi", "auprc",
    "event_rate", "brier", "ipa", "cal_slope", "cal_slope_lo", "cal_slope_hi", "cal_intercept",
    "ici",
}  # fmt: skip


def train(mini: Mini, out: Path, *extra: str, cohort: Path | None = None) -> int:
    source = cohort or mini.cohort
    arguments = ["--cohort", str(source), "--config", str(mini.config), "--out", str(out)]
    return main(["train", *arguments, "--quiet", "--jobs", "2", *extra])


def evaluation_of(bundle: Path) -> dict:
    return json.loads((bundle / "evaluation.json").read_text())


def test_evaluation_follows_the_contract(mini) -> None:
    content = evaluation_of(mini.bundle)
    assert content["kind"] == "cross-validated"
    assert set(content["outcomes"]) == {"severe_crs", "icans", "severe_icans"}
    for outcome in content["outcomes"].values():
        for name in ("model", "model_no_state"):
            assert set(outcome[name]) == {"24", "48", "72", "168"}
            assert all(set(cell) == METRICS for cell in outcome[name].values())
        assert {"base_rate", "grade_and_day", "last_crp", "last_ferritin"} <= set(
            outcome["comparators"]
        )
        for table in outcome["comparators"].values():
            for cell in table.values():
                assert set(cell) == METRICS | {"diff_auroc", "diff_lo", "diff_hi"}


def test_a_constant_predictor_scores_one_half(mini) -> None:
    assert evaluation_of(mini.bundle)["canary_auroc"] == 0.5


def test_intervals_contain_their_estimate_and_few_events_print_nothing(mini) -> None:
    for outcome in evaluation_of(mini.bundle)["outcomes"].values():
        for cell in outcome["model"].values():
            if cell["n_event_patients"] < 5:
                assert cell["auroc"] is None
            else:
                assert cell["auroc_lo"] <= cell["auroc"] <= cell["auroc_hi"]


def test_the_page_is_self_contained_and_says_synthetic(mini) -> None:
    page = (mini.bundle / "evaluation.html").read_text()
    assert "ynthetic" in page
    assert "Content-Security-Policy" in page
    assert "<script" not in page
    assert "M0001" not in page


def test_a_bundle_holds_no_patient(mini) -> None:
    for path in mini.bundle.rglob("*"):
        if path.is_file():
            assert b"M0001" not in path.read_bytes(), path.name


def test_same_cohort_config_and_seed_give_the_same_bundle_however_many_jobs(mini, tmp_path) -> None:
    assert train(mini, tmp_path / "again", "--no-track", "--jobs", "1") == 0
    assert load_bundle(tmp_path / "again").sha256 == load_bundle(mini.bundle).sha256


def test_only_the_asked_outcomes_are_trained(mini, tmp_path) -> None:
    assert train(mini, tmp_path / "b", "--no-track", "--outcomes", "severe_crs") == 0
    bundle = load_bundle(tmp_path / "b")
    assert list(bundle.config.outcomes) == ["severe_crs"]
    assert list(bundle.models) == ["crs"]


@pytest.mark.parametrize(
    ("extra", "output"),
    [
        (["--outcomes", "sepsis"], "sepsis"),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--tz", "Mars/Olympus"], "Mars/Olympus"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_usage_errors_exit_2(mini, tmp_path, capsys, extra, output) -> None:
    assert train(mini, tmp_path / "b", "--no-track", *extra) == 2
    assert output in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_an_unknown_key_in_a_config_is_named(mini, tmp_path, capsys) -> None:
    config = tmp_path / "typo.yaml"
    config.write_text("model: {booster_round: 3}\n")
    assert train(mini, tmp_path / "b", "--no-track", "--config", str(config)) == 2
    assert "model.booster_round" in capsys.readouterr().err


def test_an_occupied_output_is_refused_before_any_work(mini, tmp_path, capsys) -> None:
    out = tmp_path / "b"
    out.mkdir()
    (out / "keep.txt").write_text("mine")
    assert train(mini, out, "--no-track") == 2
    assert (out / "keep.txt").exists()
    assert "--force" in capsys.readouterr().err


@pytest.fixture
def spoiled(mini, tmp_path) -> Path:
    target = tmp_path / "cohort"
    target.mkdir()
    for path in mini.cohort.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_missing_table_column_and_rows_exit_3(mini, spoiled, tmp_path, capsys) -> None:
    edit(spoiled / "labs.csv", lambda table: table.drop(columns="unit"))
    assert train(mini, tmp_path / "b", "--no-track", cohort=spoiled) == 3
    assert "unit" in capsys.readouterr().err
    edit(spoiled / "labs.csv", lambda table: table.assign(unit="furlong"))
    assert train(mini, tmp_path / "b", "--no-track", cohort=spoiled) == 3
    (spoiled / "assessments.csv").unlink()
    assert train(mini, tmp_path / "b", "--no-track", cohort=spoiled) == 3
    assert "assessments" in capsys.readouterr().err
    assert train(mini, tmp_path / "b", "--no-track", cohort=tmp_path / "nowhere") == 3


def test_an_outcome_nobody_has_exits_3(mini, spoiled, tmp_path, capsys) -> None:
    edit(spoiled / "assessments.csv", lambda table: table[table["scale"] == "crs"])
    assert train(mini, tmp_path / "b", "--no-track", cohort=spoiled) == 3
    assert "icans" in capsys.readouterr().err
    edit(spoiled / "assessments.csv", lambda table: table[table["grade"].astype(int) < 3])
    arguments = ("--no-track", "--outcomes", "severe_crs")
    assert train(mini, tmp_path / "b", *arguments, cohort=spoiled) == 3
    assert "grade 3" in capsys.readouterr().err


def test_rejected_rows_of_a_training_go_beside_the_bundle(mini, spoiled, tmp_path) -> None:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table.loc[3, "unit"] = "furlong"
        return table

    edit(spoiled / "labs.csv", change)
    assert train(mini, tmp_path / "b", "--no-track", cohort=spoiled) == 0
    result = pd.read_csv(tmp_path / "b.rejects.csv")
    assert list(result["code"]) == ["unit_refused"]
    assert list(result["row"]) == [5]


@pytest.mark.slow
def test_vasopressors_oxygen_and_ice_change_no_prediction_model(mini, spoiled, tmp_path) -> None:
    people = pd.read_csv(spoiled / "patients.csv", dtype=str)
    pressors = pd.DataFrame(
        {
            "patient_id": people["patient_id"],
            "drug": "norepinephrine",
            "given_at": people["infusion_time"],
        }
    )
    edit(spoiled / "treatments.csv", lambda table: pd.concat([table, pressors]))
    pd.DataFrame(
        {
            "patient_id": people["patient_id"],
            "item": "ice_score",
            "value": "3",
            "observed_at": people["infusion_time"],
        }
    ).to_csv(spoiled / "observations.csv", index=False)
    assert train(mini, tmp_path / "b", "--no-track", cohort=spoiled) == 0
    changed, original = load_bundle(tmp_path / "b"), load_bundle(mini.bundle)
    assert changed.reference.to_dict() == original.reference.to_dict()
    for name in ("crs.json", "icans.json", "crs_state_0.ubj"):
        assert (tmp_path / "b" / name).read_bytes() == (mini.bundle / name).read_bytes()


def test_external_and_apparent_evaluation(mini, tmp_path) -> None:
    others = write_cohort(tmp_path / "others", patients=40, seed=9, prefix="X")
    for cohort, kind in ((others, "external"), (mini.cohort, "apparent")):
        out = tmp_path / kind
        arguments = ["--model", str(mini.bundle), "--cohort", str(cohort), "--out", str(out)]
        assert main(["evaluate", *arguments, "--quiet"]) == 0
        content = evaluation_of(out)
        assert content["kind"] == kind
        assert content["canary_auroc"] == 0.5
        assert content["outcomes"]["severe_crs"]["model"]["168"]["auroc"] is not None
        assert content["cohort"]["synthetic"] is (kind == "apparent")
        assert content["cohort"]["name"] == ("others" if kind == "external" else "mini")
        title = {
            "external": "Evaluation: model of mini (simulated patients) on others cohort, ",
            "apparent": "<title>Apparent evaluation: mini (simulated patients) cohort",
        }
        assert title[kind] in (out / "evaluation.html").read_text()
        assert "<script" not in (out / "evaluation.html").read_text()


@pytest.fixture(scope="module")
def tracked(mini, tmp_path_factory) -> Iterator[Path]:
    """A training logged to a fresh MLflow store; yields the working folder."""
    root = tmp_path_factory.mktemp("tracked")
    before, here = os.environ.get("MLFLOW_TRACKING_URI"), Path.cwd()
    os.chdir(root)
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{root}/mlflow.db"
    try:
        assert train(mini, root / "b", "--outcomes", "severe_crs,icans") == 0
        yield root
    finally:
        os.chdir(here)
        if before is None:
            del os.environ["MLFLOW_TRACKING_URI"]
        else:
            os.environ["MLFLOW_TRACKING_URI"] = before


def test_mlflow_holds_metrics_figures_and_a_challenger(tracked) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias("cytocast", "challenger")
    parent = client.get_run(version.run_id)
    assert parent.data.tags["synthetic"] == "true"
    assert parent.data.tags["intended_use"] == "research use only"
    assert len(parent.data.tags["cohort_sha256"]) == 64
    assert "severe_crs/h72/auroc" in parent.data.metrics
    assert parent.data.tags["mlflow.note.content"].startswith("# Model card: SYNTHETIC DATA")
    stored = {item.path for item in client.list_artifacts(version.run_id)}
    assert {"model_card.md", "card.json", "tripod_ai.md"} <= stored
    assert "icans/h24/brier" in parent.data.metrics
    assert "severe_crs/h72/net_benefit_p10" in parent.data.metrics
    assert parent.data.params["model.booster_rounds"] == "12"
    query = f"tags.mlflow.parentRunId = '{version.run_id}'"
    children = client.search_runs([parent.info.experiment_id], query)
    assert {run.data.tags["outcome"] for run in children} == {"severe_crs", "icans"}
    own = children[0].info.run_id
    figures = {item.path for item in client.list_artifacts(own, "figures")}
    assert {"figures/h72_roc.svg", "figures/h72_calibration.svg"} <= figures
    drawn = {Path(item.path).stem for item in client.list_artifacts(own, "shap/h72")}
    assert drawn == {"beeswarm", "bar", "waterfall", "explanation"}
    together = {item.path for item in client.list_artifacts(own, "shap")}
    assert {"shap/dependence.png", "shap/pathways.png"} <= together
    content = mlflow.artifacts.load_dict(f"runs:/{own}/shap/h72/explanation.json")
    points = np.array(content["values"])
    assert points.shape == (len(content["base_values"]), len(content["feature_names"]))
    assert children[0].data.metrics["h72/shap_largest_gap"] < 1e-9
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_mlflow_links_model_metrics_and_cohort(tracked) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias("cytocast", "challenger")
    run = client.get_run(version.run_id)
    bundle = load_bundle(tracked / "b")
    model = client.get_logged_model(run.outputs.model_outputs[0].model_id)
    assert (model.status, model.source_run_id) == ("READY", version.run_id)
    assert {metric.key: metric.value for metric in model.metrics} == run.data.metrics
    used = run.inputs.dataset_inputs[0].dataset
    assert bundle.provenance["cohort_sha256"].startswith(used.digest)
    assert json.loads(used.profile)["patients"] == bundle.provenance["n_patients"]
    fitting = run.info.end_time - run.info.start_time
    children = client.search_runs(
        [run.info.experiment_id], f"tags.mlflow.parentRunId = '{version.run_id}'"
    )
    logged = [child.info.start_time for child in children]
    assert min(logged) - run.info.start_time > 0.2 * fitting  # it was opened before fitting
    assert {child.data.params["outcome"] for child in children} == {"severe_crs", "icans"}
    assert all("h72/auroc_lo" in child.data.metrics for child in children)
    assert any(name.startswith("h72/minus_grade_and_day") for name in children[0].data.metrics)
    gates = {name for name in version.tags if name.startswith("gate/")}
    assert gates == {name for name in run.data.tags if name.startswith("gate/")}
    assert "gate/icans/h72/calibration slope" in gates
    assert client.get_registered_model("cytocast").description == version.description
    table = mlflow.load_table("tables/comparators.json", [version.run_id])
    assert {"model", "grade_and_day"} <= set(table["predictor"])
    signature = mlflow.models.get_model_info("models:/cytocast@challenger").signature
    predictions = schema_json("predictions.json")["fields"]
    assert signature.outputs.input_names() == [field["name"] for field in predictions]
    experiment = client.get_experiment(run.info.experiment_id)
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    assert len(run.data.metrics) + len(run.data.params) < 140


def test_a_training_that_fails_leaves_a_failed_run_that_names_the_later_one(
    mini, tracked, tmp_path, monkeypatch
) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("cytocast").experiment_id
    before = {run.info.run_id for run in client.search_runs([experiment])}

    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("pipeline.commands.train.train_audited", stop)
        with pytest.raises(KeyboardInterrupt):
            train_command(
                mini.cohort, tmp_path / "b", [mini.config], outcomes="icans", seed=None,
                time_zone=None, jobs=1, force=False, track=True,
            )  # fmt: skip
    (killed,) = [run for run in client.search_runs([experiment]) if run.info.run_id not in before]
    assert killed.info.status == "KILLED"
    assert (
        killed.data.tags["cohort_sha256"] == load_bundle(tracked / "b").provenance["cohort_sha256"]
    )
    client.delete_run(killed.info.run_id)


def test_nothing_patient_level_and_no_path_reaches_mlflow(tracked) -> None:
    files = [path for path in tracked.rglob("*") if path.is_file() and "mlruns" in path.parts]
    assert len(files) > 10
    for path in files:
        assert b"M0001" not in path.read_bytes(), path
        if path.name in ("MLmodel", "config.yaml", "manifest.json", "provenance.json"):
            assert str(tracked).encode() not in path.read_bytes(), path
    assert b"M0001" not in (tracked / "mlflow.db").read_bytes()


def test_promotion_then_prediction_by_alias_equals_the_bundle(mini, tracked, tmp_path) -> None:
    source = ["--input", str(mini.batch), "--quiet"]
    assert main(["predict", *source, "--out", str(tmp_path / "early")]) == 5
    assert main(["promote", "--quiet", "--force"]) == 0
    assert main(["promote", "--quiet"]) == 0
    assert main(["predict", *source, "--out", str(tmp_path / "alias")]) == 0
    bundle = ["--model", str(tracked / "b")]
    assert main(["predict", *source, "--out", str(tmp_path / "path"), *bundle]) == 0
    by_alias = read_predictions(tmp_path / "alias")
    by_path = read_predictions(tmp_path / "path")
    assert set(by_alias["model_version"].astype(str)) == {"1"}
    same = [name for name in by_alias.columns if name != "model_version"]
    pd.testing.assert_frame_equal(by_alias[same], by_path[same])


def registered(tracked: Path, version: str = "1") -> Path:
    """Folder of the artifacts of a registered version."""
    import mlflow

    source = f"models:/cytocast/{version}"
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=source))


def test_an_artifact_that_was_changed_is_refused_by_every_command(mini, tracked, tmp_path) -> None:
    import mlflow

    client, folder = mlflow.MlflowClient(), registered(tracked)
    version = client.get_model_version("cytocast", "1")
    manifest = read_manifest(folder / "artifacts" / "bundle")
    assert [version.tags[name] for name in ("bundle_sha256", "reports_sha256")] == [
        manifest[name] for name in ("bundle_sha256", "reports_sha256")
    ]
    model = "models:/cytocast/1"
    commands = {
        "predict": ["--input", str(mini.batch), "--out", str(tmp_path / "p"), "--model", model],
        "evaluate": ["--cohort", str(mini.cohort), "--out", str(tmp_path / "e"), "--model", model],
        "monitor": ["--input", str(mini.batch), "--out", str(tmp_path / "m"), "--model", model],
        "serve": ["--model", model],
        "promote": ["--force"],
        "reproduce": [model, "--cohort", str(mini.cohort)],
    }
    for path in ("code/pipeline/errors.py", "pyfunc.py", "artifacts/bundle/evaluation.json"):
        whole = (folder / path).read_bytes()
        (folder / path).write_bytes(whole + b"\n")
        codes = {name: main([name, *rest, "--quiet"]) for name, rest in commands.items()}
        assert codes == dict.fromkeys(commands, 5), path
        with pytest.raises(BundleError):
            mlflow.pyfunc.load_model(model)
        (folder / path).write_bytes(whole)
    for tag in ("bundle_sha256", "code_sha256"):
        client.set_model_version_tag("cytocast", "1", tag, "0" * 64)
        assert main(["serve", "--model", model, "--quiet"]) == 5
        client.set_model_version_tag("cytocast", "1", tag, version.tags[tag])
    assert main(["predict", *commands["predict"], "--quiet", "--no-pages"]) == 0


def test_the_registered_pyfunc_scores_raw_rows_like_the_command(mini, tracked, tmp_path) -> None:
    import mlflow

    labs = pd.DataFrame(
        {
            "patient_id": ["P1", "P1", "P1", "P2", "P2"],
            "analyte": ["CRP", "ferritin", "il-6", "il-6", "CRP"],
            "value": ["120", "2,5e", "14", "<2", "9"],
            "unit": ["mg/L", "ng/mL", "pg/mL", "pg/mL", "mg/L"],
            "collected_hours": [50.0, 50.0, 50.0, 40.0, 40.0],
            "resulted_hours": [52.0, 52.0, 53.0, 43.0, 42.0],
            "product": ["axi-cel", "axi-cel", "axi-cel", "tisa-cel", "tisa-cel"],
        }
    )
    model = mlflow.pyfunc.load_model("models:/cytocast@challenger")
    scored = model.predict(labs)
    told_once = labs.assign(product=["axi-cel", None, None, None, "tisa-cel"])
    pd.testing.assert_frame_equal(model.predict(told_once), scored)
    with pytest.raises(mlflow.MlflowException, match="no usable row"):
        model.predict(labs.iloc[:0])
    whole = {"collected_hours": "int64", "resulted_hours": "Int64"}
    pd.testing.assert_frame_equal(model.predict(labs.astype(whole)), scored)
    numbered = model.predict(labs.assign(patient_id=[1, 1, 1, 2, 2], age_years=[61] * 5))
    assert numbered["patient_id"].unique().tolist() == ["1", "2"]
    other_specimen = model.predict(labs.assign(specimen="CSF"))
    assert set(other_specimen["status"]) == {"rejected"}
    folder = tmp_path / "in"
    folder.mkdir()
    labs.drop(columns="product").to_csv(folder / "labs.csv", index=False)
    labs[["patient_id", "product"]].drop_duplicates().to_csv(folder / "patients.csv", index=False)
    out = tmp_path / "out"
    arguments = ["--input", str(folder), "--out", str(out), "--model", str(tracked / "b")]
    assert main(["predict", *arguments, "--quiet"]) == 0
    written = read_predictions(out)
    assert len(pd.read_csv(out / "rejects.csv")) == 1
    assert list(scored.columns) == list(written.columns)
    assert (scored["risk"].astype(float).round(4) - written["risk"]).abs().max() == 0


@pytest.mark.slow
def test_the_server_answers_raw_rows_and_loses_only_the_bad_ones(tracked) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipeline.cli", "serve", "--port", str(port)]
    command += ["--model", "models:/cytocast@challenger"]
    names = ["patient_id", "analyte", "value", "unit", "collected_hours", "resulted_hours"]
    rows = [
        ["A", "CRP", "120", "mg/L", 50.0, 51.0],
        ["A", "ferritin", "<5", "ng/mL", 50.0, 51.0],
        ["A", "il-6", "12,5x", "pg/mL", 50.0, 51.0],
        ["B", "CRP", "10", "furlong", 20.0, 21.0],
    ]
    body = json.dumps({"dataframe_split": {"columns": names, "data": rows}}).encode()
    address = f"http://127.0.0.1:{port}/invocations"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    server = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)
    try:
        answer = json.loads(_answered(server, request), parse_constant=pytest.fail)["predictions"]
        server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=60)
    finally:
        server.kill()
        server.communicate()
    assert server.returncode == 0, log.decode()
    with pytest.raises(ProcessLookupError):
        os.killpg(server.pid, 0)
    by_patient = {
        name: {row["status"] for row in answer if row["patient_id"] == name} for name in ("A", "B")
    }
    assert by_patient == {"A": {"ok"}, "B": {"rejected"}}
    assert all((row["risk"] is not None) == (row["status"] == "ok") for row in answer)


def _answered(server: subprocess.Popen, request: urllib.request.Request) -> bytes:
    """The answer, once the server is up."""
    until = time.monotonic() + 60 * UP_WITHIN_MINUTES
    while time.monotonic() < until:
        assert server.poll() is None, server.stderr.read().decode()
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not come up within {UP_WITHIN_MINUTES} minutes")


def test_what_cannot_be_served_is_named(mini, tracked, capsys) -> None:
    assert main(["serve", "--model", str(mini.bundle)]) == 2
    assert "not a registered model" in capsys.readouterr().err
    assert main(["serve", "--model", "models:/other@champion"]) == 5
    assert "models:/other@champion is not in the registry" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main(["serve", "--model", "models:/cytocast@challenger", "--port", port]) == 2
    assert f"port {port} of 127.0.0.1 cannot be used" in capsys.readouterr().err


def test_the_gate_table_is_stored_with_the_registered_version(tracked) -> None:
    import mlflow

    assert main(["promote", "--quiet", "--force"]) == 0
    client = mlflow.MlflowClient()
    version = client.get_model_version_by_alias("cytocast", "champion")
    path = client.download_artifacts(version.run_id, "gates.json")
    gates = json.loads(Path(path).read_text())["gates"]
    assert {gate["name"] for gate in gates} >= {"canary", "icans/h72/calibration slope"}
    assert all(gate["sentence"].endswith(".") for gate in gates)
    assert version.tags["gates_passed"] == str(all(gate["passed"] for gate in gates)).lower()


def test_a_training_whose_store_fails_is_registered_later(
    mini, tracked, monkeypatch, capsys
) -> None:
    import mlflow

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    client = mlflow.MlflowClient()
    trained = client.get_run(client.get_model_version("cytocast", "1").run_id)
    with monkeypatch.context() as broken:
        broken.setattr("pipeline.train.tracking.finish_model", fail)
        assert train(mini, tracked / "b2", "--outcomes", "severe_crs,icans", "--seed", "5") == 5
    command = f"cytocast register {tracked / 'b2'}"
    assert command in capsys.readouterr().err
    for bundle in ("b2", "b2", "b"):
        assert main(["register", str(tracked / bundle), "--quiet"]) == 0
    assert len(client.search_model_versions("name = 'cytocast'")) == 2
    version = client.get_model_version_by_alias("cytocast", "challenger")
    first = client.get_model_version("cytocast", "1")
    assert version.version in ("2", 2)
    assert version.tags["bundle_sha256"] == load_bundle(tracked / "b2").sha256
    assert version.description == first.description
    later = client.get_run(version.run_id)
    failed = client.search_runs(
        [later.info.experiment_id], f"tags.logged_in_run = '{version.run_id}'"
    )
    assert [run.info.status for run in failed] == ["FAILED"]
    assert later.info.run_name == trained.info.run_name
    assert later.info.status == "FINISHED"
    assert later.data.metrics.keys() == trained.data.metrics.keys()
    assert later.data.params.keys() == trained.data.params.keys()
    assert later.data.params["seed"] == "5"
    assert later.data.tags.keys() == trained.data.tags.keys()
    assert later.data.tags["outcome"] == trained.data.tags["outcome"]
    assert later.data.tags["git_commit"] == "unknown"
    stored = [
        {item.path for item in client.list_artifacts(run.info.run_id)} - {"gates.json"}
        for run in (trained, later)
    ]
    assert stored[0] == stored[1]
    query = f"tags.mlflow.parentRunId = '{version.run_id}'"
    children = client.search_runs([later.info.experiment_id], query)
    assert {run.data.tags["outcome"] for run in children} == {"severe_crs", "icans"}


def test_two_promotions_at_once_leave_one_champion_and_its_tags(tracked) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    client.set_registered_model_alias("cytocast", "champion", "1")
    together = threading.Barrier(2)

    def one(_: int) -> tuple[int, str]:
        together.wait()
        return promote("cytocast", force=True)

    with ThreadPoolExecutor(2) as pool:
        summaries = [summary for _, summary in pool.map(one, range(2))]
    assert sorted("already" in text for text in summaries) == [False, True]
    version = client.get_model_version_by_alias("cytocast", "champion")
    assert str(version.version) == "2"
    assert {"gates", "gates_passed", "forced"} <= version.tags.keys()


@pytest.mark.parametrize("moment", ["before the alias", "after the alias"])
def test_a_rival_promotion_on_a_server_is_a_conflict(tracked, monkeypatch, capsys, moment) -> None:
    import mlflow

    client = mlflow.MlflowClient()
    client.set_registered_model_alias("cytocast", "champion", "1")
    client.delete_model_version_tag("cytocast", "2", "forced")
    set_alias, log_dict = client.set_registered_model_alias, client.log_dict

    def rival(self, name, alias, version):
        set_alias(name, alias, version)
        set_alias(name, alias, "1")

    def early(self, *arguments):
        log_dict(*arguments)
        client.delete_registered_model_alias("cytocast", "champion")

    kind = type(client)
    with monkeypatch.context() as other:
        if moment == "after the alias":
            other.setattr(kind, "set_registered_model_alias", rival)
        else:
            other.setattr(kind, "log_dict", early)
        assert main(["promote", "--quiet", "--force"]) == 6
    assert "meanwhile" in capsys.readouterr().err
    aliases = client.get_registered_model("cytocast").aliases
    assert aliases.get("champion") in (None, "1", 1)
    assert "forced" not in client.get_model_version("cytocast", "2").tags
    client.set_registered_model_alias("cytocast", "champion", "1")
    client.set_model_version_tag("cytocast", "2", "forced", "true")


def test_only_the_champions_settings_may_stand_in_for_it(mini, tracked, capsys) -> None:
    assert main(["promote", "--quiet", "--against", str(mini.bundle)]) == 2
    assert "champion's settings" in capsys.readouterr().err
    assert main(["promote", "--quiet", "--against", str(tracked / "b")]) == 6
    assert "another seed" in capsys.readouterr().err
