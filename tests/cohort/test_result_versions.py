import numpy as np
import pytest

from tests.exported import codes, read_labs

INF = np.inf


def versions(tmp_path, *rows):
    result = read_labs(
        tmp_path,
        *[("crp", value, "mg/L", 10, resulted, status) for value, resulted, status in rows],
        columns="status",
    )
    labs = result.cohort.labs
    fields = ("value", "resulted_hours", "superseded_hours", "cancelled")
    return [tuple(row) for row in labs[list(fields)].itertuples(index=False)], result


def test_each_version_counts_until_the_next_is_out(tmp_path):
    rows, result = versions(
        tmp_path, (5, 12, "preliminary"), (6, 20, "corrected"), (7, 30, "corrected")
    )
    assert rows == [(5, 12, 20, False), (6, 20, 30, False), (7, 30, INF, False)]
    assert codes(result) == []


def test_a_cancellation_ends_a_version_and_has_no_value_of_its_own(tmp_path):
    rows, result = versions(tmp_path, (5, 12, "final"), ("", 20, "cancelled"))
    assert rows[0] == (5, 12, 20, False)
    assert rows[1][1:] == (20, INF, True)
    count = result.counts["labs.csv"]
    assert (count["accepted"], count["withdrawn"], count["rejected"]) == (1, 1, 0)


@pytest.mark.parametrize("status", ["cancelled", "Entered-in-Error"])
def test_a_withdrawn_value_may_be_anything(tmp_path, status):
    rows, result = versions(tmp_path, (5, 12, ""), ("haemolysed", 20, status))
    assert rows[0][2] == 20
    assert codes(result) == []


def test_a_result_reported_again_after_a_cancellation_counts_again(tmp_path):
    rows, _ = versions(tmp_path, (5, 12, ""), ("", 20, "cancelled"), (6, 25, "corrected"))
    assert [row[2] for row in rows] == [20, 25, INF]


def test_of_versions_with_one_result_time_the_later_status_stands(tmp_path):
    rows, _ = versions(tmp_path, (7, 12, "corrected"), (5, 12, "preliminary"), (6, 12, "final"))
    assert [(row[0], row[2]) for row in rows] == [(5, 12), (6, 12), (7, INF)]


def test_identical_versions_collapse(tmp_path):
    rows, result = versions(tmp_path, (5, 12, "final"), ("5.0", 12, ""), (5, 12, "corrected"))
    assert len(rows) == 2
    assert result.counts["labs.csv"]["collapsed"] == 1


def test_an_unknown_status_is_refused_because_it_may_mean_withdrawn(tmp_path):
    rows, result = versions(tmp_path, (5, 12, "wrong patient"), (6, 13, "final"))
    assert codes(result) == ["illegal_value"]
    assert [row[0] for row in rows] == [6.0]


def test_other_draws_analytes_and_patients_do_not_supersede(tmp_path):
    labs = read_labs(
        tmp_path,
        ("crp", 5, "mg/L", 10, 12),
        ("crp", 6, "mg/L", 11, 13),
        ("ferritin", 500, "ng/mL", 10, 13),
    ).cohort.labs
    assert np.isposinf(labs["superseded_hours"]).all()
