"""Answers of the service that are no predictions: a status, a code and one sentence."""

from __future__ import annotations

import json

RETRY_SECONDS = 5


class Refusal(Exception):
    """A request that is not answered with predictions.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        For programs; it never changes.
    message : str
        For people. It names fields, rows by number and kinds of value, and quotes no value, because
        values are about patients.
    headers : tuple of pairs of str
        Besides type and length.

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
        """The answer as JSON."""
        return json.dumps({"error_code": self.code, "message": str(self)}).encode()


def bad_request(code: str, message: str) -> Refusal:
    """Refuse a request that stays wrong when it is sent again."""
    return Refusal(400, code, message)


def unavailable(code: str, message: str) -> Refusal:
    """Refuse a request that may be sent again after a while.

    Examples
    --------
    >>> unavailable("busy", "the queue is full").headers
    (('retry-after', '5'),)
    """
    return Refusal(503, code, message, (("retry-after", str(RETRY_SECONDS)),))
