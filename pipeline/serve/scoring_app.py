"""The HTTP service as an ASGI application: addresses, answers and refusals."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from pipeline import log
from pipeline.serve.http_request import (
    LOCAL_NAMES,
    ClientGone,
    Receive,
    RequestBody,
    Scope,
    Send,
    refuse_host,
    refuse_type,
)
from pipeline.serve.refusal import Refusal, unavailable
from pipeline.serve.scoring_queue import Job, ScoringQueue
from pipeline.serve.service_limits import ServiceLimits

Answer = Callable[[bytes], bytes]
_Headers = tuple[tuple[str, str], ...]
_LOOK = ("GET", "HEAD")
_OK, _BUG = 200, 500


class ScoringApp:
    """Answers ``/invocations``, ``/ready`` and ``/ping``.

    Parameters
    ----------
    answer : callable
        Body of a request to the body of its answer; runs in the worker thread.
    hosts : collection of str
        Accepted ``Host`` headers, in addition to the names of this machine.
    limits : ServiceLimits
    """

    def __init__(
        self, answer: Answer, hosts: Collection[str] = (), limits: ServiceLimits | None = None
    ) -> None:
        self._answer = answer
        self._hosts = LOCAL_NAMES | {name.lower() for name in hosts}
        self._limits = limits or ServiceLimits()
        self._queue = ScoringQueue(self._limits.queued)
        self._buffered = 0
        self._routes: dict[str, tuple[tuple[str, ...], _Route]] = {
            "/invocations": (("POST",), self._invocations),
            "/ready": (_LOOK, self._ready),
            "/ping": (_LOOK, self._ping),
            "/health": (_LOOK, self._ping),
        }

    @property
    def working(self) -> bool:
        """Whether a request is being scored, even if its client has left."""
        return self._queue.working

    def stop(self) -> None:
        """Refuse waiting and new requests; the running one continues."""
        self._queue.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = RequestBody(scope["headers"], receive, self._limits)
        headers: _Headers = ()
        try:
            status, content = _OK, await self._route(scope, body, receive)
        except ClientGone:
            return
        except Refusal as refusal:
            status, content, headers = refusal.status, refusal.body(), refusal.headers
        except asyncio.CancelledError:  # the grace time is over
            ending = unavailable(
                "stopping", "the service is stopping; send the request again later"
            )
            status, content, headers = ending.status, ending.body(), ending.headers
            body.complete = True
        await _send(send, body, status, content, headers)

    async def _route(self, scope: Scope, body: RequestBody, receive: Receive) -> bytes:
        refuse_host(scope["headers"], self._hosts)
        if scope["path"] not in self._routes:
            raise Refusal(404, "path", f"unknown path; use {', '.join(self._routes)}")
        methods, answer = self._routes[scope["path"]]
        if scope["method"] not in methods:
            allowed = ", ".join(methods)
            raise Refusal(405, "method", f"use the method {allowed}", (("allow", allowed),))
        return await answer(scope, body, receive)

    async def _ping(self, scope: Scope, body: RequestBody, receive: Receive) -> bytes:
        return b'{"status": "alive"}'

    async def _ready(self, scope: Scope, body: RequestBody, receive: Receive) -> bytes:
        self._queue.refuse_more()
        return b'{"status": "ready"}'

    async def _invocations(self, scope: Scope, body: RequestBody, receive: Receive) -> bytes:
        refuse_type(scope["headers"])
        self._queue.refuse_more()
        reserved: list[int] = []
        try:
            content = await body.read(partial(self._reserve, reserved))
            job = self._queue.submit(partial(self._answer, content))
            try:
                return await self._outcome(job, receive)
            finally:
                self._queue.withdraw(job)
        finally:
            self._buffered -= sum(reserved)

    def _reserve(self, reserved: list[int], size: int) -> bool:
        if self._buffered + size > self._limits.buffered_bytes:
            return False
        self._buffered += size
        reserved.append(size)
        return True

    async def _outcome(self, job: Job, receive: Receive) -> bytes:
        """Wait until the answer is ready, the client leaves or the time is over."""
        gone = asyncio.ensure_future(_left(receive))
        try:
            first: list[asyncio.Future[Any]] = [job.outcome, gone]
            seconds = self._limits.request_seconds
            await asyncio.wait(first, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if not job.outcome.done():
            if gone.done():
                raise ClientGone
            raise self._late(waited=self._queue.waits(job))
        error = job.outcome.exception()
        if error is None:
            return job.outcome.result()
        if isinstance(error, Refusal):
            raise error
        raise _bug(error)

    def _late(self, *, waited: bool) -> Refusal:
        seconds = f"{self._limits.request_seconds:g} s"
        if waited:
            return unavailable("request_time", f"the request waited for {seconds}; try again later")
        return Refusal(
            504, "request_time", f"no answer within {seconds}; send fewer patients at once"
        )


_Route = Callable[[Scope, RequestBody, Receive], Awaitable[bytes]]


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _bug(error: BaseException) -> Refusal:
    """Answer to an internal failure; only type and place are logged: the text may quote rows."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}:{last.lineno}"
    log.warn(f"a request failed: {type(error).__name__} at {place}")
    return Refusal(
        _BUG, "internal", "the rows could not be scored because of a bug in the service; report it"
    )


async def _send(
    send: Send, body: RequestBody, status: int, content: bytes, headers: _Headers
) -> None:
    """Send an answer; if the body is unread, let the client finish it before closing."""
    unread = not body.complete
    fields = [("content-type", "application/json"), ("content-length", str(len(content)))]
    fields += [("cache-control", "no-store"), ("x-content-type-options", "nosniff"), *headers]
    fields += [("connection", "close")] * unread
    coded = [(name.encode(), value.encode()) for name, value in fields]
    await send({"type": "http.response.start", "status": status, "headers": coded})
    await send({"type": "http.response.body", "body": content, "more_body": unread})
    if unread:
        await body.discard()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
