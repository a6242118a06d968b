"""A result is finished only for the same command, options, model and input bytes."""

from __future__ import annotations

import json
import shutil

import pytest

from pipeline.cli import main
from tests.faults.test_protected_inputs import content, writers

# another value of every option of predict, and whether it can change a byte
VARIED = {
    "input": (["--input", "{other}"], True),
    "model": (["--model", "{copy}"], False),
    "as_of": (["--as-of", "60"], True),
    "tz": (["--tz", "America/New_York"], True),
    "config": (["--config", "{settings}"], True),
    "strict": (["--strict"], True),
    "emit": (["--emit", "fhir"], True),
    "no_pages": (["--no-pages"], True),
    "spreadsheet_safe": (["--spreadsheet-safe"], True),
    "quiet": (["--quiet"], False),
    "json_logs": (["--json-logs"], False),
    "debug": (["--debug"], False),
    "show_values": (["--show-values"], False),
}
FIXED = {"help", "out", "force", "require_signature"}  # the last: commands/test_sign.py


@pytest.fixture
def place(mini, tmp_path):
    """A batch of two patients, a setting of reading, and a finished result."""
    folder = tmp_path / "in"
    folder.mkdir()
    for path in mini.batch.iterdir():
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines[1:] if line.startswith(("N0000,", "N0001,"))]
        (folder / path.name).write_text("".join([lines[0], *kept]), encoding="utf-8")
    (tmp_path / "settings.yaml").write_text("cohort: {decimal_comma: false}")
    labs = shutil.copytree(folder, tmp_path / "other") / "labs.csv"
    labs.write_text("".join(labs.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]))
    (tmp_path / "copy").symlink_to(mini.bundle)
    assert run(mini, tmp_path) in (0, 4)
    return tmp_path


def run(mini, place, *more, out="out", model=None):
    arguments = ["--input", str(place / "in"), "--model", str(model or mini.bundle)]
    return main(["predict", *arguments, "--out", str(place / out), *more])


def changing_option(parser):
    return [action.dest for action in parser._actions if action.dest not in FIXED]


def test_every_option_of_predict_is_varied() -> None:
    assert set(changing_option(writers()["predict"])) == set(VARIED)


@pytest.mark.parametrize("name", VARIED)
def test_another_option_gives_the_same_bytes_or_is_refused(mini, place, capsys, name) -> None:
    option, changes = VARIED[name]
    names = {"settings": "settings.yaml", "other": "other", "copy": "copy"}
    places = {part: place / name for part, name in names.items()}
    option = [part.format(**places) for part in option]
    before = content(place / "out")
    capsys.readouterr()
    code = run(mini, place, *option)
    assert content(place / "out") == before
    assert (code == 2) == changes
    assert ("already holds this result" in capsys.readouterr().out) != changes
    assert run(mini, place) in (0, 4)
    assert "already holds this result" in capsys.readouterr().out
    if changes and name != "strict":
        assert run(mini, place, *option, "--force") in (0, 4)
        assert content(place / "out") != before
        assert run(mini, place) == 2


@pytest.mark.parametrize(
    "file", ["predictions.csv", "report/index.html", "run_summary.json", ".cytocast.json"]
)
def test_an_edited_result_does_not_count_as_finished(mini, place, capsys, file) -> None:
    path = place / "out" / file
    path.write_bytes(path.read_bytes() + b" ")
    capsys.readouterr()
    finished = "already holds this result"
    run(mini, place)
    assert (finished in capsys.readouterr().out) == (file == ".cytocast.json")  # blank at its end
    assert run(mini, place, "--force") in (0, 4)
    assert run(mini, place) in (0, 4)
    assert finished in capsys.readouterr().out


def test_a_foreign_file_in_a_finished_result_does_not_make_it_unfinished(
    mini, place, capsys
) -> None:
    (place / "out" / "notes.txt").write_text("mine")
    capsys.readouterr()
    assert run(mini, place) in (0, 4)
    assert "already holds this result" in capsys.readouterr().out
    assert run(mini, place, "--force") == 2
    assert (place / "out" / "notes.txt").read_text() == "mine"


def test_a_row_appended_while_predict_runs_is_scored_by_the_next_run(
    mini, place, monkeypatch
) -> None:
    labs = place / "in" / "labs.csv"
    lines = labs.read_text(encoding="utf-8").splitlines()
    from pipeline.commands import predict as command

    score = command.score_batch

    def appended(*arguments):
        labs.write_text("\n".join([*lines, lines[-1].replace("N0001", "N0009")]) + "\n")
        return score(*arguments)

    monkeypatch.setattr(command, "score_batch", appended)
    assert run(mini, place, "--force") in (0, 4)
    monkeypatch.undo()
    summary = json.loads((place / "out" / "run_summary.json").read_text())
    assert summary["files"]["labs.csv"]["read"] == len(lines) - 1
    assert run(mini, place) == 2  # another result; --force scores the new row
    assert run(mini, place, "--force") in (0, 4)
    summary = json.loads((place / "out" / "run_summary.json").read_text())
    assert summary["files"]["labs.csv"]["read"] == len(lines)


def test_a_row_in_the_future_is_scored_once_its_time_has_come(mini, place, monkeypatch) -> None:
    import pandas as pd

    from pipeline.cohort import clock

    class Now:
        at = pd.Timestamp("2026-01-01", tz="UTC")

        @classmethod
        def now(cls, zone=None):
            return cls.at.to_pydatetime()

    monkeypatch.setattr(clock, "datetime", Now)
    frame = pd.read_csv(place / "in" / "patients.csv", dtype=str)
    start = pd.to_datetime(frame["infusion_time"], utc=True).min()
    Now.at = start + pd.Timedelta(hours=60)
    assert run(mini, place, "--force") in (0, 4)
    summary = json.loads((place / "out" / "run_summary.json").read_text())
    assert summary["clock_matters"]
    assert run(mini, place) in (0, 4)
    Now.at = start + pd.Timedelta(days=300)
    assert run(mini, place) == 2
