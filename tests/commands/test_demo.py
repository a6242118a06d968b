"""The demo from end to end on a tiny cohort: own folder, own store, honest words, repeatable."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from tests.conftest import read_predictions

NOW = "2026-11-22T06:30Z"
CONFIG = """\
model: {booster_rounds: 8, inner_folds: 2, bootstrap_members: 3}
landmarks: {last_hours: 168}
features: {analytes: [crp, ferritin, il6, fibrinogen, platelets]}
evaluation: {folds: 2, bootstrap: 20, control_permutations: 0, analyte_importance: false}
outcomes:
  severe_crs: {scale: crs, threshold: 3, label: Severe CRS}
  icans: {scale: icans, threshold: 1, label: ICANS}
"""


def demo(folder: Path, *extra: str) -> int:
    size = ("--patients", "50", "--batch", "9", "--seed", "3", "--jobs", "2", "--now", NOW)
    config = ("--config", str(folder / "tiny.yaml"))
    return main(["demo", "--out", str(folder / "demo"), *size, *config, "--quiet", *extra])


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    import contextlib
    import io

    root = tmp_path_factory.mktemp("demo")
    (root / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
    here, output = Path.cwd(), io.StringIO()
    os.chdir(root)
    try:
        with contextlib.redirect_stdout(output):
            assert demo(root) == 0
    finally:
        os.chdir(here)
    return root, output.getvalue()


def test_it_writes_everything_below_its_folder_and_nothing_elsewhere(shown) -> None:
    root, _ = shown
    assert sorted(path.name for path in root.iterdir()) == ["demo", "tiny.yaml"]
    wanted = ["SYNTHETIC.txt", "artifacts", "batch", "cohort", "mlflow.db", "model", "results"]
    assert set(wanted) <= {path.name for path in (root / "demo").iterdir()}
    assert (
        "MLFLOW_TRACKING_URI" not in os.environ
        or str(root) not in os.environ["MLFLOW_TRACKING_URI"]
    )


def test_the_summary_is_short_and_names_three_pages_worth_opening(shown) -> None:
    root, output = shown
    lines = output.splitlines()
    assert len(lines) <= 26
    first, last = lines.index("Open first:"), lines.index("Further files:")
    pages = [line.split(":")[0].strip() for line in lines[first + 1 : last]]
    assert len(pages) == 3
    assert all((root / page).is_file() for page in pages)
    assert [Path(page).name for page in (pages[0], pages[2])] == ["index.html", "evaluation.html"]
    for line in lines[last + 1 : -2]:
        assert (root / line.split(":")[0].strip()).is_file()


def test_the_summary_says_synthetic_and_gives_every_outcome(shown) -> None:
    root, output = shown
    evaluation = json.loads((root / "demo" / "model" / "evaluation.json").read_text())
    assert output.count("SYNTHETIC") >= 4
    assert f"{evaluation['cohort']['n_patients']} patients" in output
    for outcome in evaluation["outcomes"].values():
        assert f"{outcome['label']} within 72 h" in output
    assert "Calibration" in output
    assert "nan" not in output.lower().split()
    assert "None" not in output
    assert "Audit: Not blocked" in output


def test_details_are_in_the_log_file(shown) -> None:
    root, output = shown
    details = (root / "demo" / "demo.log").read_text(encoding="utf-8")
    steps = [line for line in details.splitlines() if " of 6: " in line and "SYNTHETIC" in line]
    assert len(steps) == 6
    assert details.count("auditing the cohort") == 1 + 1  # the step, and the audit itself
    assert "rows read" in details
    assert "rows read" not in output


def test_the_cohort_is_audited_once_and_simulated_without_true_risks(shown) -> None:
    root, _ = shown
    demo_folder = root / "demo"
    assert (demo_folder / "audit" / "audit.html").is_file()
    assert not list(demo_folder.glob("model.audit.html"))
    assert not (demo_folder / "cohort" / "true_risk.csv").exists()
    assert json.loads((demo_folder / "cohort" / "report.json").read_text())["synthetic"] is True


def test_a_refusal_is_told_and_the_ward_is_scored_all_the_same(shown) -> None:
    root, output = shown
    table = read_predictions(root / "demo" / "results")
    named = table["patient_id"].str.startswith("B4-")
    assert table.loc[named, "patient_id"].nunique() == 9
    # so few patients cannot pass the gate on events
    assert "is not promoted" in output
    assert "event patients; at least 20 are needed" in output
    run = json.loads((root / "demo" / "results" / "run_summary.json").read_text())
    assert run["synthetic_model"] is True
    assert run["model_version"] == "1"


def test_the_ward_is_dated_and_holds_every_kind_of_patient(shown) -> None:
    root, _ = shown
    folder = root / "demo"
    kinds = pd.read_csv(folder / "batch" / "kinds.csv").set_index("kind")["patient_id"]
    table = read_predictions(folder / "results").drop_duplicates(["patient_id", "outcome"])
    status = table.set_index(["patient_id", "outcome"])["status"]
    assert set(status[kinds["abstained"]]) == {"abstained"}
    assert set(status[kinds["rejected"]]) == {"rejected"}
    assert status[kinds["icans_present"], "icans"] == "event_present"
    assert status[kinds["severe_crs_rising"], "severe_crs"] == "ok"
    ward = (folder / "results" / "report" / "index.html").read_text(encoding="utf-8")
    assert "22 Nov 2026 06:30" in ward
    assert ward.count("Tocilizumab given since") == 1
    assert "xpired" not in ward


def test_mlflow_of_the_demo_holds_the_figures_of_each_outcome(shown) -> None:
    root, _ = shown
    artifacts = root / "demo" / "artifacts"
    drawn = sorted([*artifacts.rglob("shap/*/*.png"), *artifacts.rglob("shap/*.png")])
    names = {path.stem for path in drawn}
    assert names == {"beeswarm", "bar", "waterfall", "dependence", "pathways"}
    runs = {path.parents[1] for path in artifacts.rglob("shap/dependence.png")}
    assert 1 <= len(runs) <= 2  # an outcome without a prototype of five patients has none
    drawn += sorted(artifacts.rglob("figures/*.png"))
    assert {"calibration", "risk_by_day"} <= {path.stem for path in drawn}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path, capsys) -> None:
    (tmp_path / "tiny.yaml").write_text(CONFIG, encoding="utf-8")
    mine = tmp_path / "demo"
    mine.mkdir()
    (mine / "precious.csv").write_text("1", encoding="utf-8")
    assert demo(tmp_path) == 2
    assert demo(tmp_path, "--force") == 2
    assert "already holds something else" in capsys.readouterr().err
    assert (mine / "precious.csv").read_text(encoding="utf-8") == "1"


def test_impossible_sizes_are_refused_before_anything_is_replaced(shown, capsys) -> None:
    root, _ = shown
    before = (root / "demo" / "SYNTHETIC.txt").stat().st_mtime_ns
    for time in ("2026-11-22T06:30", "2999-01-01T00:00Z", "yesterday"):
        assert main(["demo", "--out", str(root / "demo"), "--now", time, "--quiet"]) == 2
    assert main(["demo", "--out", str(root / "demo"), "--batch", "0", "--quiet"]) == 2
    assert main(["demo", "--out", str(root / "demo"), "--patients", "0", "--quiet"]) == 2
    assert (root / "demo" / "SYNTHETIC.txt").stat().st_mtime_ns == before
    assert "--patients" in capsys.readouterr().err
