"""End to end on the public development cohorts, with fewer folds than a real training."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.audit.runner import audit_folder
from pipeline.cli import main
from pipeline.config import load_config
from pipeline.features.build import build_features
from pipeline.features.landmarks import training_landmarks
from pipeline.features.spec import learn_spec
from pipeline.reading.reader import read_cohort
from tests.conftest import read_predictions

CONFIGS = Path(__file__).parent.parent / "configs" / "cohorts"
QUICK = """\
model: {booster_rounds: 20, inner_folds: 2, bootstrap_members: 2, bootstrap_boosters: 2}
evaluation: {folds: 2, repeats: 1, bootstrap: 40, control_permutations: 1, further_splits: []}
"""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("quick") / "quick.yaml"
    path.write_text(QUICK, encoding="utf-8")
    return path


def split(source: Path, root: Path, every: int) -> tuple[Path, Path]:
    """Two cohorts of about 150 patients: all but every n-th, and every n-th."""
    people = pd.read_csv(source / "patients.csv", dtype=str)
    used = people["patient_id"][:: max(len(people) // 150, 1)]
    left_out = set(used[::every])
    for name, keep in (("train", False), ("left_out", True)):
        (root / name).mkdir()
        for table in ("patients", "labs", "assessments"):
            rows = pd.read_csv(source / f"{table}.csv", dtype=str, keep_default_na=False)
            chosen = rows["patient_id"].isin(left_out if keep else set(used) - left_out)
            rows[chosen].to_csv(root / name / f"{table}.csv", index=False)
    return root / "train", root / "left_out"


def cut_at_day_4(source: Path, target: Path, *, assessments: bool) -> list[str]:
    """Three patients as they stood at hour 96."""
    target.mkdir()
    people = pd.read_csv(source / "patients.csv", dtype=str)
    chosen = list(people["patient_id"][:3])
    kept = people[people["patient_id"].isin(chosen)]
    kept.drop(columns=["record_end_hours", "followed_until_hours"]).to_csv(
        target / "patients.csv", index=False
    )
    for table, clock in (("labs", "resulted_hours"), ("assessments", "assessed_hours")):
        if table == "assessments" and not assessments:
            continue
        rows = pd.read_csv(source / f"{table}.csv", dtype=str, keep_default_na=False)
        rows = rows[rows["patient_id"].isin(chosen) & (rows[clock].astype(float) < 96)]
        rows.to_csv(target / f"{table}.csv", index=False)
    return chosen


@pytest.mark.parametrize(
    ("cohort", "config", "outcome", "horizon", "low", "high"),
    [
        ("prcrs_recovered", "prcrs.yaml", "severe_crs", "72", 0.80, 0.97),
        pytest.param("wuhan", "wuhan.yaml", "death", "168", 0.82, 0.96, marks=pytest.mark.slow),
    ],
)
def test_train_evaluate_and_predict(
    shared_data, quick, tmp_path, cohort, config, outcome, horizon, low, high
) -> None:
    training, left_out = split(shared_data / cohort, tmp_path, every=4)
    bundle = tmp_path / "bundle"
    settings = ["--config", str(CONFIGS / config), "--config", str(quick)]
    arguments = ["--cohort", str(training), "--out", str(bundle), "--outcomes", outcome, "--quiet"]
    assert main(["train", *arguments, *settings, "--no-track", "--jobs", "2"]) == 0
    inside = json.loads((bundle / "evaluation.json").read_text())
    assert inside["canary_auroc"] == 0.5
    assert low < inside["outcomes"][outcome]["model"][horizon]["auroc"] < high

    external = tmp_path / "external"
    arguments = ["--model", str(bundle), "--cohort", str(left_out), "--out", str(external)]
    assert main(["evaluate", *arguments, "--quiet"]) == 0
    outside = json.loads((external / "evaluation.json").read_text())
    assert outside["kind"] == "external"
    cell = outside["outcomes"][outcome]["model"][horizon]
    assert cell["n_event_patients"] >= 5
    # an eighth to a quarter of the events: only a gross error would leave these bounds
    assert 0.65 < cell["auroc"] <= 1

    for assessments in (True, False):
        batch, out = tmp_path / f"batch{assessments}", tmp_path / f"out{assessments}"
        patients = cut_at_day_4(left_out, batch, assessments=assessments)
        arguments = ["--input", str(batch), "--out", str(out), "--model", str(bundle), "--quiet"]
        assert main(["predict", *arguments]) in (0, 4)
        rows = read_predictions(out)
        assert set(rows["patient_id"]) == set(patients)
        assert rows["status"].isin(["ok", "event_present", "abstained"]).all()
        ok = rows[rows["status"] == "ok"]
        assert len(ok) > 0
        assert ok["risk"].between(0, 1).all()
        if not assessments:
            assert not ok["state_used"].astype(bool).any()


def test_signed_scores_of_nulisa_are_read_audited_and_become_features(shared_data) -> None:
    config = load_config([CONFIGS / "nulisa.yaml"])
    report = audit_folder(shared_data / "nulisa", config)
    assert report.blocking == []
    assert "CHK204" not in {item.code for item in report.findings}
    read = read_cohort(shared_data / "nulisa", config.cohort)
    assert read.counts["labs.csv"]["rejected"] == 0
    labs = read.cohort.labs
    assert set(labs["analyte"]) == {"effector_score", "vascular_score"}
    assert (labs["value"] < 0).mean() > 0.3
    spec = learn_spec(read.cohort, config, read.local)
    assert [(a.signed, a.scale, a.log, a.unit) for a in spec.analytes] == [
        (True, "linear", False, "{z}")
    ] * 2
    landmarks = training_landmarks(read.cohort, config.landmarks, "icans")
    newest = build_features(read.cohort, landmarks, spec).column("effector_score__last")
    assert np.nanmin(newest) < 0 < np.nanmax(newest)
