"""A service without a model: ``python -m tests.serve.slow_service PORT SECONDS GRACE``."""

import sys
import time

from pipeline.failure import ended_by_sigterm
from pipeline.serve.scoring_app import ScoringApp
from pipeline.serve.scoring_server import run_server
from pipeline.serve.service_limits import ServiceLimits

if __name__ == "__main__":
    port, seconds, grace = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])

    def answer(body: bytes) -> bytes:
        """Return the body after a pause."""
        time.sleep(seconds)
        return body

    limits = ServiceLimits(grace_seconds=grace)
    with ended_by_sigterm():
        run_server(ScoringApp(answer, limits=limits), port, limits)
