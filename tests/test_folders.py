"""An output folder never replaces what the command reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.errors import UsageError
from pipeline.folders import refuse_occupied


@pytest.mark.parametrize("place", ["cohort", ".", "cohort/../cohort"])
def test_an_output_that_is_or_holds_the_input_is_refused_even_with_force(
    tmp_path: Path, place: str
) -> None:
    source = tmp_path / "cohort"
    source.mkdir()
    with pytest.raises(UsageError, match="would replace it"):
        refuse_occupied(tmp_path / place, source, force=True)


def test_beside_the_input_is_fine(tmp_path: Path) -> None:
    (tmp_path / "cohort").mkdir()
    refuse_occupied(tmp_path / "out", tmp_path / "cohort", force=False)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system without folders")
def test_a_file_system_that_takes_no_folder_is_found_before_any_work() -> None:
    with pytest.raises(UsageError, match="no folder can be made in /proc"):
        refuse_occupied(Path("/proc/cytocast/out"), force=True)


def test_the_check_leaves_nothing_behind(tmp_path: Path) -> None:
    refuse_occupied(tmp_path / "a" / "b", force=False)
    assert list(tmp_path.iterdir()) == []


def test_messages_name_what_a_user_of_make_types(tmp_path: Path, capsys) -> None:
    (tmp_path / "labs.csv").write_text("patient_id,analyte\n")
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("")
    assert main(["audit", "--cohort", str(tmp_path), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "--out, or replace it with --force (make: OUT=, FORCE=1)" in said
    assert main(["audit", "--cohort", str(tmp_path / "none"), "--out", str(out / "new")]) == 3
    assert "make:" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["audit", "train"])
def test_force_never_deletes_a_cohort(tmp_path: Path, command: str) -> None:
    (tmp_path / "labs.csv").write_text("patient_id,analyte\n")
    arguments = [command, "--cohort", str(tmp_path), "--out", str(tmp_path), "--force"]
    assert main(arguments) == 2
    assert (tmp_path / "labs.csv").exists()
