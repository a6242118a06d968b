"""A header that does not arrive closes its connection; others are not disturbed."""

import asyncio
import socket
import time

import uvicorn

from pipeline.serve.timed_connection import TimedConnection

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


class Quick(TimedConnection):
    header_seconds = 0.3


async def hello(scope, receive, send):
    await asyncio.sleep(0.5)  # longer than a header may take
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def ask(port, *pieces):
    """Answer of the server to parts of a request, and the time until the connection closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.05)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer, time.monotonic() - began


async def story():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        settings = uvicorn.Config(
            hello, http=Quick, ws="none", lifespan="off", log_config=None, timeout_keep_alive=1
        )
        server = uvicorn.Server(settings)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        port = listener.getsockname()[1]
        while not server.started:
            await asyncio.sleep(0.01)
        silent, drop, whole = await asyncio.gather(
            ask(port),
            ask(port, HEAD, b"X-A: b\r\n"),
            ask(port, HEAD, b"Connection: close\r\n\r\n"),
        )
        server.should_exit = True
        await serving
    return silent, drop, whole


def test_only_the_connection_without_a_whole_header_is_closed_early():
    silent, drop, whole = asyncio.run(story())
    assert (silent[0], drop[0]) == (b"", b"")
    assert silent[1] < 5
    assert drop[1] < 5
    assert whole[0].endswith(b"hello\r\n0\r\n\r\n")
