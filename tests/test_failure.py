"""Unforeseen failures end with a documented code and one line, never a traceback."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from pipeline import cli
from pipeline.failure import Terminated, describe_failure, ended_by_sigterm


class StoreError(Exception):
    __module__ = "mlflow.exceptions"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (Terminated(), 143),
        (MemoryError(), 3),
        (RecursionError(), 3),
        (OSError(errno.ENOSPC, "full", "/srv/out"), 2),
        (OSError(errno.EDQUOT, "quota"), 2),
        (OSError(errno.EROFS, "read-only", "/srv"), 2),
        (PermissionError(errno.EACCES, "denied"), 2),
        (OSError(errno.EIO, "broken", "/srv/labs.csv"), 3),
        (FileNotFoundError(errno.ENOENT, "gone", b"x"), 3),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), 3),
        (StoreError("dead"), 5),
        (sqlite3.OperationalError("locked"), 5),
        (ZeroDivisionError("bug"), 1),
    ],
)
def test_every_failure_ends_a_command_with_its_code_and_one_line(error, code, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("pipeline.commands.audit.audit_command", fail)
    arguments = ["audit", "--cohort", "c", "--out", "o"]
    assert describe_failure(error)[0] == code
    assert cli.main(arguments) == code
    message = capsys.readouterr().err
    assert message.startswith("cytocast audit: ")
    assert message.count("\n") == 1
    with pytest.raises(type(error)):
        cli.main(["--debug", *arguments])


def test_sigterm_is_an_exception_inside_the_block_only():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated), ended_by_sigterm():  # noqa: PT012
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    assert signal.getsignal(signal.SIGTERM) is before
    seen = []

    def work():
        with ended_by_sigterm():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


WORK = """
import sys, time
from pathlib import Path
from pipeline import cli
from pipeline.folders.claim import claim
def work(options):
    with claim(options.out, command="audit", force=False) as output, output.folder() as folder:
        (folder / "half").write_text("x")
        print("at work", flush=True)
        time.sleep(60)
cli.RUNNERS["audit"] = work
cli.run()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_nothing_behind(tmp_path, number, code):
    command = [sys.executable, "-c", WORK, "audit", "--cohort", "c", "--out"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}

    def attentive() -> None:  # background commands of a shell have ctrl-C ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen([*command, str(tmp_path / "out")], **pipes, preexec_fn=attentive) as run:
        assert run.stdout.readline() == "at work\n"
        run.send_signal(number)
        rest = run.stderr.read()
    assert run.returncode == code
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_closes_the_pipe_changes_no_code(tmp_path):
    command = [sys.executable, "-m", "pipeline.cli", "simulate", "--patients", "2", "--quiet"]
    command += ["--batch", "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdout.close()
        output = run.stderr.read()
    assert (run.returncode, output) == (0, b"")
