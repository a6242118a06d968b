"""Logs and progress on stderr; cells of an input are hidden without ``--show-values``."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from pipeline.errors import visible
from pipeline.redaction import hid_any, redacted

T = TypeVar("T")
_LOGGER = logging.getLogger("cytocast")
_STATE = {"progress": True}


class _PlainFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return visible(record.getMessage())


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
