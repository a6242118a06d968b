"""Numbers become text that a person can read, whatever the number is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import format

ANY = st.none() | st.floats() | st.integers(-(10**9), 10**9)
SHARES = st.none() | st.just(math.nan) | st.floats(0, 1)


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0, "<1%"),
        (0.0099, "<1%"),
        (0.01, "1%"),
        (0.125, "13%"),
        (0.99, "99%"),
        (0.9901, ">99%"),
        (1, ">99%"),
        (1 + 1e-12, ">99%"),
        (np.float64(0.5), "50%"),
    ],
)
def test_percent_is_a_clipped_integer(p, text):
    assert format.percent(p) == text


@pytest.mark.parametrize("p", [-0.1, 1.2, 18])
def test_percent_of_no_probability_is_an_error(p):
    with pytest.raises(ValueError, match="between 0 and 1, got"):
        format.percent(p)


@pytest.mark.parametrize(
    "write",
    [
        format.decimal,
        format.signed,
        format.integer,
        format.plain,
        format.percent,
        lambda x: format.interval(x, 1),
    ],
)
@pytest.mark.parametrize("x", [None, math.nan, math.inf, -math.inf, np.float64("nan")])
def test_missing_is_a_dash(write, x):
    assert write(x) == "–"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (format.decimal(-0.004), "0.00"),
        (format.decimal(2.5e7), "2.5e+07"),
        (format.decimal(3, 0), "3"),
        (format.signed(0.004), "0.00"),
        (format.signed(-0.004), "0.00"),
        (format.signed(0.006), "+0.01"),
        (format.signed(10, 0), "+10"),
        (format.plain(0.1 + 0.2), "0.3"),
        (format.plain(1_000_000), "1,000,000"),
        (format.count_of(0, 0), "0 of 0"),
        (format.counted(1, "row"), "1 row"),
        (format.counted(0, "event patient"), "0 event patients"),
        (format.bracket(0.1, math.nan), ""),
        (format.percent_interval(0.995, 1), ">99–>99%"),
    ],
)
def test_edges(text, wanted):
    assert text == wanted


@settings(deadline=None)
@given(x=ANY, y=ANY)
def test_no_number_prints_nan_none_or_a_hyphen_minus(x, y):
    written = [
        format.decimal(x),
        format.signed(x),
        format.integer(x),
        format.interval(x, y),
        format.bracket(x, y),
    ]
    text = " ".join([*written, format.count_of(x, y), format.in_words("95% interval", x, y)])
    assert not any(bad in text for bad in ("nan", "None", "inf", "-"))


@settings(deadline=None)
@given(p=SHARES, q=SHARES)
def test_percent_never_says_nought_or_hundred(p, q):
    text = f"{format.percent(p)} {format.percent_interval(p, q)}".split()
    assert not {"0", "100", "nan", "None"} & set(text)
