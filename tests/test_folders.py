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


@pytest.mark.parametrize("command", ["audit", "train"])
def test_force_never_deletes_a_cohort(tmp_path: Path, command: str) -> None:
    (tmp_path / "labs.csv").write_text("patient_id,analyte\n")
    arguments = [command, "--cohort", str(tmp_path), "--out", str(tmp_path), "--force"]
    assert main(arguments) == 2
    assert (tmp_path / "labs.csv").exists()
