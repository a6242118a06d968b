"""One bar for a command of several steps: elapsed time, an estimate of the rest, every second."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from time import monotonic
from typing import TextIO

_EVERY = 1.0  # seconds between two drawings
_ALMOST = 0.95  # of a step, however long it takes
_FORMAT = "{desc} {percentage:3.0f}%|{bar:24}| {elapsed}, about {remaining} left"


class StepBar:
    """A bar over all steps of a command, drawn by a thread so that it never stands still.

    Parameters
    ----------
    seconds : sequence of float
        Expected duration of each step; only their proportions count once time has passed.
    stream : TextIO
        A terminal.

    Examples
    --------
    >>> import io
    >>> bar = StepBar([1.0, 3.0], io.StringIO())
    >>> bar.start("read"), bar.start("fit", items=2), bar.item()
    (None, None, None)
    >>> 0.6 < bar.share() < 0.7
    True
    >>> bar.close()
    """

    def __init__(self, seconds: Sequence[float], stream: TextIO) -> None:
        from tqdm import tqdm

        self._seconds = list(seconds)
        self._stream = stream
        self._step = -1
        self._items = self._done = 0
        self._since = monotonic()
        self._bar = tqdm(total=1.0, bar_format=_FORMAT, file=stream, smoothing=0.0)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._redraw, daemon=True)
        self._thread.start()

    def start(self, name: str, items: int = 0) -> None:
        """Begin the next step, with the number of items that it will report."""
        self._step += 1
        self._items, self._done, self._since = items, 0, monotonic()
        self._bar.set_description_str(name, refresh=False)
        self._draw()

    def item(self) -> None:
        """Count one finished item of the step."""
        self._done += 1

    def share(self) -> float:
        """Finished share of all steps; within an item or a step, by the expected time."""
        if self._step < 0:
            return 0.0
        step = min(self._step, len(self._seconds) - 1)
        expected = self._seconds[step]
        inside = min((monotonic() - self._since) / expected, _ALMOST)
        if self._items:
            inside = min(max(inside, self._done / self._items), (self._done + 1) / self._items, 1.0)
        return (sum(self._seconds[:step]) + inside * expected) / sum(self._seconds)

    def write(self, line: str) -> None:
        """Write a line above the bar."""
        self._bar.write(line, file=self._stream)

    def close(self) -> None:
        """Remove the bar."""
        self._stop.set()
        self._thread.join()
        self._bar.leave = False
        self._bar.close()

    def _redraw(self) -> None:
        while not self._stop.wait(_EVERY):
            self._draw()

    def _draw(self) -> None:
        self._bar.n = max(self._bar.n, round(self.share(), 4))
        self._bar.refresh()
