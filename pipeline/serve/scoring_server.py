"""Runs the HTTP service in this process, on this machine only, until a signal stops it."""

from __future__ import annotations

import os
import signal
import socket
from types import FrameType
from typing import TYPE_CHECKING

from pipeline import log
from pipeline.errors import UsageError
from pipeline.failure import INTERRUPTED, TERMINATED
from pipeline.serve.service_limits import ServiceLimits

if TYPE_CHECKING:
    from pipeline.serve.scoring_app import ScoringApp

HOST = "127.0.0.1"


def refuse_port(port: int) -> None:
    """Refuse a port on which the service cannot listen.

    Parameters
    ----------
    port : int

    Raises
    ------
    UsageError
        If the port is out of range or in use.

    Examples
    --------
    >>> refuse_port(65536)
    Traceback (most recent call last):
    pipeline.errors.UsageError: --port is 65536; give a number from 1 to 65535
    """
    listen(port).close()


def listen(port: int) -> socket.socket:
    """Bind a socket to a port of this machine.

    Raises
    ------
    UsageError
        If the port is out of range or in use.
    """
    if not 0 < port < 65536:
        raise UsageError(f"--port is {port}; give a number from 1 to 65535", options=("port",))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"port {port} of {HOST} cannot be used ({error.strerror}); choose another with --port",
            options=("port",),
        ) from error
    return listener


def run_server(app: ScoringApp, port: int, limits: ServiceLimits) -> None:
    """Answer requests until SIGTERM or ctrl-C, then stop within ``limits.grace_seconds``.

    Waiting requests are refused; the running one is answered. If it takes longer than the grace
    time, its client gets 503 and the process exits at once, with code 143 or 130.

    Parameters
    ----------
    app : ScoringApp
    port : int
    limits : ServiceLimits

    Raises
    ------
    UsageError
        If the port is out of range or in use.
    KeyboardInterrupt
        If a signal arrives before the service has started.
    """
    import uvicorn

    from pipeline.serve.timed_connection import TimedConnection

    received: list[int] = []

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            received.append(sig)
            super().handle_exit(sig, frame)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            app.stop()
            await super().shutdown(sockets)

    class Connection(TimedConnection):
        header_seconds = limits.header_seconds

    settings = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=int(limits.grace_seconds),
    )
    listener = listen(port)
    try:
        Server(settings).run(sockets=[listener])
    except KeyboardInterrupt:
        if not received:  # before the service had started
            raise
    finally:
        listener.close()
    if app.working:
        log.warn(f"stopped after {limits.grace_seconds:g} s; a request was still being scored")
        # the first signal decides: uvicorn raises it again, which has no effect if the parent
        # process ignores ctrl-C. Python would wait for the thread, which cannot be stopped
        os._exit(INTERRUPTED if received[:1] == [signal.SIGINT] else TERMINATED)
