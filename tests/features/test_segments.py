"""Helpers over flat arrays against loops over lists of lists."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.features import segments

cells = st.lists(st.lists(st.integers(-9, 9).map(float), max_size=5), max_size=8)


def flat(groups):
    cell = np.repeat(np.arange(len(groups)), [len(group) for group in groups]).astype(np.intp)
    return cell, np.array([value for group in groups for value in group], dtype=float)


@given(groups=cells)
def test_each_summary_is_that_of_its_own_cell(groups):
    cell, values = flat(groups)
    size, nan = len(groups), float("nan")
    np.testing.assert_equal(segments.count(cell, size), [float(len(group)) for group in groups])
    for function, plain in (
        (segments.first, lambda group: group[0]),
        (segments.last, lambda group: group[-1]),
        (segments.maximum, max),
    ):
        expected = [plain(group) if group else nan for group in groups]
        np.testing.assert_equal(function(cell, values, size), np.array(expected, dtype=float))


@given(ranges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=8))
def test_ranges_are_expanded_in_order(ranges):
    start = np.array([first for first, _ in ranges], dtype=np.intp)
    stop = np.array([first + width for first, width in ranges], dtype=np.intp)
    owner, position = segments.expand(start, stop)
    pairs = [(n, p) for n, (a, b) in enumerate(zip(start, stop, strict=True)) for p in range(a, b)]
    assert list(zip(owner.tolist(), position.tolist(), strict=True)) == pairs
