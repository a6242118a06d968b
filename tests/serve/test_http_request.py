"""Host, type, size and time of a request."""

import asyncio

import pytest

from pipeline.serve.http_request import (
    LOCAL_NAMES,
    ClientGone,
    RequestBody,
    host_name,
    refuse_host,
    refuse_type,
)
from pipeline.serve.refusal import Refusal
from pipeline.serve.service_limits import ServiceLimits
from tests.serve.asgi import Client

LIMITS = ServiceLimits(body_bytes=100, body_seconds=0.05)


def pairs(*headers):
    return [(name.encode(), value.encode()) for name, value in headers]


@pytest.mark.parametrize(
    "value", ["127.0.0.1", "127.0.0.1:5001", "localhost", "LocalHost:80", "[::1]", "[::1]:5001"]
)
def test_this_machine_is_a_host(value):
    refuse_host(pairs(("host", value)), LOCAL_NAMES)


@pytest.mark.parametrize(
    "value",
    [
        "evil.example", "evil.example:5001", "", ":5001", "localhost.evil.example",
        "127.0.0.1.nip.io",
        "localhost:5001@evil.example", "evil.example#localhost", "[::1].evil.example", "[::1",
        "::1", "localhost.", "localhost:", "localhost:x", "127.0.0.2", "2130706433", "0.0.0.0",
        "localhost, evil.example", "localhost:٣", "user@localhost",
    ],
)  # fmt: skip
def test_any_other_host_is_refused(value):
    with pytest.raises(Refusal) as refusal:
        refuse_host(pairs(("host", value)), LOCAL_NAMES)
    assert (refusal.value.status, refusal.value.code) == (403, "host")
    assert "evil" not in str(refusal.value)


def test_no_host_and_two_hosts_are_refused_and_stated_names_are_not():
    for headers in ((), (("host", "localhost"), ("host", "evil.example"))):
        with pytest.raises(Refusal):
            refuse_host(pairs(*headers), LOCAL_NAMES)
    refuse_host(pairs(("Host", "Ward.Example:443")), {"ward.example"})
    assert host_name("ward.example") == "ward.example"


@pytest.mark.parametrize(
    "value",
    ["application/json", "Application/JSON", "application/json; charset=utf-8",
     'application/json;charset="UTF-8"'],
)  # fmt: skip
def test_json_is_a_type(value):
    refuse_type(pairs(("content-type", value)))


@pytest.mark.parametrize(
    "value",
    ["text/csv", "text/plain", "application/x-www-form-urlencoded", "application/jsonp",
     "application/json; charset=latin-1", "application/json; a=b", "",
     "application/vnd.apache.parquet"],
)  # fmt: skip
def test_any_other_type_is_refused(value):
    with pytest.raises(Refusal) as refusal:
        refuse_type(pairs(("content-type", value)))
    assert refusal.value.status == 415


def test_no_type_two_types_and_compressed_bodies_are_refused():
    kind = ("content-type", "application/json")
    for headers in ((), (kind, kind), (kind, ("content-encoding", "gzip"))):
        with pytest.raises(Refusal) as refusal:
            refuse_type(pairs(*headers))
        assert refusal.value.status == 415
    refuse_type(pairs(kind, ("content-encoding", "identity")))


def read(*chunks, headers=(("transfer-encoding", "chunked"),), reserve=lambda size: True, gone=0):
    async def run():
        client = Client(*chunks)
        if gone:
            client.leave()
        body = RequestBody(pairs(*headers), client.receive, LIMITS)
        try:
            return await body.read(reserve)
        finally:
            if not gone:
                client.read_by_limit = client.received
                await body.discard()
                read.received = client.received, client.read_by_limit

    return asyncio.run(run())


def test_a_body_is_read_in_pieces_and_no_body_is_empty():
    assert read(b"ab", b"", b"c") == b"abc"
    assert read(headers=()) == b""
    assert read(b"x" * 100) == b"x" * 100


@pytest.mark.parametrize(
    ("chunks", "headers"),
    [
        ((b"x" * 101,), (("transfer-encoding", "chunked"),)),
        ((b"x" * 60,) * 5, (("transfer-encoding", "chunked"),)),
        ((b"x" * 60,) * 5, (("content-length", "300"),)),
        ((None,), (("content-length", "99999999999999999999"),)),
        ((b"x" * 60,) * 5, (("content-length", "1"),)),
    ],
)
def test_a_body_that_is_too_large_is_refused_but_received(chunks, headers):
    with pytest.raises(Refusal) as refusal:
        read(*chunks, headers=headers)
    assert (refusal.value.status, refusal.value.code) == (413, "body_size")
    whole, early = read.received
    assert early <= 120
    assert whole == sum(len(chunk) for chunk in chunks if chunk)


def test_a_client_that_waits_for_100_continue_gets_none():
    with pytest.raises(Refusal):
        read(b"x" * 300, headers=(("content-length", "300"), ("expect", "100-continue")))
    assert read.received == (0, 0)


def test_a_body_that_does_not_arrive_is_refused():
    with pytest.raises(Refusal) as refusal:
        read(b"x", None)
    assert (refusal.value.status, refusal.value.code) == (408, "body_time")


def test_a_client_that_leaves_is_not_answered():
    with pytest.raises(ClientGone):
        read(None, gone=True)


def test_a_body_needs_memory():
    with pytest.raises(Refusal) as refusal:
        read(b"x", reserve=lambda size: False)
    assert (refusal.value.status, refusal.value.code) == (503, "busy")
