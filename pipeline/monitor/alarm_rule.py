"""The rule for alarms, and the result of one comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.config import MonitorConfig
from pipeline.monitor.drift import share_p

_TAIL = 10  # draws expected beyond the level


@dataclass(frozen=True)
class Comparison:
    """One comparison of a batch with training.

    Attributes
    ----------
    kind : str
        Key of ``data_schema/monitor.yaml``.
    subject, name : str
        Key and name of the analyte or outcome; empty for the whole batch.
    n : int
        Patients compared.
    expected, observed : float
        Shares, or numbers for ``shift`` and ``outcome``.
    p : float or None
        Probability of a difference at least as large if nothing has changed; None if there are
        too few patients.
    alarm : bool
    details : dict
        Other values of the sentence.
    """

    kind: str
    subject: str
    name: str
    n: int
    expected: float
    observed: float
    p: float | None
    alarm: bool
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AlarmRule:
    """Thresholds of alarms, with the rate of false alarms divided among the comparisons."""

    config: MonitorConfig
    tests: int

    @property
    def level(self) -> float:
        """Bonferroni: the rate of false alarms of a run, divided by the number of comparisons."""
        return self.config.false_alarm_rate / self.tests

    @property
    def draws(self) -> int:
        """Number of draws that resolves a probability as small as the level."""
        return int(np.ceil(_TAIL / self.level))

    def share(
        self,
        kind: str,
        subject: tuple[str, str],
        observed: tuple[int, int],
        training: tuple[float, float],
        *,
        upper: bool = False,
        times: int = 1,
        details: Mapping[str, Any] | None = None,
    ) -> Comparison:
        """Compare a share.

        Parameters
        ----------
        kind : str
            Key of ``data_schema/monitor.yaml``.
        subject : tuple of str
            Key and name of the analyte, or two blanks.
        observed : tuple of int
            Count, and number of patients.
        training : tuple of float
            Expected share, and its number of training patients.
        upper : bool
            Whether only a larger share is an alarm.
        times : int
            Number of shares from which this one was selected.
        details : mapping, optional
            Other values of the sentence.

        Returns
        -------
        Comparison

        Examples
        --------
        >>> rule = AlarmRule(MonitorConfig(), tests=8)
        >>> figure = rule.share("missing", ("crp", "CRP"), (18, 20), (0.1, 200))
        >>> figure.observed, figure.alarm
        (0.9, True)
        """
        (count, n), (expected, patients) = observed, training
        share = count / n if n else np.nan
        p = None
        if n >= self.config.min_patients:
            p = min(1.0, times * share_p(count, n, expected, patients, upper=upper))
        gap = share - expected if upper else abs(share - expected)
        alarm = p is not None and p <= self.level and gap >= self.config.share_change
        values = {"count": count, **(details or {})}
        return Comparison(kind, *subject, n, expected, share, p, alarm, values)
