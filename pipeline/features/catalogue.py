"""Every feature with its formula and source, as the tables of ``docs/features.md``.

``.venv/bin/python -m pipeline.features.catalogue`` prints them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from pipeline.features.names import feature_name
from pipeline.features.score_book import PREFIX, Score, score_label, score_unit, scores
from pipeline.features.state import STATISTICS as STATE
from pipeline.features.statistics import DEFAULT, STATISTICS, Statistic
from pipeline.features.treatments import UNITS
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
_HOST = (
    ("`time__hours`", "hours since time zero", "h"),
    ("`host__<column>`", "a number of the patients table", "as given"),
    ("`host__sex_male`", "1 male, 0 female", "1"),
    ("`host_<column>__<level>`", "1 where a category of the patients table is this level", "1"),
    ("`product__<level>`", "1 where this product was infused", "1"),
)


def catalogue() -> str:
    """Markdown tables of all statistics, made from what the kernel and the words hold."""
    words = schema_yaml("feature_words.yaml")
    parts = ["### Each analyte\n"]
    parts += _table(
        ("name", "what", "formula", "unit", "built by default", "source"),
        (_series_row(item, words["series"][item.name]["words"]) for item in STATISTICS),
    )
    for title, section, units, name in (
        ("Clinical state", "clinical_state", STATE, "state_<scale>__{}"),
        ("Treatments", "treatments", UNITS, "treat_<class>__{}"),
    ):
        parts.append(f"\n### {title}\n")
        parts += _table(
            ("name", "what", "unit"),
            (
                (f"`{name.format(item)}`", words[section][item]["words"], unit)
                for item, unit in units.items()
            ),
        )
    parts.append("\n### Scores\n")
    parts += _table(
        ("name", "what", "formula", "unit", "formula checked", "source"),
        (_score_row(score) for score in scores().values()),
    )
    parts.append("\n### Patient, product and time\n")
    parts += _table(("name", "what", "unit"), _HOST)
    return "\n".join(parts) + "\n"


def _series_row(item: Statistic, words: str) -> tuple[str, ...]:
    suffix = "_<hours>h" if item.windowed else ""
    formula = f"`{item.formula}`"
    default = "yes" if item.name in DEFAULT else ""
    name = f"`<analyte>__{item.name}{suffix}`"
    return name, words, formula, _UNITS[item.kind], default, item.source


def _score_row(score: Score) -> tuple[str, ...]:
    name, unit = f"`{feature_name(PREFIX + score.key, score.at)}`", score_unit(score)
    checked = "yes" if score.status == "verified" else ""
    return name, score_label(score), f"`{score.formula}`", unit, checked, score.doi or ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


if __name__ == "__main__":
    sys.stdout.write(catalogue())
