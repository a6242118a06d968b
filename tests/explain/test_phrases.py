"""Numbers of a page as text, read back to what they were."""

import math

from hypothesis import given
from hypothesis import strategies as st

from pipeline.explain.phrases import (
    age_text,
    interval_text,
    is_clipped,
    listed_phrases,
    outcome_short,
    points_text,
    ratio_to_average,
    risk_text,
    section,
    signed_points,
    whole,
)


@given(st.floats(0, 1))
def test_a_risk_is_a_whole_percentage_between_one_and_ninety_nine(risk):
    text = risk_text(risk).removesuffix("%")
    if is_clipped(risk):
        assert text == ("under 1" if risk < 0.5 else "over 99")
    else:
        assert abs(int(text) - 100 * risk) <= 0.5
        assert 1 <= int(text) <= 99


@given(low=st.floats(0, 1), width=st.floats(0, 1))
def test_an_interval_of_one_percentage_is_said_once(low, width):
    high = min(low + width, 1.0)
    ends = risk_text(low), risk_text(high)
    text = interval_text(low, high)
    assert (text == ends[0]) == (ends[0] == ends[1])
    if ends[0] != ends[1]:
        first, _, last = text.removesuffix("%").partition("–")
        assert first == ("0" if low < 0.01 else ends[0].removesuffix("%"))
        assert last == ("100" if high > 0.99 else ends[1].removesuffix("%"))


@given(st.floats(-99, 99))
def test_signed_and_unsigned_points_are_of_one_size(points):
    size = whole(abs(points))
    signed = signed_points(points)
    assert (signed == "0") == (size == 0)
    if size:
        assert ("▲" in signed) == (points > 0)
        assert int("".join(filter(str.isdigit, signed))) == size
        assert points_text(points).split()[0] == str(size)


@given(st.floats(-1e6, 1e6))
def test_halves_are_rounded_up(value):
    assert whole(value) - 0.5 <= value < whole(value) + 0.5


@given(one=st.floats(0.01, 30), other=st.floats(0.01, 30))
def test_words_for_a_ratio_rise_with_it(one, other):
    steps = [str(step["words"]).split("{")[0] for step in section("times_usual")]

    def place(ratio):
        shown = ratio_to_average(ratio)
        matching = [n for n, words in enumerate(steps) if shown.startswith(words)]
        return max(matching, key=lambda n: len(steps[n]))  # one begins as another does

    low, high = sorted((one, other))
    assert place(low) <= place(high)
    assert ratio_to_average(math.nan) == ""


@given(st.lists(st.sampled_from(["CRP", "IL-6", "NfL", "LDH"]), min_size=1, max_size=12))
def test_a_long_list_names_at_most_the_stated_number(names):
    text = listed_phrases(names, 3)
    told = len(text.replace(" and ", ", ").split(", "))
    assert told == min(len(names), 3)
    if len(names) > 3:
        assert f"{len(names) - 2} more" in text


def test_an_outcome_without_a_short_name_has_its_own():
    assert outcome_short("severe_hlh_like") == "severe hlh like"
    assert age_text(0.99).startswith("under 1")
