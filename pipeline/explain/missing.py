"""What is missing or old: core markers never measured, stale results, grades never charted."""

from __future__ import annotations

from pipeline.cohort.refusals import Refused
from pipeline.explain.facts import ModelFacts
from pipeline.explain.record import Record
from pipeline.explain.reliance import Inputs, results_refused, results_words
from pipeline.explain.wording import age_words, phrase, some_of
from pipeline.report.format import joined


def missing_sentences(
    record: Record, inputs: Inputs, facts: ModelFacts, refused: Refused
) -> list[str]:
    """What the estimate had to do without.

    Parameters
    ----------
    record : Record
    inputs : Inputs
        ``stale`` names the analytes whose newest result is older than the model's bound.
    refused : Refused
        Results that were refused are named as such, not as never measured.
    """
    core = [key for key, analyte in facts.analytes.items() if analyte.core]
    measured = set(record.labs["analyte"])
    lost = results_refused(facts, refused)
    never = [facts.analytes[key].short for key in core if key not in measured and key not in lost]
    newest = record.labs.groupby("analyte")["collected_hours"].max()
    ages = sorted(
        ((key, record.hours - float(newest[key])) for key in inputs.stale if key in newest),
        key=lambda item: -item[1],
    )
    sentences = []
    if lost:
        told = [f"{facts.analytes[key].short} ({results_words(n)})" for key, n in lost.items()]
        sentences.append(phrase("missing", "results_refused", analytes=joined(told)))
    if never:
        sentences.append(phrase("missing", "never", analytes=joined(never)))
    if ages:
        named = [
            phrase("missing", "stale_one", analyte=facts.analytes[key].short, age=age_words(age))
            for key, age in ages
            if key in facts.analytes
        ]
        sentences.append(phrase("missing", "stale", analytes=some_of(named)))
    scales = dict.fromkeys(outcome.scale for outcome in facts.outcomes.values())
    uncharted = [
        scale.upper()
        for scale in scales
        if scale != "death" and not (record.grades["scale"] == scale).any()
    ]
    if uncharted:
        sentences.append(phrase("missing", "grades_none", scales=joined(uncharted)))
    if refused.rows > sum(lost.values()):
        key = "refused_too" if lost else "refused"
        return [*(sentences or [_none(facts)]), phrase("missing", key)]
    return sentences or [_none(facts)]


def _none(facts: ModelFacts) -> str:
    return phrase("missing", "none", hours=f"{facts.stale_hours:g}")
