"""Limits of a model that hold for every patient."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.explain.estimates import Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.phrases import phrase, section, sentence
from pipeline.format import integer, is_missing, joined

_CHANCE = 0.5  # AUROC of a coin


def model_limits(estimates: Sequence[Estimate], summary: ModelSummary) -> list[str]:
    """Return sentences on what limits every estimate of the model, for the foot of a page.

    Parameters
    ----------
    estimates : sequence of Estimate
        Estimates shown; only their outcomes are named.
    summary : ModelSummary
        The model.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> model = SimpleNamespace(synthetic=True, validation={}, event_patients={})
    >>> len(model_limits([], model))
    3
    """
    shown = [item for item in estimates if item.headline is not None]
    lines = [phrase("limits", "synthetic")] if summary.synthetic else []
    return [
        *lines,
        *_skill(shown, summary),
        *_events(shown, summary),
        phrase("limits", "interval"),
        sentence("unseen"),
    ]


def _skill(shown: Sequence[Estimate], summary: ModelSummary) -> list[str]:
    """Outcomes for which the model was not shown to beat chance, or grade and day."""
    names: dict[str, list[str]] = {"chance": [], "known": []}
    for item in shown:
        validation = summary.validation.get(item.outcome)
        if validation is None:
            continue
        performance = validation.shown if item.state_used else validation.no_state
        gain = validation.added.diff_lo if item.state_used else None
        if _at_most(performance.auroc_lo, _CHANCE):
            names["chance"].append(item.short)
        elif _at_most(gain, 0.0):
            names["known"].append(item.short)
    return [phrase("limits", key, outcomes=joined(each)) for key, each in names.items() if each]


def _at_most(value: float | None, bound: float) -> bool:
    return value is not None and not is_missing(value) and value <= bound


def _events(shown: Sequence[Estimate], summary: ModelSummary) -> list[str]:
    few = section("reliance")["limits"]["few_event_patients"]
    counts = [
        f"{integer(summary.event_patients[item.outcome])} {item.short}"
        for item in shown
        if summary.event_patients.get(item.outcome, few) < few
    ]
    return [phrase("limits", "few_events", counts=joined(counts))] if counts else []
