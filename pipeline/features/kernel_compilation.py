"""Runs the kernel, interpreted for little work and compiled by numba for much."""

from __future__ import annotations

import hashlib
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
from pipeline.features import censoring, kernel, slopes
from pipeline.features.kernel import LabResults, Landmarks, Request, Scratch

# Unit of work: one cell, or ten row visits. A million units take about 12 s interpreted. Importing
# numba and loading the kernel from disk takes about 1 s, the first compilation about 5 s.
WORTH_COMPILING = 100_000
# number of pair slopes kept at a time, half a MiB
MAX_PAIRS = 2**16
_LOCK = Lock()


# types of the arrays that do not hold float64
_KINDS = {"patient": "int64", "offset": "int64", "wanted": "int64", "epoch": "int32"}
_NOTHING: Any = np.empty(0)
_NO_WORK = (
    Landmarks(*[_NOTHING] * 2),
    LabResults(*[_NOTHING] * 8),
    Request(_NOTHING, _NOTHING, _NOTHING, 0.0, 0.0, 0.0, False, False, False, False, False),
)
# callees before their callers
_CALLED = (
    *("time_mean", "shell_sort", "collect_slopes", "ranked_slope", "theil_sen"),
    *("least_squares", "order_hidden"),
)
_INLINED = ("update_extremes", "limited_window", "recensor", "since_zero", "windowed")


@dataclass
class _Workload:
    """Units of work in this process so far."""

    done: float = 0.0


_WORKLOAD = _Workload()


def worth_compiling(n_cells: int, n_visits: int, n_pairs: int = 0) -> bool:
    """Whether the kernel is compiled, or the work so far outweighs the cost of compiling it.

    Work is cells to fill, row visits and pairs of rows for robust slopes. Earlier calls are
    included, so many small calls cost at most about twice the optimum.
    """
    with _LOCK:
        _WORKLOAD.done += n_cells + (n_visits + n_pairs) / 10
        return is_compiled() or _WORKLOAD.done > WORTH_COMPILING


def is_compiled() -> bool:
    """Whether this process has the compiled kernel."""
    return _compile.cache_info().currsize > 0


def run_plain(
    landmarks: Landmarks, results: LabResults, request: Request, longest: int, out: Floats
) -> None:
    """Interpret the kernel on lists.

    Parameters
    ----------
    landmarks, results, request : named tuples of ndarray and number
    longest : int
        Number of rows of the longest series.
    out : ndarray, shape (n_landmarks, at least n_series * n_statistics), contiguous
        Array whose first columns are filled.
    """
    width = len(request.logged) * len(request.wanted)
    cells = [0.0] * (len(out) * width)
    groups = (landmarks, results, request, _scratch(request, longest))
    arguments: list[Any] = [*(_as_lists(group) for group in groups), cells, width]
    kernel.scan(*arguments)
    out[:, :width] = np.reshape(cells, (len(out), width))


def run_compiled(
    landmarks: Landmarks, results: LabResults, request: Request, longest: int, out: Floats
) -> None:
    """Run the compiled kernel on the arrays; gives the same bits as :func:`run_plain`."""
    load()(*_compiled_arguments(landmarks, results, request, longest, out))


def load() -> Callable[..., None]:
    """Return the compiled kernel; the first call in a process imports numba."""
    with _LOCK:
        return _compile()


def _scratch(request: Request, longest: int) -> Scratch:
    """Working memory for the longest series."""
    pairs = min(longest * (longest - 1) // 2, MAX_PAIRS) if request.with_robust_slope else 0
    n_statistics = kernel.N_PLAIN + kernel.N_WINDOWED * len(request.windows)
    return Scratch(
        row=np.empty(longest, dtype=np.int64),
        time=np.empty(longest),
        level=np.empty(longest),
        comparable=np.empty(longest),
        pairs=np.empty(pairs),
        statistics=np.empty(n_statistics),
    )


def _as_lists(group: Any) -> Any:
    """The group with its arrays as lists."""
    return group._make(item.tolist() if isinstance(item, np.ndarray) else item for item in group)


_KINDS |= {"side": "int8", "altered": "int8", "logged": "bool"}


def _compiled_arguments(
    landmarks: Landmarks, results: LabResults, request: Request, longest: int, out: Floats
) -> tuple[Any, ...]:
    """Arguments of the compiled kernel, with types that never vary."""
    groups = (_read_only(group) for group in (landmarks, results, request))
    return (*groups, _scratch(request, longest), out.reshape(-1), out.shape[1])


def _read_only(group: Any) -> Any:
    """The group with contiguous read-only views, as some pandas tables are read-only."""
    items = []
    for field, item in zip(group._fields, group, strict=True):
        if isinstance(item, np.ndarray):
            item = np.ascontiguousarray(item, _KINDS.get(field, "float64")).view()
            item.flags.writeable = False
        items.append(item)
    return group._make(items)


@cache
def _compile() -> Callable[..., None]:
    """Compile the kernel with numba options that keep every bit; cache it on disk if possible.

    The functions are copied into a separate namespace, where they call each other compiled. They
    allocate nothing, so reference counting (``_nrt``) is off.
    """
    numba: Any = import_module("numba")
    space = _namespace()
    options = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}
    fingerprint = _fingerprint(space)
    for name in (*_CALLED, *_INLINED):
        inline = "always" if name in _INLINED else "never"
        part = numba.njit(_copy(name, space), no_cpython_wrapper=True, inline=inline, **options)
        space[name] = part
    scan = _copy("scan", space)
    # part of the cache file name: numba itself checks kernel.py only for changes
    scan.__qualname__ = f"scan_{fingerprint}"
    compiled: Any = numba.njit(scan, **options)
    # numba recompiles in each process if neither package folder nor user cache is writable
    with suppress(RuntimeError):
        compiled.enable_caching()
    # one signature, so numba compiles only once
    arguments = _compiled_arguments(*_NO_WORK, 0, np.empty((0, 0)))
    compiled.compile(tuple(numba.typeof(argument) for argument in arguments))
    compiled.disable_compile()
    ready: Callable[..., None] = compiled
    return ready


def _namespace() -> dict[str, Any]:
    """All names that the kernel functions use."""
    return {**vars(censoring), **vars(slopes), **vars(kernel)}


def _fingerprint(space: dict[str, Any]) -> str:
    """Digest of the functions of the kernel and the numbers they read."""
    codes = [space[name].__code__ for name in (*_CALLED, *_INLINED, "scan")]
    functions = [(code.co_code, code.co_consts, code.co_names) for code in codes]
    numbers = [(name, item) for name, item in space.items() if isinstance(item, (int, float))]
    return hashlib.sha256(repr((functions, sorted(numbers))).encode()).hexdigest()[:16]


def _copy(name: str, space: dict[str, Any]) -> FunctionType:
    function = FunctionType(space[name].__code__, space, name)
    function.__module__ = kernel.__name__
    return function
