"""Follow-up is only ever shortened, and an event on a common date becomes its end."""

from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.pseudonymise.secret_key import Key
from pipeline.pseudonymise.shortened_follow_up import MOST_DAYS_CUT, shortened, written_clock

SECRET = Key(bytes(range(7, 39)))
DAY = pd.Timedelta(days=1)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.1, 400), st.floats(0, 1)), min_size=1, max_size=8))
def test_never_later_never_on_the_date_and_at_most_a_month_earlier(drawn) -> None:
    cut = pd.Timestamp("2026-06-30", tz="UTC")
    zero = pd.Series([cut - pd.Timedelta(days=days) for days, _ in drawn]).dt.floor("s")
    ends = pd.Series([cut] * len(drawn))
    last = zero + (ends - zero) * pd.Series([share for _, share in drawn])
    ids = pd.Series([f"P{place}" for place in range(len(drawn))])
    moved, blank = shortened(ends, ids, zero, last, SECRET, ends.iloc[:1])
    assert (ends - moved >= DAY).all()
    assert ((ends - moved) <= (MOST_DAYS_CUT + 3) * DAY).all()
    assert (((moved - zero) % DAY) == pd.Timedelta(0)).all()
    assert (moved[~blank] > zero[~blank]).all()


def test_the_ends_of_patients_without_rows_are_drawn_apart() -> None:
    cut = pd.Timestamp("2026-06-30", tz="UTC")
    ids = pd.Series([f"P{place}" for place in range(40)])
    ends = pd.Series([cut] * len(ids))
    zero = ends - 100 * DAY
    never = pd.Series([pd.NaT] * len(ids), dtype="datetime64[us, UTC]")
    moved, blank = shortened(ends, ids, zero, never, SECRET, ends.iloc[:1])
    assert not blank.any()
    assert moved.nunique() > 15
    expected = [SECRET.days_cut(name, MOST_DAYS_CUT) for name in ids]
    assert ((ends - moved) / DAY >= expected).all()


def test_a_whole_day_counts_until_its_end_so_one_less_is_written() -> None:
    table = pd.DataFrame({"followed_until_days": ["60"]})
    zero = pd.Series([pd.Timestamp("2026-01-01T08:00Z")])
    written = written_clock(table, "followed_until_days", zero + 40 * DAY, zero)
    assert written["followed_until_days"].tolist() == ["39.0"]
