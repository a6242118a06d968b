"""Parallel fits: results in order, at most ``jobs`` at once, errors raised."""

import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from pipeline.model.parallel import one_blas_thread, side_by_side


@given(items=st.lists(st.integers(), max_size=12), jobs=st.integers(0, 4))
def test_results_come_in_the_order_of_the_items(items, jobs):
    assert list(side_by_side(lambda item: item * 3, items, jobs)) == [3 * item for item in items]


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_no_more_run_at_once_than_asked(jobs):
    running, most, lock = 0, 0, threading.Lock()

    def work(_):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    assert len(list(side_by_side(work, range(8), jobs))) == 8
    assert most == jobs


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_error_of_one_item_is_raised(jobs):
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda item: 1 // item, [1, 0, 2], jobs))


def test_blas_is_back_on_its_threads_afterwards():
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    np.ones((2, 2)) @ np.ones((2, 2))
    before = threads()
    with one_blas_thread():
        assert set(threads()) == {1}
    assert threads() == before
