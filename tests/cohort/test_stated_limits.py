"""Stated limits: an implausible limit is ignored, and its row is kept."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.cohort.stated_limits import CONTRADICTED, IMPLAUSIBLE, check_limit_settings
from pipeline.config_cohort import CohortConfig
from pipeline.errors import UsageError
from pipeline.reading.reader import read_batch

HEADER = "patient_id,analyte,value,unit,collected_hours,resulted_hours,lloq,uloq,ref_low,ref_high\n"


def read(tmp_path, *rows, config=None):
    path = tmp_path / "labs.csv"
    path.write_text(HEADER + "".join(f"A,{row}\n" for row in rows))
    result = read_batch(path, config or CohortConfig(), {})
    labs = result.cohort.labs
    return labs, result.rejects["code"].tolist(), result.notes["code"].tolist()


@pytest.mark.parametrize("column", [0, 1, 2, 3])
@pytest.mark.parametrize("limit", ["1e6", "1e308", "-3", "801"])
def test_an_impossible_limit_is_rejected_and_the_number_stays_exact(tmp_path, column, limit):
    cells = ["", "", "", ""]
    cells[column] = limit
    labs, codes, flags = read(tmp_path, f"crp,12,mg/L,5,6,{','.join(cells)}")
    assert (labs["value"].tolist(), labs["side"].tolist()) == ([12.0], [0])
    assert (codes, flags) == ([IMPLAUSIBLE], [])
    assert labs[["ref_low", "ref_high"]].isna().all(axis=None)


@pytest.mark.parametrize("limit", ["NaN", "inf", "1e999", "high"])
def test_a_limit_that_is_no_number_is_an_illegal_cell(tmp_path, limit):
    labs, codes, _ = read(tmp_path, f"crp,12,mg/L,5,6,{limit},,,")
    assert (labs["value"].tolist(), labs["side"].tolist()) == ([12.0], [0])
    assert codes == ["illegal_value"]


def test_a_limit_of_zero_and_an_upper_one_of_zero(tmp_path):
    labs, codes, _ = read(tmp_path, "crp,12,mg/L,5,6,0,300,0,5", "crp,13,mg/L,7,8,,0,,")
    assert labs["side"].tolist() == [0, 0]
    assert labs["ref_low"].tolist()[0] == 0.0
    assert codes == [IMPLAUSIBLE]


def test_limits_the_wrong_way_round_are_not_used(tmp_path):
    labs, codes, _ = read(
        tmp_path, "crp,12,mg/L,5,6,300,5,,", "crp,13,mg/L,7,8,5,5,,", "crp,14,mg/L,9,10,,,10,5"
    )
    assert labs["value"].tolist() == [12.0, 13.0, 14.0]
    assert labs["side"].tolist() == [0, 0, 0]
    assert codes == [IMPLAUSIBLE] * 3
    assert labs[["ref_low", "ref_high"]].isna().all(axis=None)


def test_a_limit_is_judged_in_the_unit_of_its_row(tmp_path):
    labs, codes, _ = read(tmp_path, "crp,1.2,mg/dL,5,6,0.5,79,,", "crp,1.2,mg/dL,7,8,,81,,")
    assert np.allclose(labs["value"], 12.0)
    assert codes == [IMPLAUSIBLE]


def test_a_number_that_contradicts_a_possible_limit_is_flagged(tmp_path):
    labs, codes, flags = read(tmp_path, "crp,12,mg/L,5,6,20,,,", "crp,400,mg/L,7,8,,300,,")
    assert labs["value"].tolist() == [20.0, 300.0]
    assert labs["side"].tolist() == [-1, 1]
    assert labs["flag"].tolist() == [CONTRADICTED] * 2
    assert (codes, flags) == ([], [CONTRADICTED] * 2)


@pytest.mark.parametrize("value", ["<0", ">0", "<0.0"])
def test_a_sign_before_zero_states_no_limit(tmp_path, value):
    labs, codes, _ = read(tmp_path, f"crp,{value},mg/L,5,6,,,,", "crp,3,mg/L,7,8,,,,")
    assert (labs["value"].tolist(), codes) == ([3.0], [IMPLAUSIBLE])


def test_a_word_for_below_needs_a_possible_limit(tmp_path):
    labs, codes, _ = read(tmp_path, "crp,<LLOQ,mg/L,5,6,1e6,,,", "crp,<LLOQ,mg/L,7,8,0.5,,,")
    assert (labs["value"].tolist(), labs["side"].tolist()) == ([0.5], [-1])
    assert sorted(codes) == [IMPLAUSIBLE, "limit_unknown"]


@pytest.mark.parametrize(
    "ends",
    [
        {"lower": 1e6},
        {"upper": 0},
        {"lower": -1},
        {"upper": 1e308},
        {"lower": float("nan")},
        {"lower": 300, "upper": 5},
    ],
)
def test_impossible_limits_of_the_configuration_are_refused(ends):
    with pytest.raises(UsageError, match="crp"):
        check_limit_settings(CohortConfig(limits={"crp": ends}))


def test_possible_limits_of_the_configuration_are_accepted():
    check_limit_settings(CohortConfig(limits={"crp": {"lower": 0.3, "upper": 350}}))
