"""Answers of the service without predictions: a status, a code and one sentence."""

from __future__ import annotations

import json

RETRY_SECONDS = 5


class Refusal(Exception):
    """A request that gets no predictions.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Stable code for programs.
    message : str
        Message for people, with fields, numbers of rows and kinds of value. It quotes no value,
        because values are data of patients.
    headers : tuple of pairs of str
        Headers in addition to type and length.

    Examples
    --------
    >>> Refusal(415, "content_type", "send application/json").body()
    b'{"error_code": "content_type", "message": "send application/json"}'
    """

    def __init__(
        self, status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers

    def body(self) -> bytes:
        """Return the answer as JSON."""
        return json.dumps({"error_code": self.code, "message": str(self)}).encode()


def bad_request(code: str, message: str) -> Refusal:
    """Refuse a request that must be corrected."""
    return Refusal(400, code, message)


def unavailable(code: str, message: str) -> Refusal:
    """Refuse a request that may be sent again later.

    Examples
    --------
    >>> unavailable("busy", "the queue is full").headers
    (('retry-after', '5'),)
    """
    return Refusal(503, code, message, (("retry-after", str(RETRY_SECONDS)),))
