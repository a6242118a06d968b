"""Console summary of rejects (shares, reasons, no ids), and its effect on training."""

import json

import pandas as pd
import pytest

from pipeline import log
from pipeline.cli import main
from pipeline.cohort.analyte_resolver import AnalyteResolver
from pipeline.cohort.ledger import FUTURE, Ledger
from pipeline.cohort.reject_summary import (
    majority_lines,
    refusal_table,
    refused_rows,
    refused_share,
)
from pipeline.config_cohort import CohortConfig
from tests.exported import conserved, lab_rows, read_labs, write_export

GOOD = [("crp", "12", "mg/L", hour, hour + 1) for hour in (1, 2)]
BAD = [("crp", "12", "furlong", hour, hour + 1) for hour in (3, 4, 5)]


def test_the_table_tells_share_example_and_way_out(tmp_path):
    result = read_labs(tmp_path, *GOOD, *BAD)
    conserved(result)
    lines = refusal_table(result.rejects, result.counts)
    assert lines[0] == "labs.csv: 3 of 5 rows are rejected (60%)"
    assert "unit_refused" in lines[1]
    assert "60%" in lines[1]
    assert "line 4, unit" in lines[1]
    assert "cannot be read" in lines[2]
    assert "Correct the unit" in lines[2]


def test_every_code_is_counted_though_few_have_an_example():
    codes = ["a"] * 4 + ["b"] * 3 + ["c"] * 2 + ["d", "e"]
    rejects = pd.DataFrame({"code": codes, "row": 2, "column": "unit", "value": "x"})
    rejects = rejects.assign(file="labs.csv", reason="Wrong.", remedy="")
    lines = refusal_table(rejects, {"labs.csv": {"read": 20, "rejected": 11}})
    assert lines[-1].endswith("d 1, e 1")
    assert len(refusal_table(rejects[:9], {"labs.csv": {"read": 20, "rejected": 9}})) == 7


def test_no_id_of_a_patient_is_shown(tmp_path):
    rows = [*lab_rows(*GOOD), ("SECRET-7", "crp", "1", "mg/L", "1", "2")]
    people = [("patient_id",), ("A",)]
    from tests.exported import score

    result = score(write_export(tmp_path, patients=people, labs=rows, assessments=None))
    lines = refusal_table(result.rejects, result.counts)
    assert any("unknown_patient" in line for line in lines)
    assert "SECRET" not in "".join(lines)
    assert any("has no accepted row in patients" in line for line in lines)


def test_a_majority_of_an_analyte_is_loud_and_strangers_are_not(tmp_path, capsys):
    strangers = [("zinc", "1", "mg/L", hour, hour + 1) for hour in range(6)]
    few = [("il6", "3", "pg/mL", hour, hour + 1) for hour in range(9)]
    result = read_labs(tmp_path, *GOOD, *BAD, *strangers, *few)
    lines = majority_lines(result.counts, result.analytes_read, result.analytes_rejected)
    assert lines == ["most of 'crp' is rejected: 3 of 5 rows (60%), mostly unit_refused"]
    assert result.refused_share() == (3, 14)
    log.configure(quiet=True)
    result.report_refusals()
    assert "most of 'crp'" in capsys.readouterr().err


def test_nothing_refused_says_nothing(tmp_path, capsys):
    result = read_labs(tmp_path, *GOOD)
    log.configure()
    result.report_refusals()
    assert capsys.readouterr().err == ""
    assert refused_share({}, {}) == (0, 0)


def spoilt(mini, folder, share):
    folder.mkdir()
    for path in mini.cohort.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    labs = pd.read_csv(folder / "labs.csv", dtype=str, keep_default_na=False)
    labs.loc[labs.index < share * len(labs), "unit"] = "furlong"
    labs.to_csv(folder / "labs.csv", index=False)
    return folder


def test_a_cohort_that_is_mostly_refused_is_not_trained(mini, tmp_path, capsys):
    cohort = spoilt(mini, tmp_path / "cohort", 0.6)
    out = tmp_path / "bundle"
    command = ["train", "--cohort", str(cohort), "--config", str(mini.config), "--out", str(out)]
    assert main([*command, "--no-track", "--quiet"]) == 3
    error = capsys.readouterr().err
    assert "MOST OF labs.csv IS REJECTED" in error
    assert "cohort: {max_rejected_share: 0.6" in error
    assert not out.exists()
    refused = pd.read_csv(tmp_path / "bundle.rejects.csv")
    assert set(refused["code"]) == {"unit_refused"}


@pytest.mark.parametrize(("share", "limit", "code"), [(0.6, 0.5, 3), (0.6, 0.7, 0), (0.4, 0.5, 0)])
def test_the_audit_says_what_training_would_say(mini, tmp_path, capsys, share, limit, code):
    cohort = spoilt(mini, tmp_path / "cohort", share)
    config = tmp_path / "c.yaml"
    stated = f"cohort: {{max_rejected_share: {limit}}}\naudit: {{acknowledge: [CHK002]}}\n"
    config.write_text(stated, encoding="utf-8")
    out = tmp_path / "audit"
    command = ["audit", "--cohort", str(cohort), "--config", str(config), "--out", str(out)]
    assert main([*command, "--quiet"]) == code
    output = capsys.readouterr().out
    findings = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    errors = [item for item in findings if item["severity"] == "error"]
    if code == 0:
        assert output.startswith("Not blocked")
        assert errors == []
        return
    assert output.startswith("BLOCKED by CHK002")
    assert "acknowledged" not in output
    assert [item["code"] for item in errors] == ["CHK002"]
    assert "more than cohort.max_rejected_share (0.5) allows" in errors[0]["evidence"]["summary"]
    assert "cohort: {max_rejected_share: 0.6" in errors[0]["remedy"]
    page = (out / "audit.html").read_text(encoding="utf-8")
    assert "Training on this export is blocked by CHK002" in page


def test_a_batch_that_is_mostly_refused_is_scored_loudly(mini, predict, batch, capsys):
    labs = pd.read_csv(batch / "labs.csv", dtype=str, keep_default_na=False)
    labs.loc[labs.index % 3 > 0, "unit"] = "furlong"
    labs.to_csv(batch / "labs.csv", index=False)
    code, out = predict(batch, "--no-pages")
    assert code in (0, 4)
    assert "MOST OF labs.csv IS REJECTED" in capsys.readouterr().err
    assert (out / "predictions.csv").is_file()


def test_flagged_rows_are_listed(mini, predict, batch):
    labs = pd.read_csv(batch / "labs.csv", dtype=str, keep_default_na=False)
    labs.loc[3, "collected_at"] = labs.loc[3, "collected_at"][:10]
    labs.loc[3, "resulted_at"] = ""
    labs.to_csv(batch / "labs.csv", index=False)
    _, out = predict(batch, "--no-pages")
    flags = pd.read_csv(out / "flags.csv", dtype=str)
    assert flags[["file", "row", "code"]].to_numpy().tolist() == [["labs.csv", "5", "date_only"]]


@pytest.mark.parametrize("part", ["rejects", "flags"])
def test_the_lists_are_written_with_a_header_when_empty(predict, mini, part):
    _, out = predict(mini.batch, "--no-pages")
    header = (out / f"{part}.csv").read_text().splitlines()[0]
    assert header == "file,row,column,value,code,reason,remedy"


def test_rejected_grades_are_counted_by_patient_and_scale_without_later_ones():
    ledger = Ledger()
    table = pd.DataFrame(
        {
            "_line": [2, 3, 4, 5],
            "patient_id": ["A", "A", "B", "A"],
            "scale": ["CRS", "crs ", "cres", "icans"],
            "grade": ["7", "2.5", "1", "0"],
        }
    )
    entry = {"file": "assessments.csv", "column": "grade", "reason": "wrong", "remedy": "Correct."}
    rest = ledger.reject(table, table["scale"] != "icans", code="illegal_value", **entry)
    ledger.reject(rest, [True], code=FUTURE, **entry)
    rejects = refused_rows(ledger, CohortConfig(), AnalyteResolver({}, True))
    assert rejects["A"].grades == {"crs": 2}
    assert rejects["B"].grades == {"cres": 1}
    assert rejects["A"].rows == 3


def test_rejected_doses_are_counted_by_patient_and_drug_as_written_without_later_ones():
    ledger = Ledger()
    table = pd.DataFrame(
        {
            "_line": [2, 3, 4],
            "patient_id": ["A", "A", "A"],
            "drug": ["dexamethasone"] * 3,
            "_raw_drug": ["Dexa ", "Dexa", "Fortecortin"],
        }
    )
    entry = {"file": "treatments.csv", "column": "drug", "reason": "wrong", "remedy": "Correct."}
    late = table["_raw_drug"] == "Fortecortin"
    rest = ledger.reject(table, ~late, code="time_unusable", **entry)
    ledger.reject(rest, [True], code=FUTURE, **entry)
    assert refused_rows(ledger, CohortConfig(), AnalyteResolver({}, True))["A"].doses == {"Dexa": 2}
