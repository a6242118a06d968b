"""Feature names by one grammar, what each means, and its value as a sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.cohort.analytes import Analyte
from pipeline.features.statistics import BY_NAME, MEASUREMENT, WINDOWED
from pipeline.resources import schema_yaml

_NAME = re.compile(r"^(?P<subject>[a-z][a-z0-9]*(?:_[a-z0-9]+)*)__(?P<rest>[a-z0-9_]+(?:\.\d+h)?)$")
_WINDOW = re.compile(rf"^(?P<statistic>{'|'.join(WINDOWED)})_(?P<hours>\d+(?:\.\d+)?)h$")


_FILE = "feature_words.yaml"
_MARKS = {-1: "<", 0: "", 1: ">"}


@dataclass(frozen=True)
class FeatureMeta:
    """What a feature is.

    Attributes
    ----------
    group : str
        ``analyte``, ``measurement``, ``clinical_state``, ``treatments`` or ``host_product``.
    player : str
        What switches together in an explanation: the analyte key or the group.
    window_hours : float or None
    analyte : str
        Key of the analyte in ``Cohort.labs``; empty where there is none.
    label : str
        Subject in words.
    section, entry : str
        Where ``data_schema/feature_words.yaml`` has the words.
    """

    name: str
    subject: str
    statistic: str
    window_hours: float | None
    group: str
    player: str
    pathway: str
    unit: str
    words: str
    analyte: str = ""
    label: str = ""
    section: str = ""
    entry: str = ""

    @property
    def is_state(self) -> bool:
        """Whether the feature tells the grades charted so far."""
        return self.group == "clinical_state"


def feature_name(subject: str, statistic: str, window_hours: float | None = None) -> str:
    """Name of a feature.

    Examples
    --------
    >>> feature_name("il6", "max", 72), feature_name("il6", "last")
    ('il6__max_72h', 'il6__last')
    """
    suffix = "" if window_hours is None else f"_{window_hours:g}h"
    return f"{subject}__{statistic}{suffix}"


def parse_name(name: str) -> tuple[str, str, float | None]:
    """Subject, statistic and window of a name.

    Raises
    ------
    ValueError
        If the name does not follow the grammar.

    Examples
    --------
    >>> parse_name("il6__max_72h")
    ('il6', 'max', 72.0)
    """
    match = _NAME.match(name)
    if match is None:
        raise ValueError(f"'{name}' is not <subject>__<statistic>[_<hours>h]")
    window = _WINDOW.match(match["rest"])
    if window is not None:
        return match["subject"], window["statistic"], float(window["hours"])
    return match["subject"], match["rest"], None


def analyte_meta(
    analyte: Analyte,
    statistic: str,
    window_hours: float | None,
    *,
    channel: str = "",
    player: str = "",
) -> FeatureMeta:
    """Metadata of one statistic of an analyte, or of a channel that belongs to ``player``."""
    subject, player = channel or analyte.key, player or analyte.key
    measured = statistic in MEASUREMENT
    by_difference = statistic == "fold_baseline" and analyte.by_difference
    words = f"{analyte.short}: {_text('series', 'diff_baseline' if by_difference else statistic)}"
    if window_hours is not None:
        words += f" in the last {window_hours:g} h"
    return FeatureMeta(
        name=feature_name(subject, statistic, window_hours),
        subject=subject,
        statistic=statistic,
        window_hours=window_hours,
        group="measurement" if measured else "analyte",
        player="measurement" if measured else player,
        pathway="measurement" if measured else analyte.pathway,
        unit=_unit(analyte, statistic),
        words=words,
        analyte=analyte.key,
        label=analyte.short,
        section="series",
        entry=statistic,
    )


def group_meta(
    subject: str, statistic: str, group: str, unit: str, label: str, entry: str = ""
) -> FeatureMeta:
    """Metadata of a feature that belongs to no analyte.

    ``label`` is the subject in words, ``entry`` the key of the statistic's words where it is not
    the statistic itself.
    """
    entry = entry or statistic
    return FeatureMeta(
        name=feature_name(subject, statistic),
        subject=subject,
        statistic=statistic,
        window_hours=None,
        group=group,
        player=group,
        pathway=group,
        unit=unit,
        words=f"{label}: {_text(group, entry)}",
        analyte="",
        label=label,
        section=group,
        entry=entry,
    )


def feature_sentence(meta: FeatureMeta, value: float, side: int = 0) -> str:
    """A value in words; logarithms are undone, a missing value is called unknown.

    Parameters
    ----------
    side : int
        -1 where the value of a level is a lower detection limit, 1 where it is an upper one.

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.features.series import analyte_meta
    >>> feature_sentence(analyte_meta(dictionary()["crp"], "max", 72.0), 7.0)
    'the highest CRP in the last 72 h was 128 mg/L'
    >>> feature_sentence(analyte_meta(dictionary()["crp"], "delta", 72.0), -1.0)
    'CRP fell by 50 % over the last 72 h'
    """
    content = schema_yaml(_FILE)
    entry = content[meta.section][meta.entry]
    facts = {
        "subject": meta.label,
        "words": entry["words"],
        "window": f"{meta.window_hours or 0:g}",
    }
    if math.isnan(value):
        return str(content["unknown"].format(**facts))
    if "cases" in entry:
        return str(entry["cases"][round(value)].format(**facts))
    logged = meta.unit.startswith("log2")
    kind = BY_NAME[meta.statistic].kind if meta.section == "series" else ""
    if kind in ("change", "ratio", "rate") or meta.statistic == "change":
        # a drop is positive where the value fell
        signed = -value if meta.statistic == "drop_from_peak" else value
        facts["moved"] = _moved(signed, logged, _natural_unit(meta), content["moved"])
        facts["times"] = f"{2.0**value:.2g}"
        facts["value"] = _quantity(value, _natural_unit(meta))
    else:
        facts["value"] = _MARKS[side] + _quantity(
            2.0**value if logged else value, _natural_unit(meta)
        )
    template = entry["ratios"] if logged and "ratios" in entry else entry["sentence"]
    return str(template.format(**facts))


def _unit(analyte: Analyte, statistic: str) -> str:
    kind = BY_NAME[statistic].kind
    if kind == "ratio" and analyte.by_difference:
        kind = "change"
    scale = f"log2({analyte.unit})" if analyte.log else analyte.unit
    units = {"level": scale, "change": scale, "rate": f"{scale}/d", "hours": "h"}
    return units.get(kind, {"ratio": "log2 ratio", "per_day": "1/d"}.get(kind, "1"))


def _text(section: str, entry: str) -> str:
    return str(schema_yaml("feature_words.yaml")[section][entry]["words"])


def _moved(change: float, logged: bool, unit: str, phrases: Mapping[str, Any]) -> str:
    if change == 0.0:
        return str(phrases["same"])
    if not logged:
        phrase = phrases["up" if change > 0 else "down"]
        return str(phrase.format(value=_quantity(abs(change), unit)))
    if change > 0:
        return str(phrases["ratio_up"].format(times=f"{2.0**change:.2g}"))
    return str(phrases["ratio_down"].format(percent=f"{100.0 * (1.0 - 2.0**change):.2g}"))


def _natural_unit(meta: FeatureMeta) -> str:
    """Unit without logarithm and without the day of a rate, which the sentence names."""
    unit = meta.unit.removesuffix("/d") if meta.section == "series" else meta.unit
    if unit.startswith("log2("):
        unit = unit.removeprefix("log2(").removesuffix(")")
    plain = unit.replace("/{", "/").replace("{", " ").replace("}", "").replace("_", " ")
    return plain.replace("10*", "10^").strip()


def _quantity(value: float, unit: str) -> str:
    number = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return number if unit in ("", "1") else f"{number} {unit}"
