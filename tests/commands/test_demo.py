"""The demo from end to end on a tiny cohort: own folder, own store, honest words, repeatable."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.commands.demo import highest
from tests.conftest import read_predictions

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
    size = ("--patients", "50", "--batch", "6", "--seed", "3", "--jobs", "2")
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


def test_the_summary_says_synthetic_and_what_it_saw(shown) -> None:
    root, output = shown
    evaluation = json.loads((root / "demo" / "model" / "evaluation.json").read_text())
    assert output.count("SYNTHETIC") >= 4
    assert f"{evaluation['cohort']['n_patients']} patients" in output
    for outcome in evaluation["outcomes"].values():
        assert f"{outcome['label']} within 72 h" in output
    assert "Calibration" in output
    assert "nan" not in output.lower().split()
    assert "None" not in output
    assert "audit: Not blocked" in output
    for file in ("index.html", "predictions.csv", "rejects.csv", "evaluation.html", "audit.html"):
        path = next(word for word in output.split() if word.rstrip(":").endswith(file)).rstrip(":")
        assert (root / path).is_file()


def test_a_refusal_is_told_and_the_batch_is_scored_all_the_same(shown) -> None:
    root, output = shown
    table = read_predictions(root / "demo" / "results")
    named = table["patient_id"].str.startswith("B4-")
    assert table.loc[named, "patient_id"].nunique() == 6
    # so few patients cannot pass the gate on events
    assert "is not promoted" in output
    assert "event patients; at least 20 are needed" in output
    run = json.loads((root / "demo" / "results" / "run_summary.json").read_text())
    assert run["synthetic_model"] is True
    assert run["model_version"] == "1"


def test_the_highest_risks_are_the_highest(shown) -> None:
    root, output = shown
    table = read_predictions(root / "demo" / "results")
    scored = table[(table["status"] == "ok") & (table["horizon_h"] == 72)]
    top = scored.sort_values("risk", ascending=False).iloc[0]
    lines = highest(table, {})
    assert lines[0].startswith(f"{top['patient_id']}, day {int(top['infusion_day'])}: ")
    assert len(lines) == min(5, len(scored))
    assert lines[0].split(":")[0] in output


def test_mlflow_of_the_demo_holds_the_figures_of_each_outcome(shown) -> None:
    root, _ = shown
    drawn = sorted((root / "demo" / "artifacts").rglob("figures/*/*.png"))
    names = {(path.parent.name, path.name) for path in drawn}
    assert names == {
        (scale, f"{name}.png")
        for scale in ("crs", "icans")
        for name in ("beeswarm", "dependence", "pathways", "calibration", "risk_by_day")
    }
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
    assert main(["demo", "--out", str(root / "demo"), "--batch", "0", "--quiet"]) == 2
    assert main(["demo", "--out", str(root / "demo"), "--patients", "0", "--quiet"]) == 2
    assert (root / "demo" / "SYNTHETIC.txt").stat().st_mtime_ns == before
    assert "--patients" in capsys.readouterr().err
