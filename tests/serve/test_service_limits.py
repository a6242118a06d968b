"""The limits of the service are those of its documentation."""

from pathlib import Path

import pytest

from pipeline.serve.service_limits import MIB, ServiceLimits

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
LIMITS = ServiceLimits()


@pytest.mark.parametrize(
    "stated",
    [
        f"{LIMITS.body_bytes // MIB} MiB",
        f"{LIMITS.rows} rows",
        f"{LIMITS.patients} patients",
        f"{LIMITS.queued} requests wait",
        f"{LIMITS.body_seconds:g} s for a body",
        f"{LIMITS.request_seconds:g} s for an answer",
        f"{LIMITS.grace_seconds:g} s",
    ],
)
def test_the_page_states_each_limit(stated):
    assert stated in " ".join(PAGE.read_text(encoding="utf-8").split())


def test_the_bodies_that_may_wait_fit_into_memory():
    assert LIMITS.body_bytes <= LIMITS.buffered_bytes <= 256 * MIB
