"""Every feature with its formula and source, as the tables of ``docs/features.md``.

``.venv/bin/python -m pipeline.features.catalogue`` prints them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

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
    return "\n".join(parts) + "\n"


def _series_row(item: Statistic, words: str) -> tuple[str, ...]:
    suffix = "_<hours>h" if item.windowed else ""
    formula = f"`{item.formula}`"
    default = "yes" if item.name in DEFAULT else ""
    name = f"`<analyte>__{item.name}{suffix}`"
    return name, words, formula, _UNITS[item.kind], default, item.source


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


if __name__ == "__main__":
    sys.stdout.write(catalogue())
