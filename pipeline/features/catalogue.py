"""Lists every feature with its formula and source, as the tables of ``docs/features.md``.

``.venv/bin/python -m pipeline.features.catalogue`` prints them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from pipeline.features import state, treatments
from pipeline.features.names import feature_name
from pipeline.features.score_definitions import PREFIX, Score, score_label, score_unit, scores
from pipeline.features.statistics import DEFAULT, STATISTICS, Statistic
from pipeline.resources import schema_yaml

_UNITS = {
    "level": "unit of the analyte",
    "change": "unit of the analyte",
    "rate": "unit of the analyte per day",
    "ratio": "log2 ratio",
    "hours": "h",
    "count": "1",
    "per_day": "1/d",
    "share": "1",
    "flag": "1",
}
_LEVEL = "`1 if it is this level, 0 if another, unknown if blank`"
_HOST = (
    ("`time__hours`", "hours since time zero", "`L`", "h"),
    ("`host__<column>`", "a number of the patients table", "`as given`", "as given"),
    ("`host__sex_male`", "sex", "`1 if male, 0 if female`", "1"),
    ("`host_<column>__<level>`", "a category of the patients table", _LEVEL, "1"),
    ("`product__<level>`", "the product infused", _LEVEL, "1"),
)


def catalogue() -> str:
    """Markdown tables of all features, from their definitions and ``feature_words.yaml``."""
    entries = schema_yaml("feature_words.yaml")
    parts = ["### Each analyte\n"]
    parts += _table(
        ("name", "what", "formula", "unit", "built by default", "source"),
        (_series_row(item, entries["series"][item.name]["words"]) for item in STATISTICS),
    )
    head = ("name", "what", "formula", "unit", "source")
    parts.append("\n### Clinical state\n")
    parts += _table(
        head,
        (
            (
                f"`state_<scale>__{item}`",
                entries["clinical_state"][item]["words"],
                f"`{state.FORMULAS[item]}`",
                unit,
                state.SOURCE,
            )
            for item, unit in state.STATISTICS.items()
        ),
    )
    parts.append("\n### Treatments\n")
    parts += _table(
        head,
        (
            (
                f"`treat_<class>__{item}`",
                entries["treatments"][item]["words"],
                f"`{treatments.FORMULAS[item]}`",
                unit,
                "`data_schema/drugs.yaml`" if item == "dex_mg" else "",
            )
            for item, unit in treatments.UNITS.items()
        ),
    )
    parts.append("\n### Scores\n")
    parts += _table(
        ("name", "what", "formula", "unit", "formula checked", "source"),
        (_score_row(score) for score in scores().values()),
    )
    parts.append("\n### Patient, product and time\n")
    parts += _table(("name", "what", "formula", "unit"), _HOST)
    return "\n".join(parts) + "\n"


def _series_row(item: Statistic, description: str) -> tuple[str, ...]:
    suffix = "_<hours>h" if item.windowed else ""
    formula = f"`{item.formula}`"
    default = "yes" if item.name in DEFAULT else ""
    name = f"`<analyte>__{item.name}{suffix}`"
    return name, description, formula, _UNITS[item.kind], default, item.source


def _score_row(score: Score) -> tuple[str, ...]:
    name, unit = f"`{feature_name(PREFIX + score.key, score.at)}`", score_unit(score)
    checked = "yes" if score.status == "verified" else ""
    return name, score_label(score), f"`{score.formula}`", unit, checked, score.doi or ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


if __name__ == "__main__":
    sys.stdout.write(catalogue())
