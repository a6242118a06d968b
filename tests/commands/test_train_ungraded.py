"""Patients who were never graded: trained as unknown, and said so wherever a reader looks."""

from __future__ import annotations

import json

from pipeline.cli import main
from tests.conftest import edit
from tests.minicohort import CONFIG, write_cohort


def test_training_leaves_them_out_and_page_card_and_audit_count_them(tmp_path) -> None:
    cohort = write_cohort(tmp_path / "cohort", patients=40, seed=5)
    lost = [f"M{number:04d}" for number in range(6)]
    edit(cohort / "assessments.csv", lambda rows: rows[~rows["patient_id"].isin(lost)])
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    out = tmp_path / "bundle"
    arguments = ["--cohort", str(cohort), "--config", str(tmp_path / "config.yaml")]
    arguments += ["--out", str(out), "--outcomes", "icans", "--no-track", "--quiet", "--jobs", "1"]
    assert main(["train", *arguments]) == 0

    content = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    entry = content["never_graded"]["icans"]
    assert (entry["n"], entry["of"], entry["read_as"]) == (6, 40, "unknown")
    assert content["sample_size"]["icans"]["n_patients"] <= 34
    for cell in content["outcomes"]["icans"]["model"].values():
        assert cell["n_patients"] <= 34
    rates = json.loads((out / "reference.json").read_text(encoding="utf-8"))["base_rates"]["icans"]
    counted = [day["patients"] for days in rates.values() for day in days]
    assert 0 < max(counted) <= 34

    output = "ICANS: 6 of 40 patients were never graded and are excluded as unknown"
    for name in ("evaluation.html", "model_card.md", "tripod_ai.md"):
        assert output in (out / name).read_text(encoding="utf-8"), name
    findings = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    result = [item for item in findings if item["code"] == "CHK005"]
    assert output in {item["evidence"]["summary"][: len(output)] for item in result}
    assert {item["severity"] for item in result} == {"warning"}
