"""A lock has one owner, and is released when its owner dies."""

import os
import signal
import subprocess
import sys

import pytest

from pipeline.errors import UsageError
from pipeline.folders.lock import locked


def test_a_lock_is_held_once_and_leaves_nothing(tmp_path):
    path = tmp_path / "lock"
    with (
        locked(path, "out"),
        pytest.raises(UsageError, match=str(os.getpid())),
        locked(path, "out"),
    ):
        pass
    assert os.listdir(tmp_path) == []
    with locked(path, "out"):
        assert path.read_text() == f"{os.getpid()}\n"


def test_the_lock_of_a_killed_owner_is_free(tmp_path):
    path = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path; from pipeline.folders.lock import locked\n"
        "with locked(Path(sys.argv[1]), 'out'): print('held', flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout.readline() == "held\n"
    with pytest.raises(UsageError, match=str(owner.pid)), locked(path, "out"):
        pass
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert path.exists()
    with locked(path, "out"):
        pass
