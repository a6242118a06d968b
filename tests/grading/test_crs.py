"""CRS grades: every row of the grading table and every edge case."""

import pytest

from tests.grading.cases import CASES, check


@pytest.mark.parametrize("case", CASES["crs"], ids=[case["name"] for case in CASES["crs"]])
def test_case(case):
    check(case, "crs")


def test_there_are_enough_cases_and_no_name_twice():
    names = [case["name"] for case in CASES["crs"]]
    assert len(names) >= 40
    assert len(set(names)) == len(names)
