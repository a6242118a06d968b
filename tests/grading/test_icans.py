"""ICANS grades: every row of the grading table and every edge case."""

import pytest

from tests.grading.cases import CASES, check


@pytest.mark.parametrize("case", CASES["icans"], ids=[case["name"] for case in CASES["icans"]])
def test_case(case):
    check(case, "icans")


def test_there_are_enough_cases_and_no_name_twice():
    names = [case["name"] for case in CASES["icans"]]
    assert len(names) >= 40
    assert len(set(names)) == len(names)
