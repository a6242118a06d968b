"""Changes and reference ranges as text."""

from __future__ import annotations

import pytest

from pipeline.cohort.analytes import dictionary
from pipeline.explain.patient_record import LabResult
from pipeline.explain.result_changes import change_text, range_text


def series(*points: tuple[float, float] | tuple[float, float, int]) -> list[LabResult]:
    return [LabResult(*point) for point in points]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(47, 59), (71, 184)], "up 3.1-fold in 24 h (from 59)"),
        ([(47, 10), (71, 184)], "up 18-fold in 24 h (from 10)"),
        ([(48, 100), (72, 145)], "up 45% in 24 h (from 100)"),
        ([(58.2, 226), (70.2, 140)], "down 38% in 12 h (from 226)"),
        ([(48, 100), (72, 104)], "steady over 24 h (from 100)"),
        ([(48, 5, -1), (72, 40)], "was <5 24 h earlier"),
        ([(48, 40), (72, 5, -1)], "was 40 24 h earlier"),
        ([(72, 40)], "first value"),
        ([(70, 40), (72, 41)], ""),  # two draws of one morning say nothing about a day
        ([(-200, 4), (72, 41)], ""),
        ([(0, 10), (47, 59), (60, 100), (71, 184)], "up 3.1-fold in 24 h (from 59)"),
    ],
)
def test_change(points, words) -> None:
    assert change_text(series(*points)).replace("\u00a0", " ") == words


@pytest.mark.parametrize(
    ("value", "side", "words"),
    [
        (140, 0, "below 200–400"),
        (400, 0, "within 200–400"),
        (500, 1, "above 200–400"),
        (300, -1, ""),  # below 300 may be within or below
        (150, 1, ""),
    ],
)
def test_reference_range(value, side, words) -> None:
    assert range_text(value, side, dictionary()["fibrinogen"].reference) == words


def test_no_range_no_words() -> None:
    assert range_text(20.0, 0, dictionary()["il15"].reference) == ""


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([(47, -0.3), (71, 0.5)], "up by 0.8 in 24 h (from −0.3)"),
        ([(47, 1.5), (71, -0.5)], "down by 2 in 24 h (from 1.5)"),
        ([(47, -2.0), (71, -1.0)], "up by 1 in 24 h (from −2)"),
        ([(47, 0.0), (71, 0.05)], "steady over 24 h (from 0)"),
        ([(47, -2.5, -1), (71, 0.5)], "was <−2.5 24 h earlier"),
        ([(71, -0.5)], "first value"),
    ],
)
def test_change_of_signed_results_is_a_difference(points, words) -> None:
    said = change_text(series(*points), by_difference=True)
    assert said.replace("\u00a0", " ") == words
