"""The marker lists every file with its digest; a damaged marker is ignored."""

import json

import pytest

from pipeline.folders.marker import NAME, mark, read_marker


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_bytes(b"1")
    mark(tmp_path, "audit", "key")
    return tmp_path


def test_a_marker_has_the_command_the_key_and_the_files(folder):
    marker = read_marker(folder)
    assert (marker.command, marker.key, list(marker.files)) == ("audit", "key", ["sub/a"])
    assert marker.intact(folder)
    assert marker.foreign(folder) == []
    (folder / "b").symlink_to("sub")
    assert marker.foreign(folder) == ["b"]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"command": "audit"}', '{"command": 1, "key": "", "files": {}}',
     '{"command": "audit", "key": "", "files": ["a"]}', "\x00"],
)  # fmt: skip
def test_a_marker_that_cannot_be_read_is_none(folder, content):
    (folder / NAME).write_text(content)
    (folder / "run_summary.json").write_text("{}")
    assert read_marker(folder) is None


def test_a_marker_reads_back_as_written(folder):
    content = json.loads((folder / NAME).read_text())
    assert read_marker(folder).to_json() == json.dumps(content, indent=1, sort_keys=True)
