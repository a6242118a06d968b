"""Reading settings of a batch or another cohort: those of training, files and options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline import log
from pipeline.cohort.timestamps import zone
from pipeline.config import Config, Settings, reading_settings
from pipeline.config_cohort import READING, CohortConfig
from pipeline.format import joined


@dataclass(frozen=True)
class ReadingOptions:
    """Reading settings in use, and which of them differ from training.

    Attributes
    ----------
    settings : mapping
        The settings of ``cohort`` named in ``READING``, as JSON values.
    differs_from_training : tuple of str
        Names of the settings that differ from training.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    differs_from_training: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """The options in the form of ``run_summary.json`` and ``monitor.json``.

        Examples
        --------
        >>> reading = reading_options(CohortConfig(), CohortConfig(date_order="day_first"))
        >>> reading.summary()["differs_from_training"], reading.summary()["settings"]["date_order"]
        (['date_order'], 'day_first')
        """
        return {
            "settings": dict(self.settings),
            "differs_from_training": list(self.differs_from_training),
        }

    def differing(self) -> dict[str, Any]:
        """Settings that differ from training, with their values."""
        return {name: self.settings[name] for name in self.differs_from_training}


def reading_options(trained: CohortConfig, now: CohortConfig) -> ReadingOptions:
    """Compare the reading settings in use with those of training.

    Parameters
    ----------
    trained, now : CohortConfig

    Returns
    -------
    ReadingOptions

    Examples
    --------
    >>> now = CohortConfig(time_zone="UTC")
    >>> reading_options(CohortConfig(), now).differs_from_training
    ('time_zone',)
    """
    before, after = trained.model_dump(mode="json"), now.model_dump(mode="json")
    return ReadingOptions(
        {name: after[name] for name in READING},
        tuple(name for name in READING if after[name] != before[name]),
    )


def with_reading(
    config: Config,
    settings: Settings,
    time_zone: str | None,
    *,
    command: str,
    sections: Sequence[str] = (),
) -> Config:
    """Settings of a bundle, overridden by stated reading settings and the zone.

    A warning names stated settings that are not used.

    Parameters
    ----------
    config : Config
        Of the bundle.
    settings : Config, mapping, path, sequence of paths or None
        As in :func:`pipeline.config.as_config`.
    time_zone : str or None
        ``--tz``; overrides ``settings``.
    command : str
        Name of the command, for the warning.
    sections : sequence of str
        Other sections of the files that the command uses.

    Returns
    -------
    Config

    Raises
    ------
    UsageError
        If a file is missing, or holds an unknown key or illegal value, or the zone is unknown.

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> stated = {"cohort": {"date_order": "day_first"}}
    >>> with_reading(load_config(), stated, "UTC", command="predict").cohort.date_order
    'day_first'
    """
    cohort, unused = reading_settings(config, settings)
    unused = tuple(name for name in unused if name not in sections)
    if unused:
        log.warn(
            f"the settings {joined(list(unused))} are not used: they are fixed in training. "
            f"{command} uses only reading settings (cohort: {', '.join(READING)})"
            f"{_sections_text(sections)}"
        )
    if time_zone is not None:
        zone(time_zone)
        cohort = cohort.model_copy(update={"time_zone": time_zone})
    return config.model_copy(update={"cohort": cohort})


def _sections_text(sections: Sequence[str]) -> str:
    return f" and {joined(list(sections))}" if sections else ""
