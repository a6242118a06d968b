"""Runs the kernel: as it stands for little work, compiled by numba once that pays."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from threading import Lock
from types import FunctionType
from typing import Any

import numpy as np

from pipeline.arrays import Floats
from pipeline.features import kernel

# Cells and a tenth of the visits of rows. Interpreted, a million take about 12 s; importing numba
# and loading the kernel from disk takes about 1 s, compiling it for the first time about 5 s.
WORTH_COMPILING = 100_000
# slopes of pairs that are kept at a time, half a MiB
MOST_PAIRS = 2**16
_LOCK = Lock()


@dataclass
class _Asked:
    """Work asked for in this process so far."""

    work: float = 0.0


_ASKED = _Asked()


def worth_compiling(n_cells: int, n_visits: int, n_pairs: int = 0) -> bool:
    """Whether numba has the kernel ready, or the work so far outweighs its start.

    The work is cells to fill, rows to look at and pairs of rows for robust slopes. That of earlier
    calls counts, so many small ones never cost much over twice what knowing them ahead would.
    """
    with _LOCK:
        _ASKED.work += n_cells + (n_visits + n_pairs) / 10
        return started() or _ASKED.work > WORTH_COMPILING


def started() -> bool:
    """Whether this process has the compiled kernel."""
    return _compile.cache_info().currsize > 0


# in the order in which they call each other
_OPEN = ("time_mean", "shell_sort", "gather", "ranked", "theil_sen", "least_squares", "tied")
_INLINED = ("outrank", "limited", "recensor", "since_zero", "nested")
# of the arrays that are only read, in the order of the arguments
_KINDS = ("int64", "float64", "int64", *["float64"] * 4, "int8", "int32", "int8", "bool")
_KINDS += ("float64", "int64", "bool")


def run_plain(
    arrays: tuple[Any, ...], numbers: tuple[float, ...], longest: int, out: Floats
) -> None:
    """Interpret the kernel on lists.

    Parameters
    ----------
    arrays : tuple of ndarray
        The arguments of :func:`pipeline.features.kernel.scan` before ``baseline_from``.
    numbers : tuple of float
        ``baseline_from``, ``min_span`` and ``horizon``.
    longest : int
        Rows of the longest series.
    out : ndarray, shape (n_landmarks, at least n_series * n_statistics), contiguous
        Its first columns are filled.
    """
    width = _width(arrays)
    cells = [0.0] * (len(out) * width)
    arguments: list[Any] = [array.tolist() for array in arrays]
    arguments += [*numbers, *(space.tolist() for space in _scratch(arrays, longest)), cells, width]
    kernel.scan(*arguments)
    out[:, :width] = np.reshape(cells, (len(out), width))


def run_compiled(
    arrays: tuple[Any, ...], numbers: tuple[float, ...], longest: int, out: Floats
) -> None:
    """Run the compiled kernel on the arrays; the same bits as :func:`run_plain`."""
    held = (np.ascontiguousarray(array, kind) for array, kind in zip(arrays, _KINDS, strict=True))
    load()(*held, *numbers, *_scratch(arrays, longest), out.reshape(-1), out.shape[1])


def load() -> Callable[..., None]:
    """The compiled kernel; the first call in a process starts numba."""
    with _LOCK:
        return _compile()


def _width(arrays: tuple[Any, ...]) -> int:
    """Columns that the kernel fills."""
    *_, logged, _, wanted, _ = arrays
    return len(logged) * len(wanted)


def _scratch(arrays: tuple[Any, ...], longest: int) -> tuple[Any, ...]:
    """Room for one cell: the results of the longest series, slopes of pairs, all statistics."""
    *_, windows, _, needed = arrays
    pairs = min(longest * (longest - 1) // 2, MOST_PAIRS) if needed[2] else 0
    return (
        np.empty(longest, dtype=np.int64),
        np.empty(longest),
        np.empty(longest),
        np.empty(longest),
        np.empty(pairs),
        np.empty(kernel.N_PLAIN + kernel.N_WINDOWED * len(windows)),
    )


@cache
def _compile() -> Callable[..., None]:
    """The kernel by numba, without the options that would change a bit; kept on disk if possible.

    The functions are copied into a namespace of their own, in which they call each other compiled.
    They allocate nothing, so they need no counting of references (``_nrt``).
    """
    numba: Any = import_module("numba")
    space: dict[str, Any] = dict(vars(kernel))
    options = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}
    for name in (*_OPEN, *_INLINED):
        inline = "always" if name in _INLINED else "never"
        part = numba.njit(_copy(name, space), no_cpython_wrapper=True, inline=inline, **options)
        space[name] = part
    compiled: Any = numba.njit(_copy("scan", space), **options)
    # where neither the package's folder nor the user's cache can be written, numba compiles anew
    with suppress(RuntimeError):
        compiled.enable_caching()
    # one signature, or numba would compile anew for tables that pandas hands out as read-only
    read = [_array(numba, kind, readonly=True) for kind in _KINDS]
    filled = [_array(numba, kind, readonly=False) for kind in ("int64", *["float64"] * 6)]
    compiled.compile((*read, *[numba.float64] * 3, *filled, numba.int64))
    compiled.disable_compile()
    ready: Callable[..., None] = compiled
    return ready


def _array(numba: Any, kind: str, *, readonly: bool) -> Any:
    dtype = numba.np.numpy_support.from_dtype(np.dtype(kind))
    return numba.types.Array(dtype, 1, "C", readonly=readonly)


def _copy(name: str, space: dict[str, Any]) -> FunctionType:
    function = FunctionType(getattr(kernel, name).__code__, space, name)
    function.__module__ = kernel.__name__
    return function
