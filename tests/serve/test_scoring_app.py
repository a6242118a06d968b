"""The service with a slow model: queue, limits, hosts, failures and clients that leave."""

import asyncio
import json
import threading
import time
from dataclasses import replace

import pytest

from pipeline.serve.scoring_app import ScoringApp
from pipeline.serve.service_limits import ServiceLimits
from tests.serve.asgi import Client

LIMITS = ServiceLimits(body_bytes=1000, buffered_bytes=3000, queued=3, body_seconds=0.1)
SECRET = "Ward-7-secret"


class Model:
    """Answers with the body it was given, once it is released."""

    def __init__(self, *, held=False):
        self.free, self.seen = threading.Event(), []
        if not held:
            self.free.set()

    def __call__(self, body):
        assert self.free.wait(10)
        self.seen.append(body)
        if SECRET.encode() in body:
            raise ValueError(f"could not convert {SECRET} of /home/{SECRET}")
        return body


def run(story):
    return asyncio.run(asyncio.wait_for(story(), 20))


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


def once(path="/invocations", *, chunks=(b"{}",), app=None, **stated):
    async def story():
        return await Client(*chunks).ask(app or ScoringApp(Model(), limits=LIMITS), path, **stated)

    return run(story)


def test_an_answer_is_what_the_model_gives():
    reply = once(chunks=(b'{"a"', b": 1}"))
    assert (reply.status, json.loads(reply.body)) == (200, {"a": 1})
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "stated", "status", "code"),
    [
        ("/invocations", {"host": "evil.example"}, 403, "host"),
        ("/ping", {"method": "GET", "host": "evil.example"}, 403, "host"),
        ("/ready", {"method": "GET", "host": None}, 403, "host"),
        ("/invocations", {"content_type": "text/csv"}, 415, "content_type"),
        ("/invocations", {"content_type": None}, 415, "content_type"),
        ("/invocations", {"content_encoding": "gzip"}, 415, "content_encoding"),
        ("/invocations", {"method": "GET"}, 405, "method"),
        ("/invocations", {"method": "OPTIONS"}, 405, "method"),
        ("/invocations", {"method": "TRACE"}, 405, "method"),
        ("/ping", {"method": "POST"}, 405, "method"),
        ("/ready", {"method": "DELETE"}, 405, "method"),
        ("/", {"method": "GET"}, 404, "path"),
        ("/invocations/", {}, 404, "path"),
        ("/docs", {"method": "GET"}, 404, "path"),
        ("/openapi.json", {"method": "GET"}, 404, "path"),
        ("/../etc/passwd", {"method": "GET"}, 404, "path"),
        ("/version", {"method": "GET"}, 404, "path"),
        ("/invocations", {"content_length": "300000000"}, 413, "body_size"),
    ],
)
def test_what_is_refused_has_a_code_and_reaches_no_model(path, stated, status, code):
    model = Model()
    reply = once(path, app=ScoringApp(model, limits=LIMITS), **stated)
    assert (reply.status, reply.code) == (status, code)
    assert ("allow" in reply.headers) is (status == 405)
    assert set(json.loads(reply.body)) == {"error_code", "message"}
    assert "evil" not in reply.body.decode()
    assert model.seen == []


def test_a_stated_host_name_is_accepted():
    app = ScoringApp(Model(), ["Scores.Example"], LIMITS)
    assert once(app=app, host="scores.example:443").status == 200
    assert once(app=app, host="localhost").status == 200
    assert once(app=app, host="evil.example").status == 403


@pytest.mark.parametrize("chunks", [(b"x" * 1001,), (b"x" * 400,) * 9])
def test_a_large_body_is_refused_and_the_connection_closed(chunks):
    reply = once(chunks=chunks, transfer_encoding="chunked")
    assert (reply.status, reply.code) == (413, "body_size")
    assert once(chunks=(b"x" * 1000,)).status == 200


def test_a_slow_body_is_refused():
    reply = once(chunks=(b"{", None))
    assert (reply.status, reply.code, reply.headers["connection"]) == (408, "body_time", "close")


def test_a_failure_gives_neither_trace_nor_path_nor_data(caplog):
    reply = once(chunks=(SECRET.encode(),))
    assert (reply.status, reply.code) == (500, "internal")
    for private in (SECRET, "Traceback", "/home", "ValueError", ".py"):
        assert private not in reply.body.decode()
    assert SECRET not in caplog.text


def test_a_burst_is_answered_at_once_or_refused_at_once_and_nobody_is_lost():
    async def story():
        model = Model(held=True)
        app = ScoringApp(model, limits=LIMITS)
        tasks = [
            asyncio.create_task(Client(str(number).encode()).ask(app)) for number in range(200)
        ]
        await settle()
        refused = [task.result() for task in tasks if task.done()]
        assert len(refused) == 200 - 1 - LIMITS.queued
        assert {reply.status for reply in refused} == {503}
        assert {reply.code for reply in refused} == {"busy"}
        assert all(int(reply.headers["retry-after"]) > 0 for reply in refused)
        alive, ready = [await Client().ask(app, path, method="GET") for path in ("/ping", "/ready")]
        assert (alive.status, ready.status, ready.code) == (200, 503, "busy")
        model.free.set()
        replies = await asyncio.gather(*tasks)
        answered = [number for number, reply in enumerate(replies) if reply.status == 200]
        assert len(answered) == 1 + LIMITS.queued
        assert all(replies[number].body == str(number).encode() for number in answered)
        assert (await Client().ask(app, "/ready", method="GET")).status == 200
        assert (await Client(b"after").ask(app)).body == b"after"

    run(story)


def test_clients_that_leave_while_they_wait_cost_nothing():
    async def story():
        model = Model(held=True)
        app = ScoringApp(model, limits=LIMITS)
        clients = [Client(str(number).encode()) for number in range(4)]
        tasks = [asyncio.create_task(client.ask(app)) for client in clients]
        await settle()
        for client in clients:
            client.leave()
        await asyncio.gather(*tasks)
        assert [client.reply.status for client in clients] == [0] * 4
        again = asyncio.create_task(Client(b"again").ask(app))
        await settle()
        model.free.set()
        assert (await again).body == b"again"
        assert model.seen == [b"0", b"again"]

    run(story)


def test_the_time_limit_ends_what_waits_and_what_runs():
    async def story():
        model = Model(held=True)
        app = ScoringApp(model, limits=replace(LIMITS, request_seconds=0.1))
        began = time.monotonic()
        replies = await asyncio.gather(*(Client(b"x").ask(app) for _ in range(3)))
        assert time.monotonic() - began < 5
        assert [reply.status for reply in replies] == [504, 503, 503]
        assert {reply.code for reply in replies} == {"request_time"}
        model.free.set()
        assert (await Client(b"next").ask(app)).body == b"next"
        assert len(model.seen) == 2

    run(story)


def test_the_bodies_of_all_clients_fit_into_the_stated_memory():
    async def story():
        app = ScoringApp(Model(), limits=LIMITS)
        held = [Client(b"x" * 900, None) for _ in range(3)]
        tasks = [asyncio.create_task(client.ask(app)) for client in held]
        await settle()
        reply = await Client(b"x" * 900).ask(app)
        assert (reply.status, reply.code) == (503, "busy")
        for client in held:
            client.leave()
        await asyncio.gather(*tasks)
        assert (await Client(b"x" * 900).ask(app)).status == 200

    run(story)


def test_stopping_answers_everybody():
    async def story():
        model = Model(held=True)
        app = ScoringApp(model, limits=LIMITS)
        tasks = [asyncio.create_task(Client(b"x").ask(app)) for _ in range(3)]
        await settle()
        app.stop()
        late = await Client(b"x").ask(app)
        ready = await Client().ask(app, "/ready", method="GET")
        alive = await Client().ask(app, "/ping", method="GET")
        assert [reply.status for reply in (late, ready, alive)] == [503, 503, 200]
        assert app.working
        tasks[0].cancel()  # as a server does once the grace time is over
        replies = await asyncio.gather(*tasks)
        assert [reply.code for reply in replies] == ["stopping"] * 3
        model.free.set()

    run(story)
