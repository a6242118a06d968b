"""Runs the kernel: as it stands for little work, compiled by numba where that pays."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from threading import Lock
from types import FunctionType
from typing import Any

import numpy as np

from pipeline.features import scan
from pipeline.features.kernel import Floats

# Cells and a tenth of the visits of rows. Interpreted, a million take about 12 s; importing numba
# and loading the kernel from disk takes about 1 s, compiling it for the first time about 5 s.
WORTH_COMPILING = 100_000


def worth_compiling(n_cells: int, n_visits: int) -> bool:
    """Whether the work, cells to fill and rows to look at, outweighs the start of numba."""
    return n_cells + n_visits / 10 > WORTH_COMPILING


# in the order in which they call each other
_OPEN = ("shell_sort", "theil_sen", "least_squares", "deviation", "time_mean", "tied")
_INLINED = ("recensor", "extremes", "window", "plain")
_LOCK = Lock()


def run_plain(
    arrays: tuple[Any, ...], numbers: tuple[float, ...], longest: int, out: Floats
) -> None:
    """Interpret the kernel on lists.

    Parameters
    ----------
    arrays : tuple of ndarray
        The arguments of :func:`pipeline.features.scan.scan` before ``baseline_from``.
    numbers : tuple of float
        ``baseline_from`` and ``min_span``.
    longest : int
        Rows of the longest series.
    out : ndarray, flat
        Filled.
    """
    space = tuple([0.0] * longest for _ in range(7))
    pairs, found = [0.0] * _pairs(arrays, longest), [0.0] * _all_statistics(arrays)
    cells = [0.0] * len(out)
    arguments: list[Any] = [array.tolist() for array in arrays]
    arguments += [*numbers, space, pairs, found, cells]
    scan.scan(*arguments)
    out[:] = cells


def run_compiled(
    arrays: tuple[Any, ...], numbers: tuple[float, ...], longest: int, out: Floats
) -> None:
    """Run the compiled kernel on the arrays; the same bits as :func:`run_plain`."""
    kinds = (float, float, float, np.int8, np.int32, float, np.int8)
    space = tuple(np.empty(longest, dtype=kind) for kind in kinds)
    pairs, found = np.empty(_pairs(arrays, longest)), np.empty(_all_statistics(arrays))
    load()(*arrays, *numbers, space, pairs, found, out)


def load() -> Callable[..., None]:
    """The compiled kernel; the first call in a process starts numba."""
    with _LOCK:
        return _compile()


def _pairs(arrays: tuple[Any, ...], longest: int) -> int:
    needed = arrays[-1]
    return longest * (longest - 1) // 2 if needed[3] else 0


def _all_statistics(arrays: tuple[Any, ...]) -> int:
    return scan.N_PLAIN + scan.N_WINDOWED * len(arrays[-3])


@cache
def _compile() -> Callable[..., None]:
    """The kernel by numba, without the options that would change a bit; kept on disk if possible.

    The functions are copied into a namespace of their own, in which they call each other compiled.
    They allocate nothing, so they need no counting of references (``_nrt``).
    """
    numba: Any = import_module("numba")
    space: dict[str, Any] = dict(vars(scan))
    options = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}
    for name in (*_OPEN, *_INLINED):
        inline = "always" if name in _INLINED else "never"
        part = numba.njit(_copy(name, space), no_cpython_wrapper=True, inline=inline, **options)
        space[name] = part
    kernel: Callable[..., None] = numba.njit(_copy("scan", space), **options)
    # where neither the package's folder nor the user's cache can be written, numba compiles anew
    with suppress(RuntimeError):
        kernel.enable_caching()  # type: ignore[attr-defined]
    return kernel


def _copy(name: str, space: dict[str, Any]) -> FunctionType:
    function = FunctionType(getattr(scan, name).__code__, space, name)
    function.__module__ = scan.__name__
    return function
