"""Tables as files: times with the offset of their site, cut at one hour, marked as simulated."""

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.simulate.export import (
    cut_at_hour,
    draw_cuts,
    is_simulated,
    timestamps_of,
    to_exports,
    write,
)
from pipeline.simulate.simulation_settings import named


@pytest.fixture(scope="module")
def exports(world):
    ids = [f"S{number}" for number in range(len(world.people))]
    return to_exports(world.tables, ids, world.people, world.settings)


def test_hours_come_back_from_the_timestamps(world, exports):
    infusion = exports["patients"].set_index("patient_id")["infusion_time"]
    zero = pd.to_datetime(infusion, utc=True)
    for name, clock in (
        ("labs", "collected"),
        ("treatments", "given"),
        ("assessments", "assessed"),
    ):
        table = exports[name]
        moments = pd.to_datetime(table[f"{clock}_at"], utc=True)
        hours = (moments - table["patient_id"].map(zero)) / pd.Timedelta(hours=1)
        np.testing.assert_allclose(hours, world.tables[name][f"{clock}_hours"], atol=1 / 3600)


def test_the_infusion_is_at_its_hour_on_the_wall_of_the_site(world, exports):
    wall = pd.to_datetime(exports["patients"]["infusion_time"].str[:19])
    hour = wall.dt.hour + wall.dt.minute / 60
    np.testing.assert_allclose(hour, world.people.infusion % 24, atol=1 / 60 + 1e-9)


def test_offsets_are_those_of_the_zone_of_the_site_at_that_moment(world):
    zones = [site["time_zone"] for site in named(world.settings["sites"]).values()]
    patient = np.arange(len(world.people))
    winter = float(pd.Timestamp("2024-01-15", tz="UTC").timestamp())
    text = timestamps_of(
        np.array([0.0, *[183 * 24.0] * (len(patient) - 1)]),
        patient,
        np.full(len(patient), winter),
        world.people,
        world.settings,
    )
    for who, cell in enumerate(text):
        zone = zones[world.people.site[who]]
        moment = pd.Timestamp(cell)
        assert moment.utcoffset() == moment.tz_convert(zone).utcoffset()


def test_a_missing_time_is_blank(world):
    text = timestamps_of(
        np.array([np.nan, 1.0]), np.array([0, 1]), np.zeros(len(world.people)), world.people,
        world.settings,
    )  # fmt: skip
    assert text[0] == ""
    assert text[1]


def test_a_batch_holds_nothing_from_its_hour_on(world):
    hours = draw_cuts(len(world.people), world.settings, np.random.default_rng(0))
    low, high = world.settings["batch"]["cut_hours"]
    assert low <= hours.min()
    assert hours.max() <= high
    known = cut_at_hour(world.tables, hours)
    assert not {"record_end_hours", "followed_until_hours", "death_hours"} & set(known["patients"])
    for name, clock in (
        ("labs", "resulted_hours"), ("treatments", "given_hours"),
        ("observations", "observed_hours"), ("assessments", "assessed_hours"),
    ):  # fmt: skip
        table = known[name].dropna(subset=clock)
        assert (table[clock].to_numpy() < hours[table["patient"]]).all()
        whole = world.tables[name].dropna(subset=clock)
        assert len(table) == (whole[clock].to_numpy() < hours[whole["patient"]]).sum()


def test_files_are_read_back_as_text(exports, tmp_path):
    write(exports, tmp_path)
    for name, table in exports.items():
        back = pd.read_csv(tmp_path / f"{name}.csv", dtype="str", keep_default_na=False)
        pd.testing.assert_frame_equal(back, table)


@pytest.mark.parametrize(
    ("report", "marked"),
    [
        ({"synthetic": True}, True),
        ({"synthetic": "yes"}, False),
        ({"patients": 3}, False),
        ([True], False),
        (None, False),
    ],
)
def test_only_the_report_of_the_simulation_marks_a_folder(tmp_path, report, marked):
    if report is not None:
        (tmp_path / "report.json").write_text(json.dumps(report))
    assert is_simulated(tmp_path) is marked
    (tmp_path / "report.json").write_text("{")
    assert not is_simulated(tmp_path)
