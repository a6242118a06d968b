"""Training is blocked by errors of the audit, unless the configuration acknowledges them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.config import load_config
from pipeline.errors import UsageError
from pipeline.train.intake import audit_cohort
from tests.minicohort import CONFIG, write_cohort


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mini cohort with one patient under two ids."""
    folder = write_cohort(tmp_path_factory.mktemp("twins") / "cohort", patients=40, seed=5)
    for path in folder.glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        copies = table[table["patient_id"] == "M0003"].assign(patient_id="M9999")
        pd.concat([table, copies]).to_csv(path, index=False)
    return folder


def train(cohort: Path, folder: Path, extra: str = "") -> tuple[int, Path]:
    (folder / "config.yaml").write_text(CONFIG + extra, encoding="utf-8")
    out = folder / "bundle"
    arguments = ["--cohort", str(cohort), "--config", str(folder / "config.yaml")]
    arguments += ["--out", str(out), "--outcomes", "icans", "--no-track", "--quiet", "--jobs", "1"]
    return main(["train", *arguments]), out


def test_an_error_blocks_and_says_why_and_where_to_read_on(twins, tmp_path, capsys) -> None:
    code, out = train(twins, tmp_path)
    assert code == 3
    assert not out.exists()
    output = capsys.readouterr().err
    assert "CHK104" in output
    assert "audit.acknowledge: [CHK104]" in output
    page = tmp_path / "bundle.audit.html"
    assert "The same patient under two ids" in page.read_text(encoding="utf-8")


def test_an_acknowledged_error_stays_on_record_with_the_bundle(twins, tmp_path) -> None:
    code, out = train(twins, tmp_path, "audit: {acknowledge: [CHK104]}\n")
    assert code == 0
    evaluation = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["audit"]["acknowledged_errors"] == ["CHK104"]
    assert evaluation["audit"]["unacknowledged_errors"] == []
    assert any("CHK104" in sentence for sentence in evaluation["warnings"])
    for file in ("evaluation.html", "model_card.md", "card.json"):
        assert "Audit error CHK104 was acknowledged" in (out / file).read_text(encoding="utf-8")
    provenance = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["audit"]["acknowledged_errors"] == ["CHK104"]
    entries = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    assert "CHK104" in {entry["code"] for entry in entries}
    assert all(entry["evidence"]["examples"] == [] for entry in entries)


def test_acknowledging_a_code_that_does_not_exist_is_refused(twins) -> None:
    config = load_config().model_copy(
        update={"audit": load_config().audit.model_copy(update={"acknowledge": ("CHK999",)})}
    )
    from pipeline.reading.reader import read_cohort

    read = read_cohort(twins, config.cohort)
    with pytest.raises(UsageError, match="CHK999"):
        audit_cohort(twins, config, read)
