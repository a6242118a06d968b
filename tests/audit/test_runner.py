"""The audit as a user meets it: exit code, page, JSON, and exports in any state of disrepair."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.audit.runner import audit, by_code
from pipeline.cli import main
from pipeline.cohort import column_words
from pipeline.errors import InputError
from pipeline.pages.audit_page import render_audit
from tests.audit.conftest import in_memory, write
from tests.audit.conftest import settings as configured
from tests.minicohort import write_cohort
from tests.pages.evaluations import read
from tests.planted.defects import plant_defect

KEYS = {"code", "severity", "title", "table", "columns", "evidence", "remedy"}


def command(cohort, out, *extra: str) -> int:
    return main(["audit", "--cohort", str(cohort), "--out", str(out), "--quiet", *extra])


@pytest.fixture(scope="module")
def few(clean):
    """The first 60 patients."""
    ids = set(clean["patients"]["patient_id"][:60])
    return {
        name: table[table["patient_id"].isin(ids)].reset_index(drop=True)
        for name, table in clean.items()
    }


@pytest.fixture
def twins(few, tmp_path):
    folder = tmp_path / "twins"
    folder.mkdir()
    write(plant_defect(few, "CHK104", np.random.default_rng(1), 1.0), folder)
    return folder


def test_an_error_exits_3_and_page_and_json_say_what_to_do(twins, tmp_path, capsys) -> None:
    assert command(twins, tmp_path / "out") == 3
    assert "BLOCKED by CHK104" in capsys.readouterr().out
    entries = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert all(set(entry) == KEYS for entry in entries)
    assert [entry["severity"] for entry in entries] == sorted(
        (entry["severity"] for entry in entries), key=["error", "warning", "info"].index
    )
    first = entries[0]
    assert first["code"] == "CHK104"
    assert {place["file"] for place in first["evidence"]["examples"]} == {"patients.csv"}
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    read(page)
    assert page.index("What to do") < page.index("What was seen") < page.index("Why it matters")
    assert "Training on this export is blocked by CHK104" in page


@pytest.mark.parametrize("stray", [False, True])
def test_patients_and_their_infusions_are_counted_apart(few, stray) -> None:
    people = few["patients"]
    again = people.iloc[[0]].assign(episode="2")
    tables = {
        **few,
        "patients": pd.concat([people.assign(episode="1"), again], ignore_index=True),
    }
    if stray:
        other = few["labs"].iloc[[0]].assign(patient_id="?")
        tables["labs"] = pd.concat([few["labs"], other], ignore_index=True)
    report = audit(in_memory(tables))
    page = " ".join(read(render_audit(report, title="Two")).text)
    assert f"{len(people)} patients, {len(people) + 1} infusions; " in page
    assert f"{len(people)} patients; " in " ".join(
        read(render_audit(audit(in_memory(few)), title="One")).text
    )


def test_no_patient_id_is_quoted(twins, few, tmp_path) -> None:
    command(twins, tmp_path / "out")
    text = (tmp_path / "out" / "audit.json").read_text(encoding="utf-8")
    assert not any(name in text for name in few["patients"]["patient_id"])


def test_a_refused_id_is_not_quoted(tmp_path) -> None:
    cohort = write_cohort(tmp_path / "cohort", patients=20)
    labs = pd.read_csv(cohort / "labs.csv", dtype=str)
    labs.loc[4, "patient_id"] = "Jane Doe"
    labs.to_csv(cohort / "labs.csv", index=False)
    assert command(cohort, tmp_path / "out") == 0
    for name in ("audit.html", "audit.json"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert "An id has no row in patients" in text
        assert "Jane Doe" not in text


def test_an_acknowledged_error_no_longer_blocks(twins, tmp_path, capsys) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("audit: {acknowledge: [CHK104]}\n", encoding="utf-8")
    assert command(twins, tmp_path / "out", "--config", str(config)) == 0
    assert "(acknowledged)" in capsys.readouterr().out
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    assert "only because the configuration acknowledges CHK104" in page


@pytest.mark.parametrize("code", ["CHK999", "104"])
def test_a_code_no_check_has_is_a_usage_error(code, twins, tmp_path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"audit: {{acknowledge: ['{code}']}}\n", encoding="utf-8")
    assert command(twins, tmp_path / "out", "--config", str(config)) == 2


@pytest.mark.parametrize("missing", ["patients", "labs", "assessments"])
def test_an_export_that_cannot_train_still_gets_a_page(missing, tmp_path) -> None:
    cohort = write_cohort(tmp_path / "cohort", patients=20)
    (cohort / f"{missing}.csv").unlink()
    assert command(cohort, tmp_path / "out") == 3
    entries = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert entries[0]["code"] == "CHK001"
    assert f"{missing}.csv" in entries[0]["evidence"]["summary"]
    assert str(tmp_path) not in json.dumps(entries)


def test_refused_rows_name_file_line_and_remedy(tmp_path) -> None:
    cohort = write_cohort(tmp_path / "cohort", patients=20)
    labs = pd.read_csv(cohort / "labs.csv", dtype=str)
    labs.loc[4, "unit"] = "furlongs"
    labs.to_csv(cohort / "labs.csv", index=False)
    assert command(cohort, tmp_path / "out") == 0
    entries = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    refused = [entry for entry in entries if entry["code"] == "CHK002"]
    assert [place["row"] for place in refused[0]["evidence"]["examples"]] == [6]
    assert "furlongs" in refused[0]["evidence"]["summary"]
    rejects = pd.read_csv(tmp_path / "out" / "rejects.csv")
    assert rejects[["file", "row", "column"]].to_numpy().tolist() == [["labs.csv", 6, "unit"]]
    page = read((tmp_path / "out" / "audit.html").read_text(encoding="utf-8")).text
    assert "Rows (share)" in page
    assert refused[0]["remedy"] in page
    assert refused[0]["evidence"]["counts"]["code"] in page


def test_rows_are_judged_although_another_table_cannot_be_read(tmp_path) -> None:
    cohort = write_cohort(tmp_path / "cohort", patients=20)
    labs = pd.read_csv(cohort / "labs.csv", dtype=str)
    labs.loc[4, "unit"] = "furlongs"
    labs.to_csv(cohort / "labs.csv", index=False)
    grades = pd.read_csv(cohort / "assessments.csv", dtype=str)
    mixed = np.where(grades["patient_id"] == grades["patient_id"].iloc[0], "penn", "astct")
    grades.assign(grading_system=mixed).to_csv(cohort / "assessments.csv", index=False)
    assert command(cohort, tmp_path / "out") == 3
    entries = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert [entry["code"] for entry in entries if entry["severity"] == "error"] == ["CHK001"]
    assert any(e["code"] == "CHK002" and "furlongs" in str(e["evidence"]) for e in entries)


def test_every_finding_says_where_to_look_and_both_lines_of_a_twin(twins, tmp_path) -> None:
    command(twins, tmp_path / "out")
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    entries = json.loads((tmp_path / "out" / "audit.json").read_text(encoding="utf-8"))
    assert page.count("<article") == page.count("Where to look") > 3
    lines = [place["row"] for place in entries[0]["evidence"]["examples"]]
    assert len(lines) == 2
    assert all(f"<td>{line}</td>" in page for line in lines)


def test_importance_orders_every_check_once() -> None:
    assert sorted(column_words.audit_settings("importance")) == sorted(by_code())


def test_a_folder_without_tables_is_refused(tmp_path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "notes.txt").write_text("nothing here", encoding="utf-8")
    assert command(folder, tmp_path / "out") == InputError.exit_code


CELLS = st.one_of(
    st.sampled_from(["", "crp", "crs", "A", "B", "1", "-1", "<0.5", "9999", "nan", "inf", "mg/L"]),
    st.sampled_from(["2024-03-01T08:00:00+01:00", "2024-03-01", "9999-12-31", "1e400", "0"]),
    st.text(max_size=6),
)
COLUMNS = {
    "patients": ["patient_id", "infusion_time", "site", "age_years", "record_end_hours", "name"],
    "labs": ["patient_id", "analyte", "value", "unit", "collected_at", "resulted_hours", "status"],
    "assessments": ["patient_id", "scale", "grade", "assessed_hours", "grading_system"],
}


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_any_text_in_any_cell_gives_a_page(data) -> None:
    tables = {}
    for name, columns in COLUMNS.items():
        kept = [c for c in columns if data.draw(st.integers(0, 9)) > 0]
        rows = data.draw(
            st.lists(st.lists(CELLS, min_size=len(kept), max_size=len(kept)), max_size=9)
        )
        tables[name] = pd.DataFrame(rows, columns=kept, dtype="str")
    context = in_memory(tables, configured())
    page = render_audit(audit(context), title="Any")
    assert "</html>" in page
