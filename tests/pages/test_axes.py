"""An axis holds its data, and its ticks are few, round and inside."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.pages.axes import TINY, Scale, domain

KINDS = st.sampled_from(["linear", "log2", "log10"])
VALUES = st.lists(st.floats(-1e9, 1e9) | st.none() | st.just(float("nan")), max_size=8)


@settings(deadline=None)
@given(values=VALUES, kind=KINDS)
def test_domain_holds_the_data_and_ticks_lie_inside(values, kind):
    low, high = domain(values, kind)
    known = [v for v in values if v is not None and v == v and (kind == "linear" or v > TINY)]
    slack = TINY + 1e-9 * max(abs(low), abs(high))
    assert all(low - slack <= v <= high + slack for v in known)
    ticks = Scale(low, high, 0, 100, kind).ticks()
    assert 2 <= len(ticks) <= 9
    assert list(ticks) == sorted(set(ticks))
    assert all(low - slack <= tick <= high + slack for tick in ticks)


@settings(deadline=None)
@given(value=st.floats(0.01, 1e6), kind=KINDS)
def test_ends_sit_at_the_ends_and_order_is_kept(value, kind):
    scale = Scale(0.01, 1e6, 10, 200, kind)
    assert scale(scale.low) == pytest.approx(10)
    assert scale(scale.high) == pytest.approx(200)
    assert 10 - 1e-6 <= scale(value) <= 200 + 1e-6


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 1, 0, 1), (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)),
        (Scale(0, 0.05, 0, 1), (0.0, 0.01, 0.02, 0.03, 0.04, 0.05)),
        (Scale(-0.3, 0.3, 0, 1), (-0.2, 0.0, 0.2)),
        (Scale(0.5, 16, 0, 1, "log2"), (0.5, 2.0, 8.0)),
        (Scale(3, 60, 0, 1, "log10"), (5.0, 10.0, 20.0, 50.0)),
        (Scale(2.1, 8, 0, 1, "log10"), (4.0, 6.0, 8.0)),
    ],
)
def test_ticks_are_round(scale, ticks):
    assert scale.ticks() == pytest.approx(ticks)


def test_log_scale_places_doublings_evenly_and_zero_at_the_low_end():
    scale = Scale(1, 8, 0, 90, "log2")
    assert [scale(v) for v in (1, 2, 4, 8)] == pytest.approx([0, 30, 60, 90])
    assert scale(0) == scale(-5) == 0
    assert (scale.clamp(99), scale.clamp(-1)) == (8, 1)


@pytest.mark.parametrize(
    ("low", "high", "kind", "words"),
    [
        (1, 1, "linear", "below `high`"),
        (0, float("nan"), "linear", "finite"),
        (0, 5, "log10", "above zero"),
    ],
)
def test_impossible_axis_says_why(low, high, kind, words):
    with pytest.raises(ValueError, match=words):
        Scale(low, high, 0, 1, kind)
