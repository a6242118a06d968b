"""Another cohort is evaluated as it was exported, and audited before its figures are believed."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from tests.conftest import Mini, edit

ORDER = "cohort: {date_order: day_first, name: elsewhere}\nmodel: {booster_rounds: 9}\n"


@pytest.fixture
def other(mini: Mini, tmp_path: Path) -> Path:
    """A private copy of the mini cohort."""
    target = tmp_path / "other"
    target.mkdir()
    for path in mini.cohort.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


def evaluate(mini: Mini, cohort: Path, out: Path, *extra: str) -> int:
    arguments = ["--model", str(mini.bundle), "--cohort", str(cohort), "--out", str(out)]
    return main(["evaluate", *arguments, "--quiet", *extra])


def content(out: Path) -> dict:
    return json.loads((out / "evaluation.json").read_text(encoding="utf-8"))


def day_first(cohort: Path) -> None:
    """Write every time as 08.01.2024 09:00:00, as a hospital in Greenwich might."""
    for path in cohort.glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        clocks = [name for name in table if name.endswith("_at") or name == "infusion_time"]
        times = {
            name: pd.to_datetime(table[name], utc=True).dt.strftime("%d.%m.%Y %H:%M:%S")
            for name in clocks
        }
        table.assign(**times).to_csv(path, index=False)


def test_an_export_that_needs_settings_of_reading_is_evaluated_with_them(
    mini, other, tmp_path, capsys
) -> None:
    assert evaluate(mini, other, tmp_path / "plain") == 0
    assert content(tmp_path / "plain")["read_with"] == {}
    day_first(other)
    capsys.readouterr()
    assert evaluate(mini, other, tmp_path / "out", "--tz", "UTC") == 3
    output = capsys.readouterr().err
    assert "cohort.date_order" in output
    assert "--tz" not in output
    assert evaluate(mini, other, tmp_path / "out") == 3
    assert capsys.readouterr().err.count("(make: TZ_NAME=)") == 1

    config = tmp_path / "other.yaml"
    config.write_text(ORDER, encoding="utf-8")
    assert evaluate(mini, other, tmp_path / "out", "--config", str(config), "--tz", "UTC") == 0
    text = capsys.readouterr()
    assert text.out.startswith(
        'Reading settings that differ from training: time_zone: "UTC", date_order: "day_first"\n'
    )
    assert "model and cohort.name" in text.err
    result, plain = content(tmp_path / "out"), content(tmp_path / "plain")
    assert result["read_with"] == {"time_zone": "UTC", "date_order": "day_first"}
    for part in (*result["outcomes"].values(), *plain["outcomes"].values()):
        part.pop("labs_answer")  # the plain one is apparent and gives no verdict
    assert result["outcomes"] == plain["outcomes"]  # the model is the same
    assert result["cohort"]["name"] == "other"  # other bytes than those of training

    config.write_text("cohort: {date_oder: day_first}\n", encoding="utf-8")
    assert evaluate(mini, other, tmp_path / "typo", "--config", str(config)) == 2
    assert "cohort.date_oder" in capsys.readouterr().err


def test_errors_of_the_audit_come_first_and_do_not_stop_an_evaluation(
    mini, other, tmp_path, capsys
) -> None:
    assert evaluate(mini, other, tmp_path / "plain") == 0
    assert "AUDIT" not in capsys.readouterr().out
    assert content(tmp_path / "plain")["audit"]["unacknowledged_errors"] == []

    def twice(table: pd.DataFrame) -> pd.DataFrame:
        copies = table[table["patient_id"] == "M0003"].assign(patient_id="M9999")
        return pd.concat([table, copies])

    for path in other.glob("*.csv"):
        edit(path, twice)
    assert evaluate(mini, other, tmp_path / "out") == 0
    text = capsys.readouterr().out
    assert text.startswith("AUDIT ERRORS in this cohort (CHK104)")
    result = content(tmp_path / "out")
    assert result["audit"]["unacknowledged_errors"] == ["CHK104"]
    assert result["warnings"][0].startswith("Audit error CHK104 in this cohort")
    assert "M9999" not in result["warnings"][0]
    page = (tmp_path / "out" / "evaluation.html").read_text(encoding="utf-8")
    assert "Audit error CHK104 in this cohort" in page
