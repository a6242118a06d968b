"""Calls an ASGI application as a server does, without a network."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

HEADERS = {"host": "127.0.0.1:5001", "content-type": "application/json"}


@dataclass
class Reply:
    """The reply of the application."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str:
        """The code of a refusal, else empty."""
        return json.loads(self.body).get("error_code", "")


class Client:
    """One connection; ``leave`` closes it.

    Parameters
    ----------
    chunks : sequence of bytes
        The body as it arrives. None is a pause without end.
    """

    def __init__(self, *chunks: bytes | None) -> None:
        self._chunks = list(chunks)
        self._gone = asyncio.Event()
        self.received = 0
        self.reply = Reply()

    def leave(self) -> None:
        """Close the connection."""
        self._gone.set()

    async def receive(self) -> dict[str, Any]:
        """The next message of the client."""
        if not self._chunks or self._chunks[0] is None:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        body = self._chunks.pop(0)
        self.received += len(body)
        return {"type": "http.request", "body": body, "more_body": bool(self._chunks)}

    async def send(self, message: dict[str, Any]) -> None:
        """Keep a message of the application."""
        if message["type"] == "http.response.start":
            pairs = [(key.decode(), value.decode()) for key, value in message["headers"]]
            self.reply.status, self.reply.headers = message["status"], dict(pairs)
            assert len(pairs) == len(self.reply.headers)
        else:
            self.reply.body += message["body"]

    async def ask(self, app: Any, path: str = "/invocations", **stated: Any) -> Reply:
        """Send one request; ``method`` and headers with ``_`` for ``-``, None to leave one out."""
        method = stated.pop("method", "POST")
        headers = HEADERS | {key.replace("_", "-"): value for key, value in stated.items()}
        if self._chunks and "transfer-encoding" not in headers:
            whole = sum(len(chunk) for chunk in self._chunks if chunk is not None)
            headers.setdefault("content-length", str(whole + 1 * (None in self._chunks)))
        pairs = [
            (key.encode(), value.encode()) for key, value in headers.items() if value is not None
        ]
        scope = {"type": "http", "method": method, "path": path, "headers": pairs}
        await app(scope, self.receive, self.send)
        return self.reply
