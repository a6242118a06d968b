"""Feature names by one grammar, and what each name means.

``<subject>__<statistic>`` with an optional window: ``il6__max_72h``, ``state_crs__grade``,
``treat_corticosteroid__n_doses``, ``host__age_years``, ``product__axi_cel``, ``time__hours``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.cohort.analytes import Analyte
from pipeline.features.statistics import BY_NAME, MEASUREMENT, WINDOWED
from pipeline.resources import schema_yaml

_NAME = re.compile(r"^(?P<subject>[a-z][a-z0-9]*(?:_[a-z0-9]+)*)__(?P<rest>[a-z0-9_]+(?:\.\d+h)?)$")
_WINDOW = re.compile(rf"^(?P<statistic>{'|'.join(WINDOWED)})_(?P<hours>\d+(?:\.\d+)?)h$")


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
    words = f"{analyte.short}: {_words('series', statistic)}"
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


def _unit(analyte: Analyte, statistic: str) -> str:
    kind = BY_NAME[statistic].kind
    scale = f"log2({analyte.unit})" if analyte.log else analyte.unit
    units = {"level": scale, "change": scale, "rate": f"{scale}/d", "hours": "h"}
    return units.get(kind, {"ratio": "log2 ratio", "per_day": "1/d"}.get(kind, "1"))


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
        words=f"{label}: {_words(group, entry)}",
        analyte="",
        label=label,
        section=group,
        entry=entry,
    )


def _words(section: str, entry: str) -> str:
    return str(schema_yaml("feature_words.yaml")[section][entry]["words"])
