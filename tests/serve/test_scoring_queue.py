"""One worker, a queue of limited length, and no work for clients that have left."""

import asyncio
import threading

import pytest

from pipeline.serve.refusal import Refusal
from pipeline.serve.scoring_queue import ScoringQueue


def run(story):
    return asyncio.run(asyncio.wait_for(story(), 10))


def test_jobs_run_one_after_the_other_in_their_order():
    async def story():
        queue, running, order = ScoringQueue(9), [], []

        def work(number):
            running.append(number)
            assert len(running) == 1
            order.append(number)
            running.remove(number)
            return str(number).encode()

        jobs = [queue.submit(lambda number=number: work(number)) for number in range(10)]
        answers = await asyncio.gather(*(job.outcome for job in jobs))
        assert answers == [str(number).encode() for number in range(10)]
        assert order == [*range(10)]
        assert not queue.working

    run(story)


def test_a_full_queue_refuses_until_there_is_room():
    async def story():
        queue, free = ScoringQueue(2), threading.Event()
        first = queue.submit(lambda: free.wait(5) and b"1")
        later = [queue.submit(lambda: b"2") for _ in range(2)]
        for _ in range(5):
            with pytest.raises(Refusal) as refusal:
                queue.submit(lambda: b"3")
            assert (refusal.value.status, refusal.value.code) == (503, "busy")
        assert [queue.waits(job) for job in (first, *later)] == [False, True, True]
        queue.withdraw(later[0])
        again = queue.submit(lambda: b"4")
        free.set()
        assert await asyncio.gather(first.outcome, later[1].outcome, again.outcome) == [
            b"1", b"2", b"4",
        ]  # fmt: skip

    run(story)


def test_a_withdrawn_job_is_never_run_and_a_running_one_blocks_nobody():
    async def story():
        queue, free, ran = ScoringQueue(2), threading.Event(), []
        running = queue.submit(lambda: free.wait(5) and b"")
        waiting = queue.submit(lambda: ran.append(1) or b"")
        for job in (running, waiting):
            queue.withdraw(job)
        last = queue.submit(lambda: b"last")
        assert queue.working
        free.set()
        assert await last.outcome == b"last"
        assert not ran

    run(story)


def test_a_failure_reaches_its_own_client_only():
    async def story():
        queue = ScoringQueue(2)
        bad, good = queue.submit(lambda: 1 / 0), queue.submit(lambda: b"good")
        assert await good.outcome == b"good"
        assert isinstance(bad.outcome.exception(), ZeroDivisionError)

    run(story)


def test_stopping_refuses_what_waits_and_what_comes_but_not_what_runs():
    async def story():
        queue, free = ScoringQueue(2), threading.Event()
        running = queue.submit(lambda: free.wait(5) and b"done")
        waiting = queue.submit(lambda: b"")
        queue.stop()
        assert waiting.outcome.exception().code == "stopping"
        with pytest.raises(Refusal) as refusal:
            queue.submit(lambda: b"")
        assert (refusal.value.status, refusal.value.code) == (503, "stopping")
        free.set()
        assert await running.outcome == b"done"

    run(story)
