"""Runs independent fits in parallel threads, each with one thread of xgboost and BLAS.

The number of threads does not change a result. Threads suffice because xgboost and NumPy release
the interpreter lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread in this block or, as a decorator, in this function.

    The products here are small: more threads cost 4x wall and 6x CPU on two cores (measured).

    Examples
    --------
    >>> import numpy  # loads BLAS
    >>> from threadpoolctl import threadpool_info
    >>> with one_blas_thread():
    ...     {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
    {1}
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def side_by_side(
    function: Callable[[Item], Result], items: Iterable[Item], jobs: int
) -> Iterator[Result]:
    """Apply a function to items in parallel; results are in the order of the items.

    Parameters
    ----------
    function : callable
    items : iterable
    jobs : int
        Largest number of threads.

    Yields
    ------
    Result
        ``function(item)``.

    Examples
    --------
    >>> list(side_by_side(abs, [-2, 1, -3], jobs=2))
    [2, 1, 3]
    """
    from concurrent.futures import ThreadPoolExecutor

    with one_blas_thread():
        if jobs <= 1:
            yield from map(function, items)
            return
        with ThreadPoolExecutor(jobs) as pool:
            yield from pool.map(function, items)
