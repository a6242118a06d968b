"""Cohorts too poor to learn from: a stated result or a clear refusal, never a figure of nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from tests.conftest import Mini, edit
from tests.minicohort import stamp

FILES = ("evaluation.html", "model_card.md", "tripod_ai.md", "card.json")


@pytest.fixture
def spoiled(mini: Mini, tmp_path: Path) -> Path:
    """A private copy of the mini cohort."""
    target = tmp_path / "cohort"
    target.mkdir()
    for path in mini.cohort.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def train(mini: Mini, cohort: Path, out: Path) -> int:
    arguments = ["--cohort", str(cohort), "--config", str(mini.config), "--out", str(out)]
    chosen = ["--outcomes", "severe_crs", "--no-track", "--quiet", "--jobs", "1"]
    return main(["train", *arguments, *chosen])


def evaluate(mini: Mini, cohort: Path, out: Path) -> dict:
    arguments = ["--model", str(mini.bundle), "--cohort", str(cohort), "--out", str(out)]
    assert main(["evaluate", *arguments, "--quiet"]) == 0
    return json.loads((out / "evaluation.json").read_text())


def severe(cohort: Path) -> list[str]:
    rows = pd.read_csv(cohort / "assessments.csv")
    return sorted(set(rows[(rows["scale"] == "crs") & (rows["grade"] >= 3)]["patient_id"]))


def milder(cohort: Path, patients: list[str]) -> None:
    """Lower the CRS of patients to grade 2."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        chosen = rows["patient_id"].isin(patients) & (rows["scale"] == "crs")
        return rows.assign(grade=rows["grade"].mask(chosen & rows["grade"].isin(["3", "4"]), "2"))

    edit(cohort / "assessments.csv", change)


def charted(cohort: Path, patients: list[str], hour: float) -> None:
    """Add a CRS grade of 3 at an hour."""
    people = pd.read_csv(cohort / "patients.csv").set_index("patient_id")
    zero = pd.to_datetime(people["infusion_time"])
    more = [
        {"patient_id": name, "assessed_at": stamp(zero[name], hour), "scale": "crs", "grade": "3"}
        for name in patients
    ]
    edit(cohort / "assessments.csv", lambda rows: pd.concat([rows, pd.DataFrame(more)]))


def test_one_event_patient_gives_counts_and_no_curve_of_that_patient(
    mini, spoiled, tmp_path, capsys
) -> None:
    milder(spoiled, severe(spoiled)[1:])
    assert train(mini, spoiled, tmp_path / "b") == 0
    output = capsys.readouterr().out
    assert "severe_crs: 1 event patient in all of follow-up, fewer than 5" in output
    assert "read the intervals" not in output
    page = (tmp_path / "b" / "evaluation.html").read_text()
    captions = re.findall(r"<figcaption>([^<]*)", page)
    assert len(captions) == page.count("<figure") == 2  # of prototypes, no curve of one patient
    assert "ROC" not in " ".join(captions)
    assert "1 of 60 patients have the event" in page
    assert "| not estimable |" in (tmp_path / "b" / "model_card.md").read_text()
    for name in FILES:
        assert not re.search(r"\b(nan|inf|NaN)\b", (tmp_path / "b" / name).read_text()), name
    external = evaluate(mini, spoiled, tmp_path / "e")
    assert any(
        "severe_crs: 1 event patient in all of follow-up, fewer than 5" in line
        for line in external["warnings"]
    )
    assert "<figcaption>ROC curves</figcaption>" not in section(tmp_path / "e", "Severe CRS")


def section(folder: Path, label: str) -> str:
    """The part of a page that belongs to one outcome."""
    page = (folder / "evaluation.html").read_text()
    start = page.index(f">{label} (")
    return page[start : page.index("<h2", start)]


def test_an_event_before_the_first_landmark_only_is_refused(
    mini, spoiled, tmp_path, capsys
) -> None:
    patients = severe(spoiled)
    milder(spoiled, patients)
    charted(spoiled, patients, 6.0)
    assert train(mini, spoiled, tmp_path / "b") == 3
    output = capsys.readouterr().err
    assert "severe_crs: no landmark is followed by crs grade 3 or more" in output
    assert "landmarks.first_hours" in output
    everyone = pd.read_csv(spoiled / "patients.csv")["patient_id"].tolist()
    charted(spoiled, everyone, 6.0)
    assert train(mini, spoiled, tmp_path / "b") == 3
    assert "severe_crs: no landmark is at risk of crs grade 3 or more" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_assessments_with_a_header_alone_are_nothing_to_learn_from(
    mini, spoiled, tmp_path, capsys
) -> None:
    edit(spoiled / "assessments.csv", lambda rows: rows[:0])
    assert train(mini, spoiled, tmp_path / "b") == 3
    output = capsys.readouterr().err
    assert "assessments.csv has a header but no row, so there is no outcome to learn from" in output
    assert "cohort.grades: derived" in output
    arguments = ["--cohort", str(spoiled), "--config", str(mini.config), "--quiet"]
    assert main(["audit", *arguments, "--out", str(tmp_path / "audit")]) == 3
    assert "BLOCKED by CHK001" in capsys.readouterr().out
    (result,) = (
        item
        for item in json.loads((tmp_path / "audit" / "audit.json").read_text())
        if item["code"] == "CHK001"
    )
    assert (result["severity"], result["table"]) == ("error", "assessments")
    assert result["evidence"]["summary"].startswith("assessments.csv has a header but no row")


def test_labs_after_every_landmark_mean_a_model_that_would_never_speak(
    mini, spoiled, tmp_path
) -> None:
    def later(rows: pd.DataFrame) -> pd.DataFrame:
        moved = {
            name: pd.to_datetime(rows[name]) + pd.Timedelta(hours=600)
            for name in ("collected_at", "resulted_at")
        }
        return rows.assign(
            **{name: when.map(pd.Timestamp.isoformat) for name, when in moved.items()}
        )

    edit(spoiled / "labs.csv", later)
    assert train(mini, spoiled, tmp_path / "b") == 0
    content = json.loads((tmp_path / "b" / "evaluation.json").read_text())
    assert any("An estimate is given at 0 of" in line for line in content["warnings"])
    external = evaluate(mini, spoiled, tmp_path / "e")
    assert any("An estimate is given at 0 of" in line for line in external["warnings"])


@pytest.mark.parametrize(
    "store", ["mlruns", "http://127.0.0.1:9", "oracle://u:p@h/db", "sqlite:////no/such/place/m.db"]
)
def test_a_store_that_cannot_be_used_ends_a_training_before_it_starts(
    mini: Mini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.chdir(tmp_path)
    arguments = ["--cohort", str(mini.cohort), "--config", str(mini.config), "--out", "bundle"]
    assert main(["train", *arguments]) == 2
    assert list(tmp_path.iterdir()) == []
