"""Does every writing command survive kills, other writers and a failing disk? Counts as printed.

    python benchmarks/faults.py [--kills 200] [--rounds 20] [--writers 8] [--seed 1]

Kills: every writing command replaces its own output with --force and is killed by SIGKILL at a
random moment of its run, or just before or after one of its renames. Afterwards the output must be
whole, old or new; the next start of the command must leave no other file. Writers: so many
processes write one output at once without --force; exactly one may win. Disks: a file system that
is full, one that is read-only, and a folder that vanishes, each in mid-run; the output must be
unchanged and the exit code documented. Signals: SIGTERM and ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import random
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
# stops a process for good at the n-th rename, exchange or link, before or after it is made
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
    """Inputs of every writing command, and its arguments without --out."""
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
    }


def whole(out: Path) -> bool:
    """Whether an output is there with every byte of one run."""
    if out.is_dir():
        marker = read_marker(out)
        return marker is not None and marker.intact(out) and not marker.foreign(out)
    sidecar = marker_of(out.with_name(f".{out.name}.cytocast.json"))
    return out.is_file() and sidecar is not None and sidecar.files.get(out.name) == sha256(out)


def started(arguments: list[str], *, code: list[str] | None = None) -> subprocess.Popen:
    """A command in a process of its own."""
    command = ["-c", STOPPED, *code] if code else ["-m", "pipeline.cli"]
    return subprocess.Popen(
        [sys.executable, *command, *arguments, "--quiet"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )


def kills(root: Path, commands: Commands, number: int, chance: random.Random) -> Counter:
    """Kill every command at random moments and at every rename."""
    counts: Counter = Counter()
    lasts = {}
    names = [name for name in commands if name != "grade"] + ["grade"]
    for name in names:
        out = root / "kills" / (f"{name}.csv" if name == "grade" else name)
        begun = time.perf_counter()
        code = started([*commands[name], "--out", str(out)])
        code.communicate()
        lasts[name] = time.perf_counter() - begun
        counts["outputs before"] += whole(out)
    for turn in range(number):
        name = names[turn % len(names)]
        out = root / "kills" / (f"{name}.csv" if name == "grade" else name)
        arguments = [*commands[name], "--out", str(out), "--force"]
        if turn % 2:
            wanted, side = str(chance.randint(1, 4)), chance.choice(["before", "after"])
            way = chance.choice(["exchange", "renames"])
            run = started(arguments, code=[wanted, side, way])
            run.communicate()
        else:
            run = started(arguments)
            time.sleep(chance.uniform(0.2, 1.05) * lasts[name])
            run.kill()
            run.communicate()
        killed = run.returncode == -signal.SIGKILL
        counts["killed at a rename" if turn % 2 else "killed at random"] += killed
        again = started(arguments)
        error = again.communicate()[1]
        survived = whole(out) and "Traceback" not in error and again.returncode in DOCUMENTED
        own = {out.name, f".{out.name}.cytocast.json", f"{out.stem}.rejects.csv"}
        mine = {p.name for p in out.parent.iterdir() if out.name in p.name} - own
        mine -= {f"{out.stem}.disagreements.csv"}
        counts["whole after the next run"] += survived
        counts["leftovers"] += len(mine)
        if not survived or mine:
            print(f"turn {turn}, {name}: {again.returncode}, {sorted(mine)}: {error[-200:]}")
    return counts


def whole_after_kill(root: Path, commands: Commands, number: int, chance) -> Counter:
    """Kill predict around its exchange; the output is whole at once, without a further run."""
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
    """Several writers of one output, without --force."""
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


def disks(root: Path, commands: Commands) -> Counter:
    """Full, read-only and vanished places, and signals; each command once."""
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
            print(f"{kind}: no file system can be mounted here; left out")
            continue
        if kind == "full":
            (mount / "ballast").write_bytes(bytes(60 * 1024))
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
        for name, arguments in commands.items():
            out = mount / (f"{name}.csv" if name == "grade" else name)
            run = started([*arguments, "--out", str(out)])
            error = run.communicate()[1]
            fine = run.returncode in DOCUMENTED and "Traceback" not in error and not out.exists()
            counts[f"{kind}: documented end, nothing left"] += fine
            counts[f"{kind}: commands"] += 1
            if not fine:
                print(f"{kind}, {name}: {run.returncode}: {error[-300:]}")
        subprocess.run(["umount", str(mount)], check=True)
    for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        for name, arguments in commands.items():
            out = root / "signals" / (f"{name}.csv" if name == "grade" else name)
            run = started([*arguments, "--out", str(out)])
            time.sleep(1.0)
            run.send_signal(number)
            error = run.communicate()[1]
            ended = run.returncode in (code, *DOCUMENTED) and "Traceback" not in error
            counts["signals: documented end"] += ended
            counts["signals"] += 1
            if not ended:
                print(f"{number}, {name}: {run.returncode}: {error[-300:]}")
    out = root / "gone" / "deep" / "out"
    run = started([*commands["evaluate"], "--out", str(out)])
    time.sleep(1.5)
    shutil.rmtree(root / "gone", ignore_errors=True)
    error = run.communicate()[1]
    counts["vanished: documented end"] = run.returncode in DOCUMENTED and "Traceback" not in error
    return counts


def main() -> int:
    """Run, print and return 0 when every promise held."""
    parser = argparse.ArgumentParser(description="kills, writers, disks and signals")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        commands = prepare(root)
        for place in ("kills", "at-once", "writers", "signals", "gone"):
            (root / place).mkdir()
        found = {
            "kills": kills(root, commands, options.kills, chance),
            "at once": whole_after_kill(root, commands, max(1, options.kills // 10), chance),
            "writers": writers(root, commands, options.rounds, options.writers),
            "disks": disks(root, commands),
        }
    for part, counts in found.items():
        for what, count in sorted(counts.items()):
            print(f"{part:10} {what:40} {count:6}")
    held = (
        found["kills"]["whole after the next run"] == options.kills
        and found["kills"]["leftovers"] == 0
        and found["at once"]["whole at once"] == found["at once"]["kills"]
        and found["writers"]["rounds with one winner"] == options.rounds
    )
    print("every promise held" if held else "A PROMISE WAS BROKEN")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
