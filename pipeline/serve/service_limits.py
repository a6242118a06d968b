"""Limits of size, number and time of the service."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class ServiceLimits:
    """Limits of the service; ``docs/operations.md`` lists them for users.

    Attributes
    ----------
    body_bytes, buffered_bytes : int
        Largest body of one request; of all requests that are received or wait.
    rows, patients : int
        Most rows and patients of one request; they limit how long it occupies the worker.
    queued : int
        Most requests that wait while one is scored.
    body_seconds, request_seconds : float
        Time to receive a body; time to answer it, waiting included.
    header_seconds : float
        Time to receive the header of a request.
    grace_seconds : float
        Time for the running request after a signal to stop.
    connections : int
        Most open connections, below the common limit of open files.
    """

    body_bytes: int = 8 * MIB
    buffered_bytes: int = 64 * MIB
    rows: int = 50_000
    patients: int = 200
    queued: int = 16
    body_seconds: float = 10.0
    request_seconds: float = 60.0
    header_seconds: float = 10.0
    grace_seconds: float = 10.0
    connections: int = 512
