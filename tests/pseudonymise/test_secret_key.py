"""The key: private, never too short, never next to the release."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipeline.cli import main
from pipeline.errors import UsageError
from pipeline.pseudonymise.secret_key import MOST_DAYS, Key, new_key, read_key, write_key

ONE, OTHER = Key(bytes(range(32))), Key(bytes(range(1, 33)))
IDS = [f"patient {number}" for number in range(2000)]


def table(folder: Path) -> Path:
    folder.mkdir()
    text = "patient_id,analyte,value,unit,collected_hours\n7,crp,12,mg/L,5\n"
    (folder / "labs.csv").write_text(text, encoding="utf-8")
    return folder


def run(*arguments: object) -> int:
    return main(["pseudonymise", *map(str, arguments), "--quiet"])


def test_one_key_gives_one_pseudonym_and_another_key_another() -> None:
    names = {ONE.pseudonym(item) for item in IDS}
    assert len(names) == len(IDS)
    assert names == {Key(bytes(range(32))).pseudonym(item) for item in IDS}
    assert names.isdisjoint({OTHER.pseudonym(item) for item in IDS})


def test_shifts_fill_their_range_and_do_not_follow_the_pseudonym() -> None:
    days = [ONE.days(item) for item in IDS]
    assert 1 <= min(days) < MOST_DAYS * 0.01
    assert MOST_DAYS * 0.99 < max(days) <= MOST_DAYS
    assert len(set(days)) > 0.6 * len(IDS)
    assert days != [OTHER.days(item) for item in IDS]
    first = [int(ONE.pseudonym(item)[1:9], 16) % MOST_DAYS + 1 for item in IDS]
    assert sum(a == b for a, b in zip(first, days, strict=True)) < 10


def test_a_new_key_is_read_back_and_only_its_owner_can_read_it(tmp_path) -> None:
    path, key = tmp_path / "safe" / "key", new_key()
    write_key(key, path)
    assert read_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key.secret.hex() not in repr(key)
    with pytest.raises(UsageError, match="File exists"):
        write_key(new_key(), path)
    assert read_key(path) == key


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "too short: 0 bytes; at least 32"),
        (b"0123456789abcdef" * 3, "too short: 24 bytes"),
        (b"secret", "too short: 6 bytes"),
        (b"00" * 40, "not random"),
        (b"abcabcabc" * 9, "not random"),
    ],
)
def test_a_weak_key_is_refused(tmp_path, content, fragment) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(UsageError, match=fragment):
        read_key(path)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_key_that_others_may_read_is_refused(tmp_path) -> None:
    write_key(new_key(), tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(UsageError, match=r"mode 640; accepted is 600.*chmod 600"):
        read_key(tmp_path / "key")


@pytest.mark.parametrize("place", ["out/key", "out/deep/key", "key", "out"])
def test_a_key_in_or_next_to_the_output_is_refused(tmp_path, capsys, place) -> None:
    source = table(tmp_path / "batch")
    assert run("--input", source, "--out", tmp_path / "out", "--key", tmp_path / place) == 2
    message = capsys.readouterr().err
    assert "--out" in message
    assert "KEY=" in message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["batch"]


def test_the_key_is_made_once_kept_and_never_shown(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    source = table(tmp_path / "batch")
    assert run("--input", source, "--out", tmp_path / "one") == 0
    assert "which is new" in (first := capsys.readouterr().out)
    assert run("--input", source, "--out", tmp_path / "two") == 0
    assert "an existing key" in (second := capsys.readouterr().out)
    path = tmp_path / "settings" / "cytocast" / "pseudonym.key"
    written = [(tmp_path / name / "labs.csv").read_bytes() for name in ("one", "two")]
    assert written[0] == written[1]
    secret = path.read_text(encoding="ascii").strip()
    assert len(bytes.fromhex(secret)) == 32
    assert secret not in first + second + written[0].decode()
    assert run("--input", source, "--out", tmp_path / "three", "--key", tmp_path / "k" / "x") == 0
    assert (tmp_path / "three" / "labs.csv").read_bytes() != written[0]


def test_a_refused_input_makes_no_key(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    key = tmp_path / "keys" / "key"
    assert run("--input", tmp_path / "empty", "--out", tmp_path / "out", "--key", key) == 3
    assert run("--input", tmp_path / "nothing", "--out", tmp_path / "out", "--key", key) == 3
    assert not key.exists()
    assert not (tmp_path / "out").exists()
