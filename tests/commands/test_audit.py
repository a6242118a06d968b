"""The command audit: its files, its exit code, and an output folder that is not written over."""

import json

import pytest

from pipeline.cli import main
from tests.conftest import edit
from tests.minicohort import write_cohort


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("audit") / "cohort", patients=30, seed=4)


def audit(cohort, out, *extra):
    return main(["audit", "--cohort", str(cohort), "--out", str(out), "--quiet", *extra])


def test_a_clean_export_gives_a_page_and_a_list_and_no_rejects(cohort, tmp_path, capsys):
    out = tmp_path / "out"
    assert audit(cohort, out) == 0
    assert {path.name for path in out.iterdir()} == {".cytocast.json", "audit.html", "audit.json"}
    entries = json.loads((out / "audit.json").read_text())
    assert "error" not in {entry["severity"] for entry in entries}
    assert str(out / "audit.html") in capsys.readouterr().out


def test_rejected_rows_are_listed_beside_the_page(cohort, tmp_path):
    spoilt = write_cohort(tmp_path / "cohort", patients=30, seed=4)
    edit(
        spoilt / "labs.csv",
        lambda table: table.assign(unit=table["unit"].mask(table.index < 3, "x")),
    )
    audit(spoilt, tmp_path / "out")
    rejects = (tmp_path / "out" / "rejects.csv").read_text().splitlines()
    assert len(rejects) == 1 + 3


def test_an_export_that_cannot_be_used_blocks(cohort, tmp_path):
    spoilt = write_cohort(tmp_path / "cohort", patients=30, seed=4)
    edit(spoilt / "assessments.csv", lambda table: table.assign(grade="9"))
    assert audit(spoilt, tmp_path / "out") == 3
    assert (tmp_path / "out" / "audit.html").exists()


def test_a_folder_that_holds_something_is_not_written_over(cohort, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("x")
    assert audit(cohort, out) == 2
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    assert audit(cohort, cohort) == 2


@pytest.mark.parametrize("extra", [("--tz", "Mars/Olympus"), ("--config", "nosuch.yaml")])
def test_wrong_settings_are_a_usage_error_before_any_work(cohort, tmp_path, extra):
    assert audit(cohort, tmp_path / "out", *extra) == 2
    assert not (tmp_path / "out").exists()
