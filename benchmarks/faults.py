"""Tests every writing command under kills, concurrent writers, failing disks and signals.

    python benchmarks/faults.py [--kills 200] [--rounds 20] [--writers 8] [--seed 1]

Kills: every command replaces its own output with --force and gets SIGKILL at a random moment, or
just before or after a rename. After the next run, the output must be complete and no other file may
remain. Writers: several processes write one output at once without
--force; exactly one may succeed. Disks: a full and a read-only file system; no file may remain and
the exit code must be documented. Signals: SIGTERM and ctrl-C. Vanished: the parent folder of the
output is removed during the run. All parts count for the result; a file system that cannot be
mounted is reported as skipped.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from pipeline.cli import main as cytocast
from pipeline.folders.marker import marker_of, read_marker, sha256
from tests.minicohort import CONFIG, cut, write_cohort

SHEET = "Patient ID,hours,CRP (mg/L)\n" + "".join(f"A,{hour},12\n" for hour in range(500))
MAPPING = """confirmed: true
patient_id: Patient ID
collected: {column: hours, reads: hours}
labs: {CRP (mg/L): {analyte: crp, unit: mg/L}}
"""
DOCUMENTED = {0, 2, 3, 4, 5, 6, 130, 143}
# kills a process at its n-th rename, exchange or link, before or after the call
STOPPED = """
import os, signal, sys
from pipeline.folders import publish
wanted, after, count = int(sys.argv[1]), sys.argv[2] == "after", [0]
def stopping(real):
    def call(*arguments, **named):
        count[0] += 1
        if count[0] == wanted and not after: os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        if count[0] == wanted: os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call
os.rename, os.replace, os.link = (stopping(f) for f in (os.rename, os.replace, os.link))
publish._exchange = stopping(publish._exchange) if sys.argv[3] == "exchange" else lambda *_: False
from pipeline.cli import main
sys.exit(main(sys.argv[4:]))
"""


Commands = dict[str, list[str]]


def prepare(root: Path) -> Commands:
    """Create the inputs and return the arguments of every writing command, without --out."""
    cohort = write_cohort(root / "cohort", patients=60, seed=1)
    (root / "mini.yaml").write_text(CONFIG)
    (root / "sheet.csv").write_text(SHEET)
    (root / "map.yaml").write_text(MAPPING)
    write_cohort(root / "others", patients=12, seed=2, prefix="N")
    batch = cut(
        root / "others", root / "batch", hours=84, patients=[f"N{n:04d}" for n in range(12)]
    )
    bundle, config = root / "bundle", ["--config", str(root / "mini.yaml")]
    simulated = root / "simulated"
    assert cytocast(["simulate", "--patients", "8", "--out", str(simulated), "--quiet"]) == 0
    sheet = ["--input", str(root / "sheet.csv"), "--mapping", str(root / "map.yaml")]
    own_key = ["--input", str(cohort), "--key", str(root / "key"), *config]
    train = ["train", "--cohort", str(cohort), *config, "--no-track", "--jobs", "1"]
    assert cytocast([*train, "--out", str(bundle), "--quiet"]) == 0
    model = ["--model", str(bundle)]
    return {
        "simulate": ["simulate", "--batch", "--patients", "8"],
        "audit": ["audit", "--cohort", str(cohort), *config],
        "import": ["import", *sheet],
        "pseudonymise": ["pseudonymise", *own_key],
        "grade": ["grade", "--cohort", str(simulated)],
        "predict": ["predict", "--input", str(batch), *model],
        "monitor": ["monitor", "--input", str(batch), *model],
        "evaluate": ["evaluate", "--cohort", str(cohort), *model],
        "train": train,
    }


def output_of(place: Path, name: str) -> Path:
    """Output path of a command below a folder."""
    return place / (f"{name}.csv" if name == "grade" else name)


def leftovers(out: Path) -> list[str]:
    """Files in the folder of an output that are neither the output nor its companions."""
    lists = r"(\.(rejects|disagreements)\.csv|\.audit\.html)?"
    own = re.compile(rf"{re.escape(out.stem)}{lists}|{re.escape(out.name)}")
    sidecar = f".{out.name}.cytocast.json"
    return sorted(
        name for name in os.listdir(out.parent) if name != sidecar and not own.fullmatch(name)
    )


def whole(out: Path) -> bool:
    """Whether an output exists and is complete."""
    if out.is_dir():
        marker = read_marker(out)
        return marker is not None and marker.intact(out) and not marker.foreign(out)
    sidecar = marker_of(out.with_name(f".{out.name}.cytocast.json"))
    return out.is_file() and sidecar is not None and sidecar.files.get(out.name) == sha256(out)


def started(arguments: list[str], *, code: list[str] | None = None) -> subprocess.Popen:
    """Start a command in its own process."""
    command = ["-c", STOPPED, *code] if code else ["-m", "pipeline.cli"]
    return subprocess.Popen(
        [sys.executable, *command, *arguments, "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def kills(root: Path, commands: Commands, number: int, chance: random.Random) -> Counter:
    """Kill every command at random moments and at its renames."""
    counts: Counter = Counter()
    lasts = {}
    names = [name for name in commands if name != "grade"] + ["grade"]
    for name in names:
        out = output_of(root / "kills" / name, name)
        begun = time.perf_counter()
        code = started([*commands[name], "--out", str(out)])
        code.communicate()
        lasts[name] = time.perf_counter() - begun
        counts["outputs before"] += whole(out)
    for turn in range(number):
        name = names[turn % len(names)]
        out = output_of(root / "kills" / name, name)
        arguments = [*commands[name], "--out", str(out), "--force"]
        if turn % 2:
            wanted, side = str(chance.randint(1, 4)), chance.choice(["before", "after"])
            method = chance.choice(["exchange", "renames"])
            run = started(arguments, code=[wanted, side, method])
            run.communicate()
        else:
            run = started(arguments)
            time.sleep(chance.uniform(0.2, 1.05) * lasts[name])
            run.kill()
            run.communicate()
        killed = run.returncode == -signal.SIGKILL
        counts["turns"] += 1
        counts["killed at a rename" if turn % 2 else "killed at random"] += killed
        again = started(arguments)
        error = again.communicate()[1]
        survived = whole(out) and "Traceback" not in error and again.returncode in DOCUMENTED
        left = leftovers(out)
        counts["whole after the next run"] += survived
        counts["leftovers"] += len(left)
        if not survived or left:
            print(f"turn {turn}, {name}: {again.returncode}, {left}: {error[-200:]}")
    return counts


def whole_after_kill(root: Path, commands: Commands, number: int, chance) -> Counter:
    """Kill predict around its exchange; the output must be complete without another run."""
    counts: Counter = Counter()
    out = root / "at-once" / "predict"
    started([*commands["predict"], "--out", str(out)]).communicate()
    for _ in range(number):
        wanted, side = str(chance.randint(1, 3)), chance.choice(["before", "after"])
        arguments = [*commands["predict"], "--out", str(out), "--force"]
        started(arguments, code=[wanted, side, "exchange"]).communicate()
        counts["whole at once"] += whole(out)
        counts["kills"] += 1
    return counts


def writers(root: Path, commands: Commands, rounds: int, number: int) -> Counter:
    """Start several writers of one output without --force."""
    counts: Counter = Counter()
    for turn in range(rounds):
        out = root / "writers" / str(turn)
        runs = [
            started([*commands["simulate"], "--seed", str(seed), "--out", str(out)])
            for seed in range(number)
        ]
        errors = [run.communicate()[1] for run in runs]
        codes = Counter(run.returncode for run in runs)
        counts["rounds"] += 1
        counts["rounds with one winner"] += codes == {0: 1, 2: number - 1} and whole(out)
        counts["tracebacks"] += sum("Traceback" in error for error in errors)
        shutil.rmtree(out)
    return counts


def ended_well(run: subprocess.Popen, what: str, *, also: int = 0) -> bool:
    """Whether a run ends with a documented code or ``also``, without traceback; prints if not."""
    error = run.communicate()[1]
    fine = run.returncode in {*DOCUMENTED, also} and "Traceback" not in error
    if not fine:
        print(f"{what}: {run.returncode}: {error[-300:]}")
    return fine


def disks(root: Path, commands: Commands) -> Counter:
    """Run each command on a full and on a read-only file system."""
    counts: Counter = Counter()
    mount = root / "mount"
    mount.mkdir()
    for kind in ("full", "read-only"):
        size = "64k" if kind == "full" else "64m"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(mount)],
            check=False,
            capture_output=True,
        )
        if done.returncode:
            print(f"{kind}: cannot mount a file system; skipped")
            continue
        if kind == "full":
            (mount / "ballast").write_bytes(bytes(60 * 1024))
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
        before = sorted(os.listdir(mount))
        for name, arguments in commands.items():
            place = output_of(mount, name)
            run = started([*arguments, "--out", str(place)])
            fine = ended_well(run, f"{kind}, {name}")
            left = sorted({*leftovers(place)} - {*before} | ({name} if place.exists() else set()))
            failed = run.returncode != 0 and not left
            counts[f"{kind}: documented end, nothing left"] += fine and failed
            counts[f"{kind}: commands"] += 1
            if not failed:
                print(f"{kind}, {name}: {run.returncode}, left: {left}")
        subprocess.run(["umount", str(mount)], check=True)
    return counts


def signals(root: Path, commands: Commands, chance: random.Random) -> Counter:
    """Send SIGTERM and ctrl-C while each command writes; the output must be old or new."""
    counts: Counter = Counter()
    for number in (signal.SIGTERM, signal.SIGINT):
        for name, arguments in commands.items():
            out = output_of(root / "signals" / name, name)
            run = started([*arguments, "--out", str(out), "--force"])
            while run.poll() is None and not out.with_name(f".{out.name}.cytocast-lock").exists():
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.3))
            run.send_signal(number)
            # a process that is already exiting has the default signal handler
            fine = ended_well(run, f"{number.name}, {name}", also=-number)
            fine = fine and (run.returncode >= 0 or whole(out))
            half = out.exists() and not whole(out)
            left = leftovers(out)
            counts["documented end, nothing half-written"] += fine and not half and not left
            counts["signals"] += 1
            counts["ended by the signal"] += run.returncode in (130, 143)
            if half or left:
                print(f"{number.name}, {name}: half-written: {half}, left: {left}")
    return counts


def vanished(root: Path, commands: Commands) -> Counter:
    """Remove the parent folder of the output while each command runs."""
    counts: Counter = Counter()
    for name, arguments in commands.items():
        parent = root / "gone" / name
        run = started([*arguments, "--out", str(output_of(parent, name))])
        while run.poll() is None and not parent.exists():
            time.sleep(0.01)
        shutil.rmtree(parent, ignore_errors=True)
        counts["documented end"] += ended_well(run, f"vanished, {name}")
        counts["commands"] += 1
    return counts


def failed_parts(results: dict[str, Counter]) -> list[str]:
    """Parts whose counts differ from the requirement."""
    kills, once, race = (results[part] for part in ("kills", "at once", "writers"))
    disk, signalled, gone = (results[part] for part in ("disks", "signals", "vanished"))
    held = {
        "kills": kills["whole after the next run"] == kills["turns"] and not kills["leftovers"],
        "at once": once["whole at once"] == once["kills"],
        "writers": race["rounds with one winner"] == race["rounds"] and not race["tracebacks"],
        "disks": all(
            disk[f"{kind}: documented end, nothing left"] == disk[f"{kind}: commands"]
            for kind in ("full", "read-only")
        ),
        "signals": signalled["documented end, nothing half-written"] == signalled["signals"],
        "vanished": gone["documented end"] == gone["commands"],
    }
    return [part for part, fine in held.items() if not fine]


def main() -> int:
    """Run, print and return 0 if every requirement is met."""
    parser = argparse.ArgumentParser(description="Kills, writers, disks and signals")
    parser.add_argument("--kills", type=int, default=200, help="kills over all commands")
    parser.add_argument("--rounds", type=int, default=20, help="rounds of concurrent writers")
    parser.add_argument("--writers", type=int, default=8, help="concurrent writers")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    # shells start background jobs with ctrl-C ignored, and child processes inherit this
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        commands = prepare(root)
        for place in ("kills", "at-once", "writers", "signals", "gone"):
            (root / place).mkdir()
        results = {
            "kills": kills(root, commands, options.kills, chance),
            "at once": whole_after_kill(root, commands, max(1, options.kills // 10), chance),
            "writers": writers(root, commands, options.rounds, options.writers),
            "disks": disks(root, commands),
            "signals": signals(root, commands, chance),
            "vanished": vanished(root, commands),
        }
    for part, counts in results.items():
        for what, count in sorted(counts.items()):
            print(f"{part:10} {what:40} {count:6}")
    failed = failed_parts(results)
    print(f"FAIL: {', '.join(failed)}" if failed else "PASS")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
