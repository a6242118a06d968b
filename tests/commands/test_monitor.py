"""``cytocast monitor`` as an operator runs it."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.model.bundle import load_bundle, save_bundle
from tests.conftest import Mini, edit
from tests.minicohort import cut, write_cohort


@pytest.fixture(scope="module")
def ward(mini: Mini, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Forty other patients, at 84 h and with what came later."""
    root = tmp_path_factory.mktemp("ward")
    later = write_cohort(root / "later", patients=40, seed=5, prefix="W")
    ids = [f"W{number:04d}" for number in range(40)]
    return cut(later, root / "batch", hours=84, patients=ids), later


@pytest.fixture
def monitor(mini: Mini, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Run the command; returns code, document, what stands on stdout, and the page."""

    def run(*arguments: str | Path):
        out = tmp_path / "monitor"
        code = main(
            ["monitor", "--out", str(out), "--model", str(mini.bundle), "--quiet", "--force"]
            + [str(argument) for argument in arguments]
        )
        document = json.loads((out / "monitor.json").read_text(encoding="utf-8"))
        page = (out / "monitor.html").read_text(encoding="utf-8")
        return code, document, capsys.readouterr().out, page

    return run


def copied(batch: Path, target: Path) -> Path:
    target.mkdir()
    for path in batch.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def test_a_batch_like_training_raises_nothing(monitor, ward):
    code, document, output, page = monitor("--input", ward[0])
    assert (code, document["alarms"]) == (0, [])
    assert "40 of 40 patients" in output
    assert "No alarm." in output
    assert "No alarm." in page
    assert "No result was rejected." in page
    kinds = {item["kind"] for item in document["figures"]}
    assert kinds >= {"missing", "below", "above", "shift", "units", "delay", "risk", "abstained"}
    assert "outcome" not in kinds


def test_an_alarm_is_said_in_full_and_has_its_exit_code(monitor, ward, tmp_path):
    spoiled = copied(ward[0], tmp_path / "spoiled")
    edit(spoiled / "labs.csv", lambda labs: labs.loc[labs["analyte"] != "ferritin"])
    code, document, output, page = monitor("--input", spoiled)
    assert code == 6
    kinds = [(item["kind"], item["subject"]) for item in document["alarms"]]
    assert ("missing", "ferritin") in kinds
    sentence = document["alarms"][kinds.index(("missing", "ferritin"))]["sentence"]
    assert "40 of 40 patients" in sentence
    assert f"ALARM {sentence}" in output
    assert sentence in html.unescape(page)
    assert "Ask the laboratory" in page


def test_refused_rows_are_told_also_without_an_alarm(monitor, ward, tmp_path):
    spoiled = copied(ward[0], tmp_path / "one")

    def change(labs: pd.DataFrame) -> pd.DataFrame:
        labs.loc[[0], "unit"] = "furlong"
        return labs

    edit(spoiled / "labs.csv", change)
    name = pd.read_csv(spoiled / "labs.csv", dtype=str)["analyte"][0]
    code, document, output, page = monitor("--input", spoiled)
    whole = document["results"]
    assert (code, document["results_refused"], document["patients_refused"]) == (0, 1, 1)
    assert f"1 of {whole} results (<1%) rejected, in 1 of 40 patients" in output
    assert f"unit_refused of {name} (1 row); see rejects.csv" in output
    line = next(line for line in output.splitlines() if " rejected, in " in line)
    assert f"<p>{html.escape(line)}.</p>" in page
    assert "No alarm." in output


def test_values_ten_times_too_large_are_seen(monitor, ward, tmp_path):
    def change(labs: pd.DataFrame) -> pd.DataFrame:
        rows = labs["analyte"] == "ferritin"
        labs.loc[rows, "value"] = (labs.loc[rows, "value"].astype(float) * 10).astype(str)
        return labs

    spoiled = copied(ward[0], tmp_path / "spoiled")
    edit(spoiled / "labs.csv", change)
    code, document, _, page = monitor("--input", spoiled)
    assert code == 6
    assert ("shift", "ferritin") in {(i["kind"], i["subject"]) for i in document["alarms"]}
    assert "<svg" in page
    assert "highest fifth" in page


def test_outcomes_that_came_later_are_set_beside_the_risks(monitor, ward):
    code, document, _, page = monitor("--input", ward[0], "--cohort", ward[1])
    result = {i["subject"]: i for i in document["figures"] if i["kind"] == "outcome"}
    assert set(result) <= {"severe_crs", "icans", "severe_icans"}
    icans = result["icans"]
    assert 10 <= icans["patients"] <= 40
    table = pd.read_csv(ward[1] / "assessments.csv")
    people = pd.read_csv(ward[1] / "patients.csv").set_index("patient_id")
    zero = pd.to_datetime(table["patient_id"].map(people["infusion_time"]))
    hours = (pd.to_datetime(table["assessed_at"]) - zero).dt.total_seconds() / 3600
    charted = table.assign(hours=hours).query("scale == 'icans' and grade >= 1")
    first = charted.groupby("patient_id")["hours"].min()
    assert icans["found"] <= ((first > 70) & (first < 84 + 72)).sum()
    assert "Later events" in page
    assert code in (0, 6)


def test_a_patient_of_two_batches_counts_once(monitor, ward, mini):
    _, document, _, _ = monitor("--input", ward[0], "--input", ward[0], "--input", mini.batch)
    assert document["batches"] == 3
    assert document["patients_compared"] == 47
    missing = next(item for item in document["figures"] if item["kind"] == "missing")
    assert missing["patients"] == 47


def test_few_patients_are_said_to_be_few(monitor, ward, tmp_path):
    few = copied(ward[0], tmp_path / "few")
    for name in ("patients", "labs", "assessments", "treatments"):
        edit(few / f"{name}.csv", lambda rows: rows.loc[rows["patient_id"] <= "W0004"])
    edit(few / "labs.csv", lambda labs: labs.loc[labs["analyte"] != "ferritin"])
    code, document, output, page = monitor("--input", few)
    assert (code, document["alarms"]) == (0, [])
    assert "Fewer than 10 patients" in output
    assert "too few" in page


def test_thresholds_can_be_set(monitor, ward, tmp_path):
    strict = tmp_path / "strict.yaml"
    strict.write_text("monitor: {min_patients: 41}\n", encoding="utf-8")
    _, document, _, _ = monitor("--input", ward[0], "--config", strict)
    assert document["thresholds"]["min_patients"] == 41
    assert document["thresholds"]["psi"] == 0.25
    assert {item["p"] for item in document["figures"]} == {None}


def test_nothing_about_one_patient_leaves(monitor, ward):
    _, document, output, page = monitor("--input", ward[0], "--cohort", ward[1])
    for text in (json.dumps(document), output, page):
        assert not re.search(r"W00\d\d", text)


def test_a_bundle_without_a_profile_says_to_retrain(mini, ward, tmp_path, capsys):
    bundle = load_bundle(mini.bundle)
    old = replace(bundle, reference=replace(bundle.reference, profile=None))
    save_bundle(old, tmp_path / "old")
    arguments = ["--input", str(ward[0]), "--out", str(tmp_path / "o")]
    assert main(["monitor", *arguments, "--model", str(tmp_path / "old"), "--quiet"]) == 5
    assert "train again" in capsys.readouterr().err


def test_other_sections_of_a_config_are_refused(mini, ward, tmp_path, capsys):
    path = tmp_path / "c.yaml"
    path.write_text("seed: 3\n", encoding="utf-8")
    arguments = ["--input", str(ward[0]), "--out", str(tmp_path / "o"), "--config", str(path)]
    assert main(["monitor", *arguments, "--model", str(mini.bundle), "--quiet"]) == 2
    assert "'monitor'" in capsys.readouterr().err


def test_the_profile_survives_the_bundle(mini, tmp_path):
    bundle = load_bundle(mini.bundle)
    assert bundle.reference.profile is not None
    assert bundle.reference.profile.days
    save_bundle(bundle, tmp_path / "again")
    assert load_bundle(tmp_path / "again").reference.profile == bundle.reference.profile


def test_a_batch_of_shifted_dates_names_the_remedy(mini, tmp_path, capsys):
    batch = tmp_path / "batch"
    batch.mkdir()
    (batch / "patients.csv").write_text(
        "patient_id,infusion_time\nA,2141-12-17T08:00:00-05:00\n", encoding="utf-8"
    )
    (batch / "labs.csv").write_text(
        "patient_id,analyte,value,unit,collected_at\nA,CRP,120,mg/L,2141-12-20T06:00:00-05:00\n",
        encoding="utf-8",
    )
    arguments = ["--input", str(batch), "--model", str(mini.bundle), "--out", str(tmp_path / "m")]
    assert main(["monitor", "--quiet", *arguments]) == 3
    assert "pseudonymise --times hours" in capsys.readouterr().err
