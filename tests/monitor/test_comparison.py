"""No alarm without a shift, whatever the size of the batch; a planted shift gives its alarm."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.monitor.alarm_rule import Comparison
from pipeline.monitor.monitoring_report import sentence
from tests.monitor.monitored import World, make_world, of_patients, risks

PATIENTS = 60


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def spoil(world: World, tmp_path: Path) -> Callable[..., list[Comparison]]:
    """Alarms about the first patients of the pool after a change of their labs."""

    def run(change: Callable[[pd.DataFrame], pd.DataFrame]) -> list[Comparison]:
        for path in world.folder.glob("*.csv"):
            table = pd.read_csv(path, dtype=str, keep_default_na=False)
            if "patient_id" in table:
                wanted = [f"B12-{number:04d}" for number in range(1, PATIENTS + 1)]
                table = table.loc[table["patient_id"].isin(wanted)].reset_index(drop=True)
            table = change(table) if path.name == "labs.csv" else table
            table.to_csv(tmp_path / path.name, index=False)
        return world.alarms(world.watch(tmp_path))

    return run


def crp(labs: pd.DataFrame) -> pd.Series:
    return (
        labs["analyte"]
        .str.lower()
        .isin(["crp", "c-reactive protein", "c reactive protein", "1988-5"])
    )


def named(alarms: list[Comparison]) -> set[tuple[str, str]]:
    return {(item.kind, item.subject) for item in alarms}


@pytest.mark.parametrize("size", [10, 50, 200])
def test_batches_like_training_raise_no_alarm(world: World, size: int):
    """At a rate of 1 in 100 per batch, two false alarms in twenty batches have a chance of 2%."""
    ids, random = world.pool.patients["patient_id"].to_numpy(), np.random.default_rng(size)
    raised = [
        named(world.alarms(of_patients(world.pool, list(random.choice(ids, size, replace=False)))))
        for _ in range(20)
    ]
    assert sum(map(bool, raised)) <= 1, raised


def test_the_whole_pool_raises_no_alarm(world: World):
    assert named(world.alarms(world.pool)) == set()


def test_without_the_size_of_the_batch_small_batches_raise_false_alarms(world: World):
    """The rule PSI > .25 alone gives an alarm in nearly every unchanged batch of ten."""
    from pipeline.monitor.comparison import compare

    ids = list(world.pool.patients["patient_id"][:10])
    figures = compare(
        of_patients(world.pool, ids), world.bundle, world.profile, world.bundle.config.monitor
    )
    assert sum(item.kind == "shift" and item.observed > 0.25 for item in figures) >= 2


def test_an_unannounced_change_of_unit_is_a_shift_of_that_analyte(spoil):
    def change(labs):
        rows = crp(labs) & labs["value"].str.fullmatch(r"[0-9.]+")
        labs.loc[rows, "value"] = (labs.loc[rows, "value"].astype(float) / 10).map("{:g}".format)
        return labs

    alarms = spoil(change)
    assert ("shift", "crp") in named(alarms)
    assert {item.subject for item in alarms} == {"crp"}
    shift = next(item for item in alarms if item.kind == "shift")
    assert "lowest fifth" in sentence(shift)
    assert f"{shift.n} patients" in sentence(shift)


def test_a_declared_new_unit_is_reported_and_shifts_nothing(spoil):
    def change(labs):
        rows = crp(labs) & labs["value"].str.fullmatch(r"[0-9.]+") & (labs["unit"] == "mg/L")
        labs.loc[rows, "value"] = (labs.loc[rows, "value"].astype(float) / 10).map("{:g}".format)
        labs.loc[rows, "unit"] = "mg/dL"
        return labs

    alarms = spoil(change)
    assert named(alarms) == {("units", "crp")}
    assert "mg/dl" in sentence(alarms[0]).lower()


def test_a_dropped_analyte_is_missed(spoil):
    alarms = spoil(lambda labs: labs.loc[~crp(labs)])
    assert named(alarms) == {("missing", "crp")}
    assert "60 of 60 patients (>99%)" in sentence(alarms[0])


def test_a_raised_detection_limit_is_named(spoil):
    def change(labs):
        number = pd.to_numeric(labs["value"].where(labs["unit"] == "mg/L"), errors="coerce")
        labs.loc[crp(labs) & (number < 60), "value"] = "<60"
        return labs

    alarms = spoil(change)
    assert ("below", "crp") in named(alarms)
    assert {item.subject for item in alarms} == {"crp"}


def test_results_that_come_late_are_named(spoil):
    def change(labs):
        rows = crp(labs) & (labs["resulted_at"] != "")
        late = pd.to_datetime(labs.loc[rows, "collected_at"], utc=True) + pd.Timedelta(hours=20)
        labs.loc[rows, "resulted_at"] = late.dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")
        return labs

    assert named(spoil(change)) == {("delay", "crp")}


def test_a_spelling_that_is_refused_is_named_with_its_code(spoil):
    def change(labs):
        labs.loc[crp(labs), "unit"] = "mg/furlong"
        return labs

    alarms = spoil(change)
    assert named(alarms) == {("refused", ""), ("missing", "crp")}
    assert "unit_refused" in sentence(alarms[0])


@pytest.mark.parametrize(("odds", "raised"), [(1.0, False), (6.0, True)])
def test_sicker_patients_raise_the_mean_risk(world: World, odds: float, raised: bool):
    chosen = of_patients(world.pool, list(world.pool.patients["patient_id"][:50]))
    drawn = risks(len(chosen.patients), np.random.default_rng(1), odds=odds)
    sicker = replace(chosen, patients=chosen.patients.assign(**{"risk:icans": drawn}))
    alarms = world.alarms(sicker)
    assert (("risk", "icans") in named(alarms)) == raised
    if raised:
        assert named(alarms) == {("risk", "icans")}


def test_more_abstentions_are_an_alarm(world: World):
    chosen = of_patients(world.pool, list(world.pool.patients["patient_id"][:50]))
    silent = replace(chosen, patients=chosen.patients.assign(abstained=True))
    assert named(world.alarms(silent)) == {("abstained", "")}


def test_below_the_least_number_nothing_is_an_alarm(world: World):
    chosen = of_patients(world.pool, list(world.pool.patients["patient_id"][:9]))
    assert world.alarms(replace(chosen, recent=chosen.recent.iloc[:0])) == []
    assert world.alarms(replace(chosen, recent=chosen.recent.iloc[:0]), min_patients=9) != []


def test_a_profile_has_no_group_of_fewer_than_five(world: World):
    profile = world.profile
    text = json.loads(json.dumps(profile.to_dict()))
    counts = [text["refused"]["refused"]]
    for day in text["days"].values():
        assert day["patients"] >= 5
        for item in day["analytes"].values():
            counts += [item["measured"], item["below"], item["above"], *item["counts"]]
    for item in text["units"].values():
        counts += list(item["units"].values())
    counts += [item["slow"] for item in text["delays"].values()]
    assert not [count for count in counts if 0 < count < 5]
    ids = "".join(world.pool.seen_ids)
    assert ids[:6] not in json.dumps(text)
