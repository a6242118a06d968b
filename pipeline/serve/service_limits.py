"""What one service accepts and how long it takes over it."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class ServiceLimits:
    """Limits of the service; ``docs/operations.md`` states them for its users.

    Attributes
    ----------
    body_bytes, buffered_bytes : int
        Of one request; of all requests that are received or wait.
    rows, patients : int
        Of one request. They bound how long it occupies the one worker.
    queued : int
        Requests that wait while one is scored.
    body_seconds, request_seconds : float
        To receive a body; to answer once it is there, waiting included.
    header_seconds : float
        To receive the header of a request.
    grace_seconds : float
        For the request that is scored when the service is asked to end.
    connections : int
        Open at once, below the usual limit of open files.
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
