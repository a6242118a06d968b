"""Checks an HTTP request before its content: host, type, size and time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any

from pipeline.serve.refusal import Refusal, unavailable
from pipeline.serve.service_limits import ServiceLimits

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
_JSON = "application/json"


class ClientGone(Exception):
    """The client closed the connection before the answer."""


def header_values(headers: Headers, name: str) -> list[str]:
    """Every value of one header.

    Examples
    --------
    >>> header_values([(b"host", b"localhost:5001")], "host")
    ['localhost:5001']
    """
    wanted = name.encode()
    return [value.decode("latin-1") for key, value in headers if key.lower() == wanted]


def host_name(value: str) -> str:
    """Name in a ``Host`` header, without port, in lower case.

    Examples
    --------
    >>> host_name("LOCALHOST:5001"), host_name("[::1]:5001"), host_name("[::1].evil.example")
    ('localhost', '[::1]', '[::1].evil.example')
    """
    name, colon, port = value.strip().lower().rpartition(":")
    return name if colon and port.isdecimal() and port.isascii() else value.strip().lower()


def refuse_host(headers: Headers, allowed: Collection[str]) -> None:
    """Refuse a request to another host name; pages of other sites can send these.

    Raises
    ------
    Refusal
        403.
    """
    values = header_values(headers, "host")
    if len(values) != 1 or host_name(values[0]) not in allowed:
        raise Refusal(
            403,
            "host",
            "the header Host is not a name of this service; use localhost, or start the service "
            "with --host-name",
        )


def refuse_type(headers: Headers) -> None:
    """Refuse a body that is not uncompressed JSON in UTF-8.

    Raises
    ------
    Refusal
        415.

    Examples
    --------
    >>> refuse_type([(b"content-type", b"application/json; charset=UTF-8")])
    """
    types = header_values(headers, "content-type")
    kind, _, rest = (types[0] if len(types) == 1 else "").partition(";")
    parameters = rest.replace(" ", "").replace('"', "").lower()
    if kind.strip().lower() != _JSON or parameters not in ("", "charset=utf-8"):
        raise Refusal(
            415, "content_type", f"the Content-Type is not {_JSON} in UTF-8; send it as this type"
        )
    encodings = header_values(headers, "content-encoding")
    if any(each.strip().lower() != "identity" for each in encodings):
        raise Refusal(415, "content_encoding", "the body is compressed; send it uncompressed")


class RequestBody:
    """Body of one request, received once, within limits of size and time.

    Parameters
    ----------
    headers : pairs of bytes
    receive : callable
        From ASGI.
    limits : ServiceLimits
    """

    def __init__(self, headers: Headers, receive: Receive, limits: ServiceLimits) -> None:
        headers = list(headers)
        sizes = header_values(headers, "content-length")
        self._receive, self._limits = receive, limits
        self._announced = int(sizes[0]) if sizes and sizes[0].isdecimal() else 0
        self._expected = bool(header_values(headers, "expect"))
        self.complete = not self._announced and not header_values(headers, "transfer-encoding")

    async def read(self, reserve: Callable[[int], bool]) -> bytes:
        """Receive the whole body.

        Parameters
        ----------
        reserve : callable
            Reserves a number of bytes of the memory for bodies; False if too little is left.

        Returns
        -------
        bytes

        Raises
        ------
        Refusal
            413 if it is too large, 408 if it takes too long, 503 if memory is short.
        ClientGone
            If the client closes the connection before the end of the body.
        """
        if self._announced > self._limits.body_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while not self.complete:
                    chunk = await self._next()
                    if len(body) + len(chunk) > self._limits.body_bytes:
                        raise self._too_large()
                    if not reserve(len(chunk)):
                        raise unavailable("busy", "too many requests at once; try again later")
                    body += chunk
        except TimeoutError as error:
            seconds = self._limits.body_seconds
            message = f"the body did not arrive within {seconds:g} s; send it again"
            raise Refusal(408, "body_time", message) from error
        return bytes(body)

    async def discard(self) -> None:
        """Receive and drop the rest of the body, so that the client can read its answer.

        A client that waits for ``100 Continue`` has not sent a body.
        """
        if self._expected:
            return
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while not self.complete:
                    await self._next()
        except (TimeoutError, ClientGone):
            return

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.complete = True
            raise ClientGone
        self._expected = False
        self.complete = not message.get("more_body", False)
        return bytes(message.get("body", b""))

    def _too_large(self) -> Refusal:
        most = self._limits.body_bytes // (1024 * 1024)
        return Refusal(
            413, "body_size", f"the body is larger than {most} MiB; send fewer patients at once"
        )
