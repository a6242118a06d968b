"""Time, length and confidence of patient pages.

Scores a batch with a bundle, renders every page once to warm up and then ``--repeats`` times, as
if each were made 20 minutes after its estimate. Prints CPU milliseconds per page, words outside
folded parts and drawings, and the share of estimated patients with a mark of reduced confidence.

    .venv/bin/python benchmarks/pages.py demo/model demo/batch
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from pipeline.explain.confidence import confidence_of
from pipeline.explain.estimate_age import estimate_age
from pipeline.explain.estimates import asked
from pipeline.explain.model_summary import ModelSummary, summarise_model
from pipeline.model.bundle import load_bundle, read_evaluation
from pipeline.pages.patient_page import patient_page
from pipeline.predict.patient_results import Patient, patient_results
from pipeline.predict.predictions_table import ModelName
from pipeline.predict.prepare import prepare_batch, read_for
from pipeline.predict.score import score_batch

HIDDEN = ("style", "title", "svg", "head")
VOID = ("meta", "br", "input", "link")


class _Words(HTMLParser):
    """Count words outside folded parts, drawings and the head."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.count = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        folded = "details" in self.stack and "summary" not in self.stack
        if folded or any(tag in HIDDEN for tag in self.stack):
            return
        self.count += sum(bool(re.search(r"\w", word)) for word in data.split())


def words(page: str) -> int:
    """Return the number of words that are read without opening anything."""
    parser = _Words()
    parser.feed(page)
    return parser.count


def soon_after(patient: Patient) -> datetime:
    """Return the time 20 minutes after the estimate, or now without a clock."""
    hours = patient.record.hours
    at = None if np.isnan(hours) else patient.record.clock.moment(hours)
    return datetime.now(UTC) if at is None else at.astimezone(UTC) + timedelta(minutes=20)


def mark_of(patient: Patient, model: ModelSummary) -> tuple[str, tuple[str, ...]] | None:
    """Return level and flags of a patient with an estimate."""
    shown = [item for item in asked(list(patient.estimates), model.outcomes) if item.headline]
    if not shown or patient.inputs is None:
        return None
    late = estimate_age(patient.record, soon_after(patient), model.horizon)
    confidence = confidence_of(
        patient.record, patient.inputs, shown, model, patient.refused, late, patient.later
    )
    return confidence.level, confidence.flags


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; exit 1 if more than a third of the estimates carry a mark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("batch", type=Path)
    parser.add_argument("--as-of", default=None, help="landmark of every patient, hours or time")
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args(arguments)
    bundle, evaluation = load_bundle(chosen.bundle), read_evaluation(chosen.bundle)
    model = summarise_model(bundle, "benchmark", "1", evaluation)
    read = read_for(bundle, chosen.batch, as_of=chosen.as_of)
    prepared = prepare_batch(read, bundle, as_of=chosen.as_of is not None)
    result = score_batch(prepared, ModelName("benchmark", "1"))
    started = time.process_time()
    patients = patient_results(prepared, result, model)
    gathered = 1000 * (time.process_time() - started) / max(1, len(patients))

    lengths = [words(patient_page(each, model, made=soon_after(each))) for each in patients]
    spent = []
    for _ in range(chosen.repeats):
        started = time.process_time()
        for each in patients:
            patient_page(each, model, made=soon_after(each))
        spent.append(1000 * (time.process_time() - started) / max(1, len(patients)))
    marks = [mark for each in patients if (mark := mark_of(each, model)) is not None]
    marked = sum(level != "good" for level, _ in marks)
    flags = Counter(re.sub(r"[\d.,]+|\(.*", "#", flag) for _, each in marks for flag in each)
    print(f"{len(patients)} pages: {np.median(spent):.1f} ms CPU per page to render")
    print(f"{gathered:.1f} ms CPU per page to collect estimates of earlier days and effects")
    print(f"words: median {np.median(lengths):.0f}, most {max(lengths, default=0)}")
    print(f"estimates with a mark: {marked} of {len(marks)} ({marked / max(1, len(marks)):.0%})")
    for flag, count in flags.most_common(12):
        print(f"  {count:4} {flag}")
    return int(3 * marked > len(marks))


if __name__ == "__main__":
    sys.exit(main())
