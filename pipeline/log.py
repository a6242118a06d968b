"""Logs and progress on stderr; cells of an input are hidden without ``--show-values``."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import visible
from pipeline.progress import StepBar
from pipeline.redaction import hid_any, redacted

T = TypeVar("T")
_LOGGER = logging.getLogger("cytocast")
_STATE: dict[str, Any] = {"progress": True, "json": False, "bar": None}
_STEP = {"step": True}  # marks the records of :func:`step`


class _PlainFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(record.getMessage())


class _TimedFormatter(_PlainFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{self.formatTime(record, '%H:%M:%S')} {super().format(record)}"


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {
                "level": record.levelname.lower(),
                "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
                "message": visible(record.getMessage()),
            }
        )


def configure(*, quiet: bool = False, json_logs: bool = False) -> None:
    """Send logs to stderr; ``quiet`` hides progress and everything below warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if json_logs else _PlainFormatter())
    _LOGGER.handlers[:] = [handler]
    _LOGGER.setLevel(logging.WARNING if quiet else logging.INFO)
    _LOGGER.propagate = False
    _STATE["progress"] = not (quiet or json_logs)
    _STATE["json"] = json_logs and not quiet


@contextmanager
def details_in(path: Path, seconds: Sequence[float]) -> Iterator[None]:
    """Send everything but steps and errors to a file; draw one bar on a terminal.

    Parameters
    ----------
    path : Path
        Log file, overwritten.
    seconds : sequence of float
        Expected duration of each step.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as place:
    ...     with details_in(Path(place) / "demo.log", [1.0]):
    ...         step("reading")
    ...         info("12 rows")
    ...     [line.split(" ", 1)[1] for line in (Path(place) / "demo.log").read_text().splitlines()]
    ['reading', '12 rows']
    """
    before, level = _LOGGER.handlers[:], _LOGGER.level
    details = logging.FileHandler(path, mode="w", encoding="utf-8")
    details.setFormatter(_TimedFormatter())
    for handler in before:
        handler.addFilter(_is_for_console)
    _LOGGER.addHandler(details)
    _LOGGER.setLevel(logging.INFO)
    shown = _STATE["progress"] and sys.stderr.isatty()
    _STATE["bar"] = StepBar(seconds, sys.stderr) if shown else None
    try:
        with redirect_stderr(details.stream):  # of libraries that print
            yield
    finally:
        if _STATE["bar"] is not None:
            _STATE["bar"].close()
        _STATE["bar"] = None
        _LOGGER.removeHandler(details)
        details.close()
        _LOGGER.setLevel(level)
        for handler in before:
            handler.removeFilter(_is_for_console)


def _is_for_console(record: logging.LogRecord) -> bool:
    """Whether a record is a step that no bar shows, or an error."""
    if record.levelno >= logging.ERROR:
        return True
    return bool(getattr(record, "step", False)) and _STATE["bar"] is None and not _is_quiet()


def _is_quiet() -> bool:
    return not _STATE["progress"] and not _STATE["json"]


def step(message: str, items: int = 0) -> None:
    """Log the begin of a step; within :func:`details_in` it is also shown.

    Parameters
    ----------
    message : str
    items : int
        Number of items that the step passes through :func:`progress`.
    """
    if _STATE["bar"] is not None:
        _STATE["bar"].start(message, items)
    _LOGGER.info(redacted(message), extra=_STEP)


def info(message: str) -> None:
    """Log one sentence at level info."""
    _LOGGER.info(redacted(message))


def warn(message: str) -> None:
    """Log one sentence at level warning."""
    _LOGGER.warning(redacted(message))


def failed(message: str) -> None:
    """Write to stderr why a command failed."""
    sys.stderr.write(visible(redacted(message) + "\n"))
    if hid_any():
        sys.stderr.write(
            "cells of the input are hidden; --show-values shows them (make: SHOW_VALUES=1)\n"
        )


def printed(summary: str) -> None:
    """Write the summary to stdout; a closed pipe (``| head``) is not an error."""
    try:
        sys.stdout.write(visible(redacted(summary) + "\n"))
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def progress(items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
    """Iterate with a progress bar on stderr.

    Examples
    --------
    >>> list(progress([1, 2], label="fits", total=2))
    [1, 2]
    """
    if _STATE["bar"] is not None:
        for item in items:
            _STATE["bar"].item()
            yield item
        return
    if not (_STATE["progress"] and sys.stderr.isatty()):
        yield from _plain_progress(items, label, total)
        return
    from tqdm import tqdm

    yield from tqdm(items, desc=label, total=total, file=sys.stderr, leave=True)


def _plain_progress(items: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    """Log one line per quarter where stderr is not a terminal."""
    step = max(1, (total or 0) // 4)
    for done, item in enumerate(items):
        if total and _STATE["progress"] and done % step == 0:
            _LOGGER.info("%s: %d of %d", label, done, total)
        yield item
