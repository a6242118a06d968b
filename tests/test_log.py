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
