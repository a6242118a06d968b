"""Attacks pseudonymised releases: common cut-offs, export dates and planted ids.

    .venv/bin/python benchmarks/faults_privacy.py [COHORTS]

The attacker knows the cut-off date. Prints how many date shifts (infusion dates, if the release is
in hours) can be recovered from a plain shift and from the release, how many planted ids remain, and
how often a cut-off is found, by kind of cohort.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.commands.pseudonymise import pseudonymise
from pipeline.commands.simulate import simulate
from pipeline.errors import InputError
from pipeline.pseudonymise.secret_key import new_key, write_key

DAY = pd.Timedelta(days=1)
BOTH = "record_end and followed_until"
KINDS = ("followed_until", BOTH, "death", "resulted", "two sites", "none")


def planted(folder: Path, kind: str, draw: np.random.Generator) -> dict[str, pd.Series]:
    """Plant a cut-off; returns the true times by column and id."""
    path = folder / "patients.csv"
    people = pd.read_csv(path, dtype="str", keep_default_na=False)
    zero = pd.to_datetime(people["infusion_time"], utc=True, errors="coerce")
    cut = zero.quantile(draw.uniform(0.5, 1.0)).floor("D") + 30 * DAY
    cut += pd.Timedelta(hours=float(draw.choice([0, 22, 23.9997, 12])))
    alive = zero.notna() & (zero < cut - 2 * DAY)
    columns = {
        "followed_until": ["followed_until_at"],
        BOTH: ["record_end_at", "followed_until_at"],
        "death": ["death_at"],
        "two sites": ["followed_until_at"],
    }.get(kind, [])
    truth = {}
    chosen = alive & (draw.random(len(people)) < draw.uniform(0.3, 1.0))
    for column in columns:
        moments = pd.Series(cut, index=people.index)
        if kind == "two sites":
            moments = moments.mask(people["site"] == people["site"].iloc[0], cut - 11 * DAY)
            chosen &= zero < moments - 2 * DAY
        written = moments.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")
        people[column] = people[column].mask(chosen, written)
        truth[column] = moments[chosen].set_axis(people["patient_id"][chosen])
    people.to_csv(path, index=False)
    labs = pd.read_csv(folder / "labs.csv", dtype="str", keep_default_na=False)
    if kind == "resulted":
        rows = pd.Series(draw.random(len(labs)) < 0.02)
        labs["resulted_at"] = labs["resulted_at"].mask(rows, "2027-06-30T00:00:00+00:00")
    for column in ("value", "unit", "analyte"):
        for row in draw.choice(len(labs), 3, replace=False):
            name = str(labs["patient_id"].iloc[row])
            labs.loc[row, column] = str(draw.choice([name, name.lower(), f"see {name}."]))
    labs.to_csv(folder / "labs.csv", index=False)
    return truth


def recovered(
    people: pd.DataFrame, truth: dict[str, pd.Series], zero: pd.Series, shift: dict[str, int]
) -> int:
    """Count patients whose shift or infusion date follows from the cut-off."""
    hit: set[str] = set()
    for column, moments in truth.items():
        for name, cut in moments.items():
            row = people.loc[name]
            hours = row.get(column.replace("_at", "_hours"), "")
            if hours != "":
                start = cut - pd.Timedelta(hours=float(hours))
                right = start.floor("D") == zero[name].floor("D")
            elif row.get(column, "") != "":
                seen = pd.Timestamp(row[column]).tz_convert("UTC")
                right = (cut.floor("D") - seen.floor("D")) // DAY == shift[name]
            else:
                right = False
            if right:
                hit.add(str(name))
    return len(hit)


def attack(seed: int, root: Path, counts: Counter[str]) -> None:
    """Attack one cohort, released as shifted dates and as hours."""
    draw = np.random.default_rng(seed)
    kind, source = KINDS[seed % len(KINDS)], root / "cohort"
    simulate(int(draw.integers(15, 60)), seed, source, batch=False)
    truth = planted(source, kind, draw)
    people = pd.read_csv(source / "patients.csv", dtype="str", keep_default_na=False)
    people = people.drop_duplicates("patient_id")
    zero = pd.to_datetime(people["infusion_time"], utc=True, errors="coerce")
    zero = zero.set_axis(people["patient_id"])
    key = new_key()
    write_key(key, root / "keys" / "key")
    touched = sum(len(moments) for moments in truth.values())
    for times in ("shifted", "hours"):
        counts["releases"] += 1
        counts["patients"] += len(people)
        counts["recovered from a plain shift"] += len(
            set().union(*(set(moments.index) for moments in truth.values()))
        )
        try:
            _, text = pseudonymise(source, root / times, root / "keys" / "key", times=times)
        except InputError:
            counts["releases stopped"] += 1
            continue
        detected = "share a date" in text or "several patients share" in text
        counts[f"found: {kind}"] += detected
        counts[f"releases: {kind}"] += 1
        counts["cut-offs missed"] += bool(touched >= 3 and not detected)
        out = pd.read_csv(root / times / "patients.csv", dtype="str", keep_default_na=False)
        out = out.drop_duplicates("patient_id").set_index("patient_id")
        names = {key.pseudonym(name): name for name in people["patient_id"]}
        out.index = out.index.map(lambda mark, names=names: names.get(mark, mark))
        known = {c: moments[moments.index.isin(out.index)] for c, moments in truth.items()}
        shift = {name: key.days(name) for name in people["patient_id"]}
        counts["recovered from the release"] += recovered(out, known, zero, shift)
        text = "".join(path.read_text(encoding="utf-8") for path in (root / times).glob("*.csv"))
        counts["ids left"] += sum(name.lower() in text.lower() for name in people["patient_id"])
        counts["ids planted"] += 9


def main() -> None:
    """Attack as many cohorts as the first argument gives (default 60)."""
    cohorts = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    counts: Counter[str] = Counter()
    for seed in range(cohorts):
        with tempfile.TemporaryDirectory() as folder:
            attack(seed, Path(folder), counts)
    sys.stdout.write("".join(f"{name:40} {number:>7}\n" for name, number in sorted(counts.items())))


if __name__ == "__main__":
    main()
