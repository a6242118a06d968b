"""One worker thread with a queue of limited length; every method runs on the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipeline.serve.refusal import unavailable

Work = Callable[[], bytes]


@dataclass(eq=False)
class Job:
    """Work that waits, runs or has ended; ``outcome`` is its answer."""

    work: Work
    outcome: asyncio.Future[bytes]


class ScoringQueue:
    """Runs one job at a time, because scoring uses one processor fully.

    Parameters
    ----------
    length : int
        Most jobs that wait while another runs.
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._stopping = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="scoring")

    @property
    def working(self) -> bool:
        """Whether a job is running."""
        return self._running is not None

    def refuse_more(self) -> None:
        """Refuse a job if the queue is full or stopping.

        Raises
        ------
        Refusal
            503.
        """
        if self._stopping:
            raise unavailable("stopping", "the service is stopping; send the request again later")
        if self._running is not None and len(self._waiting) >= self._length:
            raise unavailable(
                "busy", f"{self._length} requests are already waiting; try again later"
            )

    def submit(self, work: Work) -> Job:
        """Queue work.

        Raises
        ------
        Refusal
            503.
        """
        self.refuse_more()
        job = Job(work, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._start_next()
        return job

    def waits(self, job: Job) -> bool:
        """Whether a job has not started."""
        return job in self._waiting

    def withdraw(self, job: Job) -> None:
        """Drop a job; a running job continues, and its answer is dropped."""
        if job in self._waiting:
            self._waiting.remove(job)
        job.outcome.cancel()

    def stop(self) -> None:
        """Accept no more jobs and refuse the waiting ones; the running job continues."""
        self._stopping = True
        while self._waiting:
            job = self._waiting.popleft()
            job.outcome.set_exception(
                unavailable("stopping", "the service is stopping; send the request again later")
            )

    def _start_next(self) -> None:
        if self._running is not None or not self._waiting:
            return
        job = self._running = self._waiting.popleft()
        loop = asyncio.get_running_loop()
        loop.run_in_executor(self._worker, job.work).add_done_callback(
            lambda done: self._finish(job, done)
        )

    def _finish(self, job: Job, done: asyncio.Future[bytes]) -> None:
        self._running = None
        error = done.exception()
        if not job.outcome.done():
            if error is None:
                job.outcome.set_result(done.result())
            else:
                job.outcome.set_exception(error)
        self._start_next()
