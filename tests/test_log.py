"""Logs on stderr: plain or one JSON object a line, quiet without progress."""

import json
import logging

import pytest

from pipeline import log


@pytest.fixture(autouse=True)
def restored():
    logger = logging.getLogger("cytocast")
    handlers, level, state = logger.handlers[:], logger.level, dict(log._STATE)
    yield
    logger.handlers[:], logger.level = handlers, level
    log._STATE.update(state)


def test_sentences_go_to_stderr_and_quiet_keeps_warnings_only(capsys):
    log.configure()
    log.info("read")
    log.warn("odd")
    assert capsys.readouterr() == ("", "read\nodd\n")
    log.configure(quiet=True)
    log.info("read")
    log.warn("odd")
    assert capsys.readouterr() == ("", "odd\n")


def test_json_logs_are_one_object_a_line(capsys):
    log.configure(json_logs=True)
    log.info("read\n'12' \u00b5g")
    log.warn("odd")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["level"], first["message"]) == ("info", "read\n'12' \u00b5g")
    assert second["level"] == "warning"
    assert set(first) == {"level", "time", "message"}


def test_configuring_twice_writes_each_sentence_once(capsys):
    log.configure()
    log.configure()
    log.info("once")
    assert capsys.readouterr().err == "once\n"


@pytest.mark.parametrize("total", [None, 0, 1, 3, 8, 100])
def test_progress_passes_every_item_on_and_stays_short_in_a_file(capsys, total):
    log.configure()
    items = list(range(total or 5))
    assert list(log.progress(items, label="fits", total=total)) == items
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 5
    assert bool(lines) == bool(total)
    log.configure(quiet=True)
    assert list(log.progress(items, label="fits", total=total)) == items
    assert capsys.readouterr().err == ""


def test_details_go_to_a_file_and_only_steps_and_errors_to_stderr(capsys, tmp_path):
    log.configure()
    with log.details_in(tmp_path / "demo.log", [1.0, 1.0]):
        log.step("1 of 2: reading")
        log.info("12 rows")
        log.warn("2 odd rows")
        assert list(log.progress([1, 2], label="fits", total=2)) == [1, 2]
        log.step("2 of 2: fitting")
    log.info("after")
    assert capsys.readouterr().err.splitlines() == ["1 of 2: reading", "2 of 2: fitting", "after"]
    details = (tmp_path / "demo.log").read_text(encoding="utf-8")
    assert all(text in details for text in ("reading", "12 rows", "2 odd rows", "fits: 0 of 2"))
    assert "after" not in details


def test_quiet_details_write_the_file_only(capsys, tmp_path):
    log.configure(quiet=True)
    with log.details_in(tmp_path / "demo.log", [1.0]):
        log.step("reading")
        log.info("12 rows")
    log.info("hidden again")
    assert capsys.readouterr().err == ""
    assert "12 rows" in (tmp_path / "demo.log").read_text(encoding="utf-8")


def test_on_a_terminal_one_bar_shows_steps_and_items(monkeypatch, tmp_path):
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    log.configure()
    with log.details_in(tmp_path / "demo.log", [1.0, 5.0]):
        log.step("1 of 2: reading")
        log.info("12 rows")
        log.step("2 of 2: fitting", items=2)
        assert list(log.progress([1, 2], label="fits", total=2)) == [1, 2]
    assert "1 of 2: reading" in screen.getvalue()
    assert "2 of 2: fitting" in screen.getvalue()
    assert "12 rows" not in screen.getvalue()
    assert "\n1 of 2" not in screen.getvalue()
