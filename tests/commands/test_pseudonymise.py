"""What leaves means the same to the reader and tells neither ids, dates nor names."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.cohort.files import read_raw
from pipeline.cohort.tables import TABLES
from pipeline.commands.pseudonymise import pseudonymise
from pipeline.commands.simulate import simulate
from pipeline.config import load_config
from pipeline.config_cohort import CohortConfig
from pipeline.features.build import build_features
from pipeline.features.landmarks import grid_landmarks
from pipeline.features.spec import learn_spec
from pipeline.pseudonymise.released_columns import WITHHELD
from pipeline.pseudonymise.secret_key import Key, write_key
from pipeline.reading.reader import read_cohort
from tests.conftest import read_predictions

BERLIN = "Europe/Berlin"
SECRET = Key(bytes(range(7, 39)))


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key"
    write_key(SECRET, path)
    return path


@pytest.fixture(scope="module")
def origin(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("origin") / "cohort"
    simulate(14, 3, folder, batch=False)
    return folder


def write(folder: Path, **tables: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def cells(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype="str", keep_default_na=False)


def compare(before, after) -> None:
    """Equal but for ids and clock times, patients matched by their pseudonym."""
    own = before.cohort.patients
    person = own.get("person_id", own["patient_id"])
    number = own.get("episode", pd.Series(1, index=own.index))
    order = sorted(range(len(own)), key=lambda row: (SECRET.pseudonym(person[row]), number[row]))
    left, right = before.cohort.take(np.array(order, dtype=np.intp)), after.cohort
    for name in TABLES:
        hidden = ["patient_id", "person_id", "infusion_time", "utc_offset_minutes"]
        first, second = (
            getattr(cohort, name).drop(columns=hidden, errors="ignore") for cohort in (left, right)
        )
        shared = [c for c in first if c in second and not c.endswith("_at")]
        pd.testing.assert_frame_equal(
            first[shared].reset_index(drop=True),
            second[shared].reset_index(drop=True),
            check_exact=True,
        )


@pytest.mark.parametrize("times", ["shifted", "hours"])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_reader_finds_the_same_cohort_and_refuses_the_same_rows(
    origin, key, tmp_path, times, form
) -> None:
    source = origin
    if form == "parquet":
        source = tmp_path / "parquet"
        source.mkdir()
        for name in TABLES:
            cells(origin / f"{name}.csv").to_parquet(source / f"{name}.parquet", index=False)
    code, _ = pseudonymise(source, tmp_path / "out", key, times=times)
    assert code == 0
    before, after = (read_cohort(place, CohortConfig()) for place in (source, tmp_path / "out"))
    assert len(before.cohort) > 10
    compare(before, after)
    codes = [
        Counter(zip(r.rejects["file"], r.rejects["code"], strict=True)) for r in (before, after)
    ]
    late = {"no_infusion_time": "time_unusable"} if times == "hours" else {}
    codes[0] = sum((Counter({(f, late.get(c, c)): n}) for (f, c), n in codes[0].items()), Counter())
    assert sum(codes[0].values()) > 10
    assert codes[0] == codes[1]
    assert {f: c["accepted"] for f, c in before.counts.items()} == {
        f: c["accepted"] for f, c in after.counts.items()
    }


@pytest.mark.parametrize("times", ["shifted", "hours"])
def test_features_are_those_of_the_original(origin, key, tmp_path, times) -> None:
    pseudonymise(origin, tmp_path / "out", key, times=times)
    config = load_config()
    built = []
    for place in (origin, tmp_path / "out"):
        cohort = read_cohort(place, config.cohort).cohort
        landmarks = grid_landmarks(cohort, np.arange(24.0, 240.0, 24.0))
        matrix = build_features(cohort, landmarks, learn_spec(cohort, config, {}))
        names = cohort.patients["patient_id"].to_numpy()[landmarks["patient"]]
        if place == origin:
            names = [SECRET.pseudonym(name) for name in names]
        order = np.lexsort((landmarks["hours"], names))
        built.append((matrix.names, np.asarray(matrix.values)[order]))
    assert built[0][0] == built[1][0]
    assert len(built[0][1]) > 100
    np.testing.assert_array_equal(built[0][1], built[1][1])


def test_predictions_are_those_of_the_original(mini, key, tmp_path) -> None:
    shown = []
    for times in ("original", "shifted", "hours"):
        source = mini.batch
        if times != "original":
            source = tmp_path / times
            paths = ["--input", str(mini.batch), "--out", str(source), "--key", str(key)]
            assert main(["pseudonymise", *paths, "--times", times, "--quiet"]) == 0
        out = tmp_path / f"scored-{times}"
        paths = ["--input", str(source), "--out", str(out), "--model", str(mini.bundle)]
        assert main(["predict", *paths, "--no-pages", "--quiet"]) == 0
        table = read_predictions(out)
        if times == "original":
            table["patient_id"] = table["patient_id"].map(SECRET.pseudonym)
        by = ["patient_id", "outcome", "horizon_h"]
        shown.append(table.sort_values(by, ignore_index=True).drop(columns="landmark_at"))
    assert (shown[0]["status"] == "ok").sum() > 20
    pd.testing.assert_frame_equal(shown[0], shown[1])
    pd.testing.assert_frame_equal(shown[0], shown[2])


def test_every_cell_but_ids_times_and_ages_is_byte_for_byte_the_same(origin, key, tmp_path) -> None:
    pseudonymise(origin, tmp_path / "out", key)
    for name in TABLES:
        before, after = cells(origin / f"{name}.csv"), cells(tmp_path / "out" / f"{name}.csv")
        assert list(before.columns) == list(after.columns)
        before["patient_id"] = [SECRET.pseudonym(item) for item in before["patient_id"].str.strip()]
        before = before.sort_values("patient_id", kind="stable", ignore_index=True)
        for column in before:
            if column.endswith("_at") or column == "infusion_time":
                continue
            kept = after[column] != WITHHELD
            assert kept.mean() > 0.99
            assert (before[column].str.strip() == after[column])[kept].all(), column


def stamp(moment: datetime, form: str) -> str:
    local = moment.astimezone(ZoneInfo(BERLIN))
    if form == "naive":
        return local.replace(tzinfo=None).isoformat(sep=" ")
    return (moment if form == "utc" else local).isoformat()


def clear(moment: datetime) -> bool:
    """Whether the local time names one moment."""
    local = moment.astimezone(ZoneInfo(BERLIN))
    return local.utcoffset() == local.replace(fold=1 - local.fold).utcoffset()


moments = st.integers(0, 40 * 24 * 60).map(  # minutes around the clock changes of 2026
    lambda minute: datetime(2026, 3, 15, tzinfo=UTC) + timedelta(minutes=minute)
)
rows = st.tuples(st.sampled_from(["P1", "p1", "Müller, J", "007"]), moments,
                 st.sampled_from(["naive", "utc", "local"]))  # fmt: skip


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows, min_size=4, max_size=25), moments, st.sampled_from(["shifted", "hours"]))
def test_intervals_are_exact_over_clock_changes_and_nothing_tells_the_date(
    tmp_path_factory, drawn, start, times
) -> None:
    root = tmp_path_factory.mktemp("clock")
    drawn = [row for row in drawn if clear(row[1]) or row[2] != "naive"]
    ids = ["P1", "p1", "Müller, J", "007"]
    people = [f'" {name}",{stamp(start, "local")},50' for name in ids]
    labs = [
        f'"{name} ",crp,{10 + place},mg/L,{stamp(moment, form)}'
        for place, (name, moment, form) in enumerate(drawn)
    ]
    labs.append(f"P1,crp,9,mg/L,{stamp(start, 'utc')}")
    source = write(
        root / "in",
        patients="\n".join(["patient_id,infusion_time,age_years", *people]),
        labs="\n".join(["patient_id,analyte,value,unit,collected_at", *labs]),
    )
    write_key(SECRET, root / "keys" / "key")
    pseudonymise(source, root / "out", root / "keys" / "key", time_zone=BERLIN, times=times)
    wanted = ("patients", "labs")
    before = read_cohort(source, CohortConfig(time_zone=BERLIN), required=wanted)
    after = read_cohort(root / "out", CohortConfig(), required=wanted)
    assert len(before.rejects) == len(after.rejects) == 0
    result = []
    for read, name in ((before, SECRET.pseudonym), (after, str)):
        held = read.cohort.patients["patient_id"].map(name).to_numpy()
        labs = read.cohort.labs
        columns = (held[labs["patient"]], labs["value"], labs["collected_hours"],
                   labs["resulted_hours"])  # fmt: skip
        result.append(sorted(zip(*columns, strict=True)))
    assert result[0] == result[1]
    text = "".join(path.read_text(encoding="utf-8") for path in (root / "out").iterdir())
    for name in ids:
        assert not re.search(rf"(?<![0-9a-zA-Z]){re.escape(name)}(?![0-9a-zA-Z])", text)
    if times == "hours":
        assert not re.search(r"\d{4}-\d{2}", text)
        return
    for name in ids:  # one offset per patient: a change of offset would tell the day
        mine = "\n".join(line for line in text.splitlines() if SECRET.pseudonym(name) in line)
        assert len(set(re.findall(r"[+-]\d{2}:\d{2}(?![\d:])", mine))) == 1


TWICE = """\
patient_id,episode,infusion_time,age_years,record_end_at,second_infusion_at
P1,1,2026-02-20T09:00:00+01:00,40,,
P1,2,2026-04-10T09:30:00+02:00,,2026-05-01T00:00:00+02:00,
P2,1,2026-03-01T09:00:00+01:00,50,,2026-03-20T09:00:00+01:00
P3,1,2026-03-01T09:00:00+01:00,51,,
P3,1,2026-03-02T09:00:00+01:00,51,,
P4,1,soon,52,,
P5,1,,53,,
"""
COURSE = """\
patient_id,analyte,value,unit,collected_at,resulted_at
P1,crp,10,mg/L,2026-02-21T06:00:00+01:00,2026-02-21T08:00:00+01:00
P1,crp,20,mg/L,2026-04-09T06:00:00+02:00,2026-04-09T08:00:00+02:00
P1,crp,30,mg/L,2026-04-12T06:00:00+02:00,
P2,crp,40,mg/L,2026-03-30T06:00:00+02:00,
P3,crp,50,mg/L,2026-03-03T06:00:00+01:00,
P4,crp,60,mg/L,2026-03-03T06:00:00+01:00,
P5,crp,70,mg/L,2026-03-03T06:00:00+01:00,
P6,crp,80,mg/L,2026-03-03T06:00:00+01:00,
"""


@pytest.mark.parametrize("times", ["shifted", "hours"])
def test_second_infusions_and_patients_without_time_zero_fare_as_before(
    key, tmp_path, times
) -> None:
    source = write(tmp_path / "in", patients=TWICE, labs=COURSE)
    _, output = pseudonymise(source, tmp_path / "out", key, times=times)
    wanted = ("patients", "labs")
    before, after = (
        read_cohort(place, CohortConfig(), required=wanted) for place in (source, tmp_path / "out")
    )
    assert len(before.cohort) == 4  # both infusions of P1, P2, and P5 without a row
    assert len(before.cohort.labs) == 5  # the result before the second infusion counts twice
    compare(before, after)
    assert {SECRET.pseudonym(name) for name in before.seen_ids} == set(after.seen_ids)
    if times == "hours":
        assert "left out: patients.csv: 3 rows" in output
        assert not re.search(r"20\d\d-", (tmp_path / "out" / "patients.csv").read_text())


def test_a_day_without_a_time_stays_a_day_or_counts_from_its_end(key, tmp_path) -> None:
    patients = "patient_id,infusion_time\nP1,2026-03-01T09:00:00+01:00\n"
    labs = (
        "patient_id,analyte,value,unit,collected_at,resulted_at\n"
        "P1,crp,10,mg/L,2026-03-30,\n"
        "P1,crp,11,mg/L,2026-04-01,2026-04-01T12:00:00+01:00\n"
    )
    source = write(tmp_path / "in", patients=patients, labs=labs)
    wanted = ("patients", "labs")
    before = read_cohort(source, CohortConfig(), required=wanted)
    pseudonymise(source, tmp_path / "shifted", key)
    compare(before, read_cohort(tmp_path / "shifted", CohortConfig(), required=wanted))
    _, output = pseudonymise(source, tmp_path / "hours", key, times="hours")
    assert "1 row with only the day of draw" in output
    after = read_cohort(tmp_path / "hours", CohortConfig(), required=wanted)
    first, second = before.cohort.labs, after.cohort.labs
    assert (second["resulted_hours"] >= first["resulted_hours"]).all()
    assert (second["collected_hours"] - first["collected_hours"]).round(3).tolist() == [24.0, 0.0]


def test_an_infusion_of_which_only_the_day_is_known_keeps_its_distances(key, tmp_path) -> None:
    patients = "patient_id,infusion_time\nP1,2026-03-28\n"
    labs = "patient_id,analyte,value,unit,collected_at\nP1,crp,10,mg/L,2026-03-30 06:00\n"
    source = write(tmp_path / "in", patients=patients, labs=labs)
    wanted = ("patients", "labs")
    before = read_cohort(source, CohortConfig(time_zone=BERLIN), required=wanted)
    assert before.cohort.labs["collected_hours"].tolist() == [53.0]  # a day of 23 hours
    for times in ("shifted", "hours"):
        pseudonymise(source, tmp_path / times, key, time_zone=BERLIN, times=times)
        compare(before, read_cohort(tmp_path / times, CohortConfig(), required=wanted))


def test_batches_of_one_key_link_and_share_their_shift(key, tmp_path) -> None:
    header = "patient_id,analyte,value,unit,collected_at\n"
    zero = "patient_id,infusion_time\n P1 ,2026-03-01T09:00:00+01:00\n"
    days = {"monday": "2026-03-02", "tuesday": "2026-03-03"}
    made = {}
    for name, day in days.items():
        line = f"P1,crp,10,mg/L,{day}T06:00:00+01:00\n"
        source = write(tmp_path / name, patients=zero, labs=header + line)
        pseudonymise(source, tmp_path / f"out-{name}", key)
        made[name] = cells(tmp_path / f"out-{name}" / "labs.csv").iloc[0]
    assert made["monday"]["patient_id"] == made["tuesday"]["patient_id"]
    gap = pd.Timestamp(made["tuesday"]["collected_at"]) - pd.Timestamp(
        made["monday"]["collected_at"]
    )
    assert gap == pd.Timedelta(days=1)


cell_text = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")) | st.sampled_from('",;\n\r\t'),
    max_size=12,
).map(str.strip)


@settings(max_examples=7, deadline=None)
@given(st.lists(st.tuples(cell_text, cell_text, st.booleans()), min_size=1, max_size=6))
def test_any_value_unit_and_analyte_survives(tmp_path_factory, drawn) -> None:
    root = tmp_path_factory.mktemp("text")
    before = pd.DataFrame(
        {
            "patient_id": [f"{place}" for place in range(len(drawn))],
            "analyte": [analyte for analyte, _, _ in drawn],
            "value": [value for _, value, _ in drawn],
            "unit": ["mg/L" if unit else "" for *_, unit in drawn],
            "collected_hours": "1",
        }
    )
    (root / "in").mkdir()
    before.astype("str").to_parquet(root / "in" / "labs.parquet", index=False)
    write_key(SECRET, root / "keys" / "key")
    pseudonymise(root / "in", root / "out", root / "keys" / "key")
    after = pd.read_parquet(root / "out" / "labs.parquet").set_index("patient_id")
    again = root / "again"
    again.mkdir()
    before.to_csv(again / "labs.csv", index=False, quoting=1)
    pseudonymise(again, root / "out2", root / "keys" / "key")
    read = read_raw(again / "labs.csv").frame
    written = read_raw(root / "out2" / "labs.csv").frame.set_index("patient_id")
    for column in ("analyte", "value", "unit"):
        for place, name in enumerate(before["patient_id"]):
            assert after[column][SECRET.pseudonym(name)] == before[column][place]
        for name, text in zip(read["patient_id"], read[column], strict=True):
            assert written[column][SECRET.pseudonym(name)] == text
