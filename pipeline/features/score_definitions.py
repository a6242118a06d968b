"""Typed definitions and labels of the composite scores in ``data_schema/scores.yaml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pipeline.cohort.analytes import Analyte, dictionary
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.errors import UsageError
from pipeline.resources import schema_yaml

GROUP = "composite_scores"
PREFIX = "score_"


_COMMON = (
    "name", "formula", "kind", "at", "pathway", "direction", "doi", "status", "stale_hours",
    "floors",
)  # fmt: skip


@dataclass(frozen=True)
class Score:
    """One entry of ``scores.yaml``; ``rule`` holds the keys specific to its kind."""

    key: str
    name: str
    formula: str
    kind: str
    at: str
    inputs: Mapping[str, str]
    pathway: str
    direction: Mapping[str, str]
    doi: str | None
    status: str
    stale_hours: float | None = None
    floors: Mapping[str, float] = field(default_factory=dict)
    not_after: tuple[str, ...] = ()
    rule: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[str, ...]:
        """Analytes from which the score is computed."""
        of = self.rule.get("of")
        return tuple(self.inputs) if of is None else tuple(scores()[of].inputs)


@cache
def scores() -> dict[str, Score]:
    """All scores by key, in file order.

    Examples
    --------
    >>> scores()["m_easix"].inputs["crp"], scores()["m_easix"].doi
    ('mg/dL', '10.1182/bloodadvances.2020003885')
    """
    return {key: _score(key, entry) for key, entry in schema_yaml("scores.yaml")["scores"].items()}


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Check score names and remove repeats.

    Raises
    ------
    UsageError
        If one is not in ``scores.yaml``.
    """
    wanted = tuple(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in scores()]
    if unknown:
        raise UsageError(
            f"unknown score {', '.join(unknown)}; use one of {', '.join(scores())} "
            "(data_schema/scores.yaml)"
        )
    return wanted


def score_label(score: Score) -> str:
    """Name of a score with its analytes.

    Parameters
    ----------
    score : Score

    Returns
    -------
    str

    Examples
    --------
    >>> score_label(scores()["m_easix"])
    'Modified EASIX (LDH, CRP, Platelets)'
    """
    return f"{score.name} ({', '.join(dictionary()[key].short for key in score.parts)})"


def score_unit(score: Score) -> str:
    """Unit of a score: ``log2(1)`` if it is on the log2 scale, else ``1``."""
    return "log2(1)" if score.rule.get("log2") else "1"


def unit_factor(analyte: Analyte, unit: str) -> float:
    """Factor that converts a value from the canonical unit to ``unit``.

    Raises
    ------
    ValueError
        If the dictionary has no such conversion.

    Examples
    --------
    >>> unit_factor(dictionary()["crp"], "mg/dL")
    0.1
    """
    if normalise_unit(unit) == normalise_unit(analyte.unit):
        return 1.0
    factors = {normalise_unit(name): factor for name, factor in analyte.conversions.items()}
    if normalise_unit(unit) not in factors:
        raise ValueError(f"'{analyte.key}' cannot be converted from {analyte.unit} to {unit}")
    return 1.0 / factors[normalise_unit(unit)]


def _score(key: str, entry: Mapping[str, Any]) -> Score:
    common = {name: entry[name] for name in _COMMON if name in entry}
    special = {name: value for name, value in entry.items() if name not in (*_COMMON, "source")}
    inputs = dict(special.pop("inputs", {}))
    for analyte, unit in inputs.items():
        unit_factor(dictionary()[analyte], unit)
    return Score(
        key=key,
        inputs=inputs,
        not_after=tuple(special.pop("not_after", ())),
        rule=special,
        **common,
    )
