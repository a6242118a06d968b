"""A command writes its own output only, completely or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UsageError
from pipeline.folders.claim import claim
from pipeline.folders.marker import NAME


def write(out, content="1", *, command="audit", force=False, reads=(), key="", private=True):
    with (
        claim(out, command=command, reads=reads, force=force, private=private) as output,
        output.folder(key) as folder,
    ):
        (folder / "sub").mkdir()
        (folder / "sub" / "a.txt").write_text(content)
    return out


def content(out):
    return {
        path.relative_to(out).as_posix(): path.read_text()
        for path in out.rglob("*")
        if path.is_file() and path.name != NAME
    }


@pytest.fixture
def home(tmp_path):
    """A folder with an input ``in/labs.csv``."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "labs.csv").write_text("labs")
    return tmp_path


def test_an_output_is_written_with_its_marker_and_nothing_beside_it(home):
    out = write(home / "deep" / "out")
    assert content(out) == {"sub/a.txt": "1"}
    assert sorted(path.name for path in out.iterdir()) == [NAME, "sub"]
    assert os.listdir(out.parent) == ["out"]


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("out", ["in", ".", "in/labs.csv", "in/out", "link", "in/../in/x/y"])
def test_an_input_is_never_equal_to_above_or_below_the_output(home, out, force):
    (home / "link").symlink_to(home / "in")
    with pytest.raises(UsageError):
        write(home / out, reads=[home / "in"], force=force)
    assert content(home / "in") == {"labs.csv": "labs"}
    assert sorted(os.listdir(home)) == ["in", "link"]


@pytest.mark.parametrize("name", ["sheet.csv", "map.yaml"])
def test_a_file_that_is_read_protects_the_folders_above_it(home, name):
    (home / "other").mkdir()
    (home / "other" / name).write_text("x")
    with pytest.raises(UsageError, match=name):
        write(home / "other", reads=[home / "in", home / "other" / name], force=True)
    write(home / "other" / "out", reads=[home / "other" / name])


@pytest.mark.parametrize("force", [False, True])
def test_what_another_wrote_is_never_replaced(home, force):
    for name, command in (("by hand", None), ("by train", "train")):
        folder = home / name
        if command is None:
            folder.mkdir()
            (folder / "thesis.txt").write_text("precious")
        else:
            write(folder, command=command)
        before = content(folder)
        with pytest.raises(UsageError):
            write(folder, force=force)
        assert content(folder) == before


def test_what_the_same_command_wrote_is_replaced_with_force_only(home):
    out = write(home / "out")
    with pytest.raises(UsageError, match="force"):
        write(out, "2")
    assert content(write(out, "2", force=True)) == {"sub/a.txt": "2"}
    assert sorted(os.listdir(home)) == ["in", "out"]


def test_a_foreign_file_among_the_commands_own_is_never_removed(home):
    out = write(home / "out")
    (out / "sub" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        write(out, "2", force=True)
    assert content(out) == {"sub/a.txt": "1", "sub/notes.txt": "mine"}


def test_a_file_added_while_the_command_works_is_kept(home, caplog):
    out = write(home / "out")
    with claim(out, command="audit", force=True) as output, output.folder() as folder:
        (folder / "b.txt").write_text("2")
        (out / "notes.txt").write_text("mine")
    assert content(out) == {"b.txt": "2"}
    (kept,) = set(os.listdir(home)) - {"in", "out"}
    assert content(home / kept)["notes.txt"] == "mine"


def test_a_folder_of_predict_without_a_marker_is_recognised_by_its_summary(home):
    out = home / "out"
    (out / "report").mkdir(parents=True)
    for name in ("run_summary.json", "predictions.csv", "report/index.html"):
        (out / name).write_text("{}")
    with pytest.raises(UsageError):
        write(out, command="monitor", force=True)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        write(out, command="predict", force=True)
    (out / "notes.txt").unlink()
    assert content(write(out, command="predict", force=True)) == {"sub/a.txt": "1"}


def test_a_link_is_followed_and_stays_a_link(home):
    (home / "real").mkdir()
    (home / "link").symlink_to("real")
    write(home / "link")
    assert (home / "link").is_symlink()
    assert content(home / "real") == {"sub/a.txt": "1"}
    (home / "circle").symlink_to("circle")
    with pytest.raises(UsageError):
        write(home / "circle")


@pytest.mark.parametrize("out", [".", "..", "../in", "/", ""])
def test_the_current_folder_and_those_above_it_are_refused(home, monkeypatch, out):
    monkeypatch.chdir(home / "in")
    with pytest.raises(UsageError):
        write(Path(out), force=True)
    assert content(home / "in") == {"labs.csv": "labs"}


def test_a_mount_point_is_refused(home, monkeypatch):
    (home / "mnt").mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "mnt")
    with pytest.raises(UsageError, match="mount"):
        write(home / "mnt")


def test_a_place_where_nothing_can_be_made_is_refused_before_any_work():
    with pytest.raises(UsageError, match="cannot write"):
        write(Path("/proc/cytocast/out"))


def test_a_failure_leaves_what_was_there(home):
    out = write(home / "out")
    with pytest.raises(ValueError, match="half"):  # noqa: PT012, SIM117
        with claim(out, command="audit", force=True) as output, output.folder() as folder:
            (folder / "b.txt").write_text("half")
            raise ValueError("half")
    assert content(out) == {"sub/a.txt": "1"}
    assert sorted(os.listdir(home)) == ["in", "out"]


def test_a_finished_result_is_recognised_by_command_key_and_every_byte(home):
    out = write(home / "out", key="k")

    def finished(key="k", command="audit"):
        with claim(out, command=command, force=False) as output:
            return output.finished(key)

    assert finished()
    assert not finished(key="other")
    assert not finished(key="")
    assert not finished(command="train")
    (out / "sub" / "a.txt").write_text("edited")
    assert not finished()
    (out / "sub" / "a.txt").write_text("1")
    assert finished()
    (out / "sub" / "a.txt").unlink()
    assert not finished()


@pytest.mark.parametrize(
    ("umask", "folder", "file"), [(0o022, 0o700, 0o600), (0o277, 0o500, 0o400)]
)
def test_only_the_owner_can_read_files_of_patients(home, umask, folder, file):
    before = os.umask(umask)
    try:
        out = write(home / "out", private=True)
    finally:
        os.umask(before)
    assert out.stat().st_mode & 0o777 == (out / "sub").stat().st_mode & 0o777 == folder
    assert (out / "sub" / "a.txt").stat().st_mode & 0o777 == file


def test_the_group_of_a_shared_folder_is_inherited(home):
    shared = home / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    before = os.umask(0o022)
    try:
        out = write(shared / "out")
        public = write(shared / "public", private=False)
    finally:
        os.umask(before)
    assert out.stat().st_mode & 0o7777 == 0o2700
    assert public.stat().st_mode & 0o7777 == 0o2755
    assert (public / "sub" / "a.txt").stat().st_mode & 0o777 == 0o644


def test_leftovers_of_dead_runs_are_removed_and_those_of_other_outputs_stay(home):
    for name in (".out.abc12345.cytocast-partial", ".out.x.cytocast-partial-old"):
        (home / name).mkdir()
    (home / ".out.b.x1.cytocast-partial").mkdir()
    write(home / "out")
    assert sorted(os.listdir(home)) == [".out.b.x1.cytocast-partial", "in", "out"]


def test_the_second_of_two_writers_is_refused(home):
    code = (
        "import sys; from tests.folders.test_claim import write, Path;"
        "from pipeline.errors import UsageError\n"
        "try: write(Path(sys.argv[1]), '2', force=True)\n"
        "except UsageError as error: print(error)"
    )
    with claim(home / "out", command="audit", force=False) as output, output.folder() as folder:
        (folder / "a.txt").write_text("1")
        other = subprocess.run(
            [sys.executable, "-c", code, str(home / "out")], capture_output=True, text=True
        )
        assert f"process {os.getpid()}" in other.stdout
    assert content(home / "out") == {"a.txt": "1"}


def grades(out, *, rejects, force=False, value="1"):
    names = [out.name, f"{out.stem}.rejects.csv"]
    with (
        claim(out, command="grade", force=force) as output,
        output.files(names) as folder,
    ):
        (folder / out.name).write_text(value)
        if rejects:
            (folder / names[1]).write_text("r")


def test_files_beside_each_other_are_replaced_together(home):
    out = home / "g.csv"
    grades(out, rejects=True)
    sidecar = ".g.csv.cytocast.json"
    assert sorted(os.listdir(home)) == [sidecar, "g.csv", "g.rejects.csv", "in"]
    assert out.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="force"):
        grades(out, rejects=False, value="2")
    grades(out, rejects=False, force=True, value="2")
    assert out.read_text() == "2"
    assert sorted(os.listdir(home)) == [sidecar, "g.csv", "in"]


@pytest.mark.parametrize("name", ["g.csv", "g.rejects.csv"])
def test_a_file_that_the_command_did_not_write_is_never_replaced(home, name):
    (home / name).write_text("precious")
    with pytest.raises(UsageError, match=name):
        grades(home / "g.csv", rejects=True, force=True)
    assert (home / name).read_text() == "precious"
