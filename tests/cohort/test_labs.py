"""Lab rows: result times, versions of a sample, and the albumin ratio from its parts."""

import numpy as np
import pytest

from tests.exported import codes, conserved, read_labs


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("dictionary", {"crp": 14.0, "nfl": 106.0}),
        ("none", {"crp": 10.0, "nfl": 10.0}),
        ({"hours": 6}, {"crp": 16.0, "nfl": 16.0}),
        ({"hours": 6, "nfl": 50}, {"crp": 16.0, "nfl": 60.0}),
        ({"nfl": 50}, {"crp": 14.0, "nfl": 60.0}),
    ],
    ids=["dictionary", "none", "hours", "hours and one analyte", "one analyte"],
)
def test_missing_result_times_follow_the_turnaround_and_are_counted(tmp_path, setting, expected):
    result = read_labs(
        tmp_path,
        ("crp", "7", "mg/L", 10, ""),
        ("nfl", "20", "pg/mL", 10, ""),
        ("il6", "20", "pg/mL", 10, 200),
        turnaround=setting,
    )
    labs = result.cohort.labs.set_index("analyte")["resulted_hours"].to_dict()
    assert labs == {**expected, "il6": 200.0}
    assert result.turnaround_imputed == 2


def test_a_result_before_its_collection_is_refused(tmp_path):
    result = read_labs(tmp_path, ("crp", "7", "mg/L", 10, 9.99), ("crp", "7", "mg/L", 10, 10))
    assert codes(result) == ["resulted_before_collected"]


def test_an_unreadable_result_time_is_not_taken_as_missing(tmp_path):
    assert codes(read_labs(tmp_path, ("crp", "7", "mg/L", 10, "soon"))) == ["time_unusable"]


def test_baseline_labs_before_the_infusion_are_legal(tmp_path):
    labs = read_labs(tmp_path, ("crp", "7", "mg/L", -2000, -1990)).cohort.labs
    assert labs["collected_hours"].tolist() == [-2000.0]


def test_a_batch_of_refused_rows_is_an_empty_cohort(tmp_path):
    result = read_labs(tmp_path, ("nonsense", "7", "mg/L", 10, 11))
    assert len(result.cohort.labs) == 0
    assert result.lost == {"A": "unknown_analyte"}
    assert result.seen_ids == ["A"]
    assert np.isposinf(result.as_of_hours).all()


def test_contradicting_rows_of_one_sample_are_flagged_and_the_larger_counts(tmp_path):
    rows = [("crp", "7", "mg/L", 1, 2), ("crp", "9", "mg/L", 1, 2), ("crp", "7", "mg/L", 1, 2)]
    result = read_labs(tmp_path, *rows)
    assert result.counts["labs.csv"]["collapsed"] == 1
    assert result.flags == {"labs.csv": {"conflicting": 2}}
    assert result.notes["row"].tolist() == [2, 3]
    assert result.cohort.labs["flag"].tolist() == ["conflicting"] * 2
    assert result.cohort.labs["value"].tolist() == [7.0, 9.0]


@pytest.mark.parametrize(
    ("status", "cancelled"), [("F", False), ("X", True), ("Canceled", True), ("Amended", False)]
)
def test_statuses_of_other_systems_are_known(tmp_path, status, cancelled):
    result = read_labs(tmp_path, ("crp", "7", "mg/L", 1, 2, status), columns="status")
    assert codes(result) == []
    assert result.cohort.labs["cancelled"].tolist() == [cancelled]


CSF = ("csf_albumin", "24", "mg/dL")


SERUM = ("albumin", "4", "g/dL")


def ratios(folder, *rows, **settings):
    result = read_labs(folder, *rows, **settings)
    conserved(result)
    labs = result.cohort.labs
    return labs.loc[labs["analyte"] == "csf_serum_albumin"].reset_index(drop=True)


def test_value_and_clocks(tmp_path):
    derived = ratios(tmp_path, (*CSF, 50, 60), (*SERUM, 45, 49))
    assert derived["value"].tolist() == pytest.approx([0.006])
    assert derived[["collected_hours", "resulted_hours"]].to_numpy().tolist() == [[50.0, 60.0]]
    assert derived["flag"].tolist() == ["derived"]
    late = ratios(tmp_path, (*CSF, 50, 60), (*SERUM, 45, 70))
    assert late["resulted_hours"].tolist() == [70.0]


def test_units_are_converted_first(tmp_path):
    derived = ratios(
        tmp_path, ("csf_albumin", "240", "mg/L", 50, 60), ("albumin", "40", "g/L", 50, 51)
    )
    assert derived["value"].tolist() == pytest.approx([0.006])


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
    derived = ratios(tmp_path, (*CSF, 50, 60), (*SERUM, 50, 52), stated)
    assert derived["value"].tolist() == pytest.approx([0.008])


def test_a_nearer_serum_replaces_a_farther_one_once_it_is_known(tmp_path):
    rows = [(*CSF, 50, 60), ("albumin", "3", "g/dL", 40, 44), ("albumin", "4", "g/dL", 51, 72)]
    derived = ratios(tmp_path, *rows)
    assert derived["value"].tolist() == pytest.approx([0.008, 0.006])
    assert derived["resulted_hours"].tolist() == [60.0, 72.0]
    assert derived["superseded_hours"].tolist() == [72.0, np.inf]


@pytest.mark.parametrize("cut", [55, 61, 65, 71, 73, 90])
def test_what_is_known_at_a_moment_does_not_depend_on_later_rows(tmp_path, cut):
    rows = [
        (*CSF, 50, 60),
        ("csf_albumin", "30", "mg/dL", 50, 64),
        ("albumin", "3", "g/dL", 40, 44),
        ("albumin", "4", "g/dL", 51, 72),
        ("albumin", "5", "g/dL", 51, 80),
    ]

    def visible(derived):
        row = derived[(derived["resulted_hours"] < cut) & (derived["superseded_hours"] >= cut)]
        return row["value"].tolist()

    whole = visible(ratios(tmp_path, *rows))
    assert whole == visible(ratios(tmp_path, *[row for row in rows if row[4] < cut]))


def test_a_withdrawn_part_withdraws_the_ratio(tmp_path):
    derived = ratios(
        tmp_path,
        (*CSF, 50, 60, "final"),
        (*SERUM, 50, 52, "final"),
        ("csf_albumin", "", "", 50, 70, "cancelled"),
        columns="status",
    )
    assert derived["cancelled"].tolist() == [False, True]
    assert derived["resulted_hours"].tolist() == [60.0, 70.0]
