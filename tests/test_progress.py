"""The bar of several steps: never back, never finished early, drawn while a step runs."""

from __future__ import annotations

import io
import time

import pytest

from pipeline import progress
from pipeline.progress import StepBar


@pytest.fixture
def stream(monkeypatch) -> io.StringIO:
    monkeypatch.setattr(progress, "_EVERY", 0.02)
    return io.StringIO()


def test_steps_and_items_move_it_forward_only(stream) -> None:
    bar = StepBar([100.0, 300.0], stream)
    shares = [bar.share()]
    bar.start("reading")
    shares.append(bar.share())
    bar.start("fits", items=3)
    for _ in range(3):
        shares.append(bar.share())
        bar.item()
    shares.append(bar.share())
    bar.close()
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[2] == pytest.approx(0.25, abs=0.01)
    assert shares[-2] == pytest.approx(0.75, abs=0.01)
    assert shares[-1] == pytest.approx(1.0, abs=0.01)


def test_a_step_that_takes_longer_than_expected_does_not_finish(stream) -> None:
    bar = StepBar([0.001, 1.0], stream)
    bar.start("slow")
    time.sleep(0.05)
    assert bar.share() < 0.001
    bar.close()


def test_it_is_drawn_while_nothing_happens_and_removed_at_the_end(stream) -> None:
    bar = StepBar([60.0], stream)
    bar.start("fitting")
    before = len(stream.getvalue())
    time.sleep(0.3)
    drawn = stream.getvalue()
    assert len(drawn) > before
    assert "fitting" in drawn
    assert " left" in drawn
    bar.close()
    assert stream.getvalue().split("\r")[-1].strip() == ""


def test_more_steps_than_expected_are_no_error(stream) -> None:
    bar = StepBar([1.0], stream)
    bar.start("one")
    bar.start("two")
    assert 0 <= bar.share() <= 1
    bar.close()
