"""Feature names and their grammar, metadata, and values as sentences."""

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
    """Metadata of one feature.

    Attributes
    ----------
    group : str
        ``analyte``, ``measurement``, ``clinical_state``, ``treatments`` or ``host_product``.
    player : str
        Analyte key or group: features of one player switch together in an explanation.
    window_hours : float or None
        None if the statistic has no window.
    words : str
        Description for tables.
    analyte : str
        Key of the analyte in ``Cohort.labs``; empty if there is none.
    label : str
        Display name of the subject.
    section, entry : str
        Keys of the wording in ``data_schema/feature_words.yaml``.
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
        """Whether the feature is derived from CRS or ICANS grades."""
        return self.group == "clinical_state"


def feature_name(subject: str, statistic: str, window_hours: float | None = None) -> str:
    """Name of a feature.

    Parameters
    ----------
    subject : str
        Analyte, channel, scale, drug class or patient column.
    statistic : str
    window_hours : float, optional

    Returns
    -------
    str
        ``<subject>__<statistic>[_<hours>h]``.

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
    """Metadata of one statistic of an analyte or of one of its channels.

    Parameters
    ----------
    analyte : Analyte
    statistic : str
        Name in ``statistics.STATISTICS``.
    window_hours : float or None
    channel : str
        Key of the channel; empty for the analyte itself.
    player : str
        Player of the channel; the analyte by default.

    Returns
    -------
    FeatureMeta

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> meta = analyte_meta(dictionary()["crp"], "max", 72.0)
    >>> meta.name, meta.unit, meta.words
    ('crp__max_72h', 'log2(mg/L)', 'CRP: highest value in the last 72 h')
    """
    subject, player = channel or analyte.key, player or analyte.key
    measured = statistic in MEASUREMENT
    by_difference = statistic == "fold_baseline" and analyte.by_difference
    entry = "diff_baseline" if by_difference else statistic
    description = f"{analyte.short}: {_description('series', entry)}"
    if window_hours is not None:
        description += f" in the last {window_hours:g} h"
    return FeatureMeta(
        name=feature_name(subject, statistic, window_hours),
        subject=subject,
        statistic=statistic,
        window_hours=window_hours,
        group="measurement" if measured else "analyte",
        player="measurement" if measured else player,
        pathway="measurement" if measured else analyte.pathway,
        unit=_unit(analyte, statistic),
        words=description,
        analyte=analyte.key,
        label=analyte.short,
        section="series",
        entry=statistic,
    )


def group_meta(
    subject: str, statistic: str, group: str, unit: str, label: str, entry: str = ""
) -> FeatureMeta:
    """Metadata of a feature without an analyte.

    ``label`` is the display name of the subject; ``entry`` is the key of the wording, by default
    the statistic.
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
        words=f"{label}: {_description(group, entry)}",
        analyte="",
        label=label,
        section=group,
        entry=entry,
    )


def feature_sentence(meta: FeatureMeta, value: float, side: int = 0) -> str:
    """Describe a value in a sentence, in natural units; a missing value is unknown.

    Parameters
    ----------
    meta : FeatureMeta
    value : float
        In the unit of ``meta``, log2 included.
    side : int
        -1 if the value of a level is a lower detection limit, 1 if an upper one, else 0.

    Returns
    -------
    str

    Examples
    --------
    >>> from pipeline.cohort.analytes import dictionary
    >>> from pipeline.features.series import analyte_meta
    >>> feature_sentence(analyte_meta(dictionary()["crp"], "max", 72.0), 7.0)
    'the highest CRP in the last 72 h was 128 mg/L'
    >>> feature_sentence(analyte_meta(dictionary()["crp"], "delta", 72.0), -1.0)
    'CRP fell by 50% over the last 72 h'
    """
    content = schema_yaml(_FILE)
    entry = content[meta.section][meta.entry]
    fields = {
        "subject": meta.label,
        "words": entry["words"],
        "window": f"{meta.window_hours or 0:g}",
    }
    if math.isnan(value):
        return str(content["unknown"].format(**fields))
    if "cases" in entry:
        return str(entry["cases"][round(value)].format(**fields))
    logged = meta.unit.startswith("log2")
    kind = BY_NAME[meta.statistic].kind if meta.section == "series" else ""
    if kind in ("change", "ratio", "rate") or meta.statistic == "change":
        # a drop is positive where the value fell
        signed = -value if meta.statistic == "drop_from_peak" else value
        fields["moved"] = _moved(signed, logged, _natural_unit(meta), content["moved"])
        fields["times"] = f"{2.0**value:.2g}"
        fields["value"] = _quantity(value, _natural_unit(meta))
    else:
        fields["value"] = _MARKS[side] + _quantity(
            2.0**value if logged else value, _natural_unit(meta)
        )
    template = entry["ratios"] if logged and "ratios" in entry else entry["sentence"]
    return str(template.format(**fields))


def _unit(analyte: Analyte, statistic: str) -> str:
    kind = BY_NAME[statistic].kind
    if kind == "ratio" and analyte.by_difference:
        kind = "change"
    scale = f"log2({analyte.unit})" if analyte.log else analyte.unit
    units = {"level": scale, "change": scale, "rate": f"{scale}/d", "hours": "h"}
    return units.get(kind, {"ratio": "log2 ratio", "per_day": "1/d"}.get(kind, "1"))


def _description(section: str, entry: str) -> str:
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
    """Unit without logarithm and without ``/d``, as the sentence of a rate has 'per day'."""
    unit = meta.unit.removesuffix("/d") if meta.section == "series" else meta.unit
    if unit.startswith("log2("):
        unit = unit.removeprefix("log2(").removesuffix(")")
    plain = unit.replace("/{", "/").replace("{", " ").replace("}", "").replace("_", " ")
    return plain.replace("10*", "10^").strip()


def _quantity(value: float, unit: str) -> str:
    number = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return number if unit in ("", "1") else f"{number} {unit}"
