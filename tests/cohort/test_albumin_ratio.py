"""The CSF/serum albumin ratio from its parts: value, clocks, versions and what makes none."""

import numpy as np
import pytest

from tests.exported import conserved, read_labs

CSF = ("csf_albumin", "24", "mg/dL")
SERUM = ("albumin", "4", "g/dL")


def ratios(folder, *rows, **settings):
    result = read_labs(folder, *rows, **settings)
    conserved(result)
    labs = result.cohort.labs
    return labs.loc[labs["analyte"] == "csf_serum_albumin"].reset_index(drop=True)


def test_value_and_clocks(tmp_path):
    found = ratios(tmp_path, (*CSF, 50, 60), (*SERUM, 45, 49))
    assert found["value"].tolist() == pytest.approx([0.006])
    assert found[["collected_hours", "resulted_hours"]].to_numpy().tolist() == [[50.0, 60.0]]
    assert found["flag"].tolist() == ["derived"]
    late = ratios(tmp_path, (*CSF, 50, 60), (*SERUM, 45, 70))
    assert late["resulted_hours"].tolist() == [70.0]


def test_units_are_converted_first(tmp_path):
    found = ratios(
        tmp_path, ("csf_albumin", "240", "mg/L", 50, 60), ("albumin", "40", "g/L", 50, 51)
    )
    assert found["value"].tolist() == pytest.approx([0.006])


@pytest.mark.parametrize(
    "rows",
    [
        [(*CSF, 50, 60)],
        [(*CSF, 50, 60), (*SERUM, 25.9, 30)],
        [("csf_albumin", "<5", "mg/dL", 50, 60), (*SERUM, 45, 49)],
    ],
    ids=["no serum", "outside the window", "below a limit"],
)
def test_no_ratio(tmp_path, rows):
    assert ratios(tmp_path, *rows).empty


def test_the_window_is_a_setting(tmp_path):
    rows = [(*CSF, 50, 60), (*SERUM, 20, 30)]
    assert len(ratios(tmp_path, *rows, albumin_ratio_window_hours=30)) == 1


def test_a_stated_ratio_is_left_alone(tmp_path):
    stated = ("csf_serum_albumin", "0.8", "%", 50, 61)
    found = ratios(tmp_path, (*CSF, 50, 60), (*SERUM, 50, 52), stated)
    assert found["value"].tolist() == pytest.approx([0.008])


def test_a_nearer_serum_replaces_a_farther_one_once_it_is_known(tmp_path):
    rows = [(*CSF, 50, 60), ("albumin", "3", "g/dL", 40, 44), ("albumin", "4", "g/dL", 51, 72)]
    found = ratios(tmp_path, *rows)
    assert found["value"].tolist() == pytest.approx([0.008, 0.006])
    assert found["resulted_hours"].tolist() == [60.0, 72.0]
    assert found["superseded_hours"].tolist() == [72.0, np.inf]


@pytest.mark.parametrize("cut", [55, 61, 65, 71, 73, 90])
def test_what_is_known_at_a_moment_does_not_depend_on_later_rows(tmp_path, cut):
    rows = [
        (*CSF, 50, 60),
        ("csf_albumin", "30", "mg/dL", 50, 64),
        ("albumin", "3", "g/dL", 40, 44),
        ("albumin", "4", "g/dL", 51, 72),
        ("albumin", "5", "g/dL", 51, 80),
    ]

    def visible(found):
        row = found[(found["resulted_hours"] < cut) & (found["superseded_hours"] >= cut)]
        return row["value"].tolist()

    whole = visible(ratios(tmp_path, *rows))
    assert whole == visible(ratios(tmp_path, *[row for row in rows if row[4] < cut]))


def test_a_withdrawn_part_withdraws_the_ratio(tmp_path):
    found = ratios(
        tmp_path,
        (*CSF, 50, 60, "final"),
        (*SERUM, 50, 52, "final"),
        ("csf_albumin", "", "", 50, 70, "cancelled"),
        columns="status",
    )
    assert found["cancelled"].tolist() == [False, True]
    assert found["resulted_hours"].tolist() == [60.0, 70.0]
