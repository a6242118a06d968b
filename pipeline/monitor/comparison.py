"""Compares watched batches with the profile of the training cohort, and says what is an alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.cohort.unit_spelling import normalise_unit
from pipeline.config import MonitorConfig
from pipeline.errors import shown
from pipeline.format import counted
from pipeline.model.bundle import Bundle
from pipeline.model.cohort_profile import FIFTHS, Day, DayOfAnalyte, Profile, first_delays, group_of
from pipeline.monitor.drift import chance_means, chance_psi, drawn_p, events_p, psi, share_p
from pipeline.monitor.observed_batch import ObservedBatch

_TESTS_PER_ANALYTE, _TESTS_PER_OUTCOME, _OTHER_TESTS = 6, 2, 2
_FEW_DRAWS, _TAIL, _RARE = 2_000, 10, 0.005


@dataclass(frozen=True)
class Comparison:
    """One comparison.

    Attributes
    ----------
    kind : str
        Key of ``data_schema/monitor.yaml``.
    subject, name : str
        Analyte or outcome, and how it is called; empty where it is about the whole batch.
    n : int
        Patients compared.
    expected, found : float
        Shares, or numbers for ``shift`` and ``outcome``.
    p : float or None
        Chance of so large a difference if nothing has changed; None below the least number.
    alarm : bool
    facts : dict
        What else the sentence names.
    """

    kind: str
    subject: str
    name: str
    n: int
    expected: float
    found: float
    p: float | None
    alarm: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AlarmRule:
    """Thresholds, and the chance of a false alarm that each comparison may take."""

    config: MonitorConfig
    tests: int

    @property
    def level(self) -> float:
        """Bonferroni: the rate of false alarms of a whole run, shared out evenly."""
        return self.config.false_alarm_rate / self.tests

    @property
    def draws(self) -> int:
        """Draws that can tell a probability as small as the level."""
        return int(np.ceil(_TAIL / self.level))

    def share(
        self,
        kind: str,
        subject: tuple[str, str],
        counts: tuple[int, int],
        usual: tuple[float, float],
        *,
        upper: bool = False,
        times: int = 1,
        facts: Mapping[str, Any] | None = None,
    ) -> Comparison:
        """Compare a share.

        Parameters
        ----------
        counts : tuple of int
            Found, and of how many.
        usual : tuple of float
            Expected share, and the training patients behind it.
        times : int
            Among how many such shares this one was chosen.
        """
        (found, n), (expected, patients) = counts, usual
        share = found / n if n else np.nan
        p = None
        if n >= self.config.min_patients:
            p = min(1.0, times * share_p(found, n, expected, patients, upper=upper))
        gap = share - expected if upper else abs(share - expected)
        alarm = p is not None and p <= self.level and gap >= self.config.share_change
        told = {"count": found, **(facts or {})}
        return Comparison(kind, *subject, n, expected, share, p, alarm, told)


def rule_of(bundle: Bundle, config: MonitorConfig) -> AlarmRule:
    """Thresholds for a bundle; how many comparisons there are depends on it alone."""
    analytes, outcomes = len(bundle.reference.spec.analytes), len(bundle.config.outcomes)
    tests = _TESTS_PER_ANALYTE * analytes + _TESTS_PER_OUTCOME * outcomes + _OTHER_TESTS
    return AlarmRule(config, tests)


def compare(
    seen: ObservedBatch,
    bundle: Bundle,
    profile: Profile,
    config: MonitorConfig,
    followed: Callable[[str], pd.Series] | None = None,
) -> list[Comparison]:
    """Compare batches with training.

    Parameters
    ----------
    followed : callable, optional
        Per outcome, whether it came within the headline horizon of each of ``seen.patients``.
    """
    rule = rule_of(bundle, config)
    figures = [*_whole(seen, profile, rule)]
    names = {item.key: item.name for item in bundle.reference.spec.analytes}
    nearest = {day: _nearest(profile.days, day) for day in seen.patients["day"].unique()}
    by_analyte = dict(tuple(seen.recent.groupby("analyte", sort=False)))
    for key, name in names.items():
        recent = by_analyte.get(key, seen.recent.iloc[:0])
        figures += _results(seen.patients, recent, nearest, (key, name), rule, bundle.config.seed)
        figures += _origin(seen, profile, (key, name), rule)
    for outcome in bundle.config.outcomes:
        figures += _outcome(seen.patients, bundle, profile, outcome, rule, followed)
    return figures


def refusal_text(lost: Mapping[tuple[str, str], int], most: int = 2) -> str:
    """Commonest refusals by name of the analyte and code.

    Examples
    --------
    >>> refusal_text({("crp", "unit_refused"): 4, ("", "required_blank"): 1})
    'unit_refused of crp (4 rows) and required_blank without a name of an analyte (1 row)'
    >>> refusal_text({(name, "implausible"): 2 for name in ("crp", "il6", "ldh")})
    'most often implausible of crp (2 rows) and implausible of il6 (2 rows)'
    >>> refusal_text({(name, "implausible"): 1 for name in ("crp", "il6", "ldh")})
    'among them implausible of crp (1 row) and implausible of il6 (1 row)'
    >>> refusal_text({})
    'none of them in labs'
    """
    told = []
    for name, code in sorted(lost, key=lambda item: (-lost[item], item))[:most]:
        of = f"of {shown(name)}" if name else "without a name of an analyte"
        number = lost[name, code]
        told.append(f"{code} {of} ({counted(number, 'row')})")
    lead = ""
    if len(lost) > most:
        lead = "most often " if max(lost.values()) > 1 else "among them "
    return lead + " and ".join(told) or "none of them in labs"


def _whole(seen: ObservedBatch, profile: Profile, rule: AlarmRule) -> Iterator[Comparison]:
    lost = seen.refused_results()
    training = profile.refused["patients"]
    yield rule.share(
        "refused",
        ("", ""),
        (len(seen.refused_ids), len(seen.seen_ids)),
        (profile.refused["refused"] / training, training),
        upper=True,
        facts={"reasons": refusal_text(lost)},
    )
    if profile.abstained and len(seen.patients):
        days = [_nearest(profile.abstained, day) for day in seen.patients["day"]]
        expected = float(np.mean([min(1.0, day["abstained"] / day["n"]) for day in days]))
        behind = float(np.mean([day["patients"] for day in days]))
        found = int(seen.patients["abstained"].sum())
        usual = (expected, behind)
        yield rule.share("abstained", ("", ""), (found, len(days)), usual, upper=True)


def _results(
    patients: pd.DataFrame,
    recent: pd.DataFrame,
    nearest: Mapping[int, Day],
    subject: tuple[str, str],
    rule: AlarmRule,
    seed: int,
) -> Iterator[Comparison]:
    """Missing, below, above and distribution of one analyte, against the same days."""
    key = subject[0]
    nothing = DayOfAnalyte(0, 0, 0)
    day = patients["day"].to_numpy()
    if not len(day) or not nearest:
        return
    known = {d: (item, item.analytes.get(key, nothing)) for d, item in nearest.items()}
    measured = {d: min(1.0, mine.measured / item.n) for d, (item, mine) in known.items()}
    behind = float(np.mean([known[d][0].patients for d in day]))
    missing = 1.0 - float(np.mean([measured[d] for d in day]))
    counts = (len(patients) - len(recent), len(patients))
    yield rule.share("missing", subject, counts, (missing, behind))
    days = recent["patient_id"].map(dict(zip(patients["patient_id"], day, strict=True))).to_numpy()
    usable = np.array([known[d][1].measured > 0 for d in days], dtype=bool)
    recent, days = recent.loc[usable], days[usable]
    if not len(days):
        return
    side, n = recent["side"].to_numpy(), len(days)
    behind = float(np.mean([measured[d] * known[d][0].patients for d in days]))
    for kind, sign in (("below", -1), ("above", 1)):
        usual = [min(1.0, getattr(known[d][1], kind) / known[d][1].measured) for d in days]
        found = (int((side == sign).sum()), n)
        yield rule.share(kind, subject, found, (float(np.mean(usual)), behind))
    parted = np.array([len(known[d][1].edges) > 0 for d in days], dtype=bool)
    if parted.any():
        value = recent["value"].to_numpy(dtype=float)[parted]
        each = [known[d][1] for d in days[parted]]
        yield _shift(value, each, behind, subject, rule, seed)


def _shift(
    value: Floats,
    days: list[DayOfAnalyte],
    behind: float,
    subject: tuple[str, str],
    rule: AlarmRule,
    seed: int,
) -> Comparison:
    expected, found = np.zeros(FIFTHS), np.zeros(FIFTHS)
    for number, day in zip(value, days, strict=True):
        share = np.asarray(day.counts, dtype=float) / sum(day.counts)
        fifth = np.minimum((FIFTHS * (np.cumsum(share) - share / 2)).astype(int), FIFTHS - 1)
        np.add.at(expected, fifth, share)
        found[fifth[group_of(np.array([number]), day.edges)[0]]] += 1
    n = len(value)
    groups = expected > 0
    shares, counts = expected[groups] / n, found[groups]
    index = float(psi(shares, counts))
    random = np.random.default_rng(seed)
    drawn = chance_psi(shares, n, behind, _FEW_DRAWS, random)
    chance = float(drawn.mean())
    large = index - chance >= rule.config.psi
    p = None
    if n >= rule.config.min_patients:
        p = drawn_p(index, drawn, upper=True)
        if large and p < _RARE:  # a small probability needs many draws
            drawn = chance_psi(shares, n, behind, rule.draws, random)
            p = drawn_p(index, drawn, upper=True)
    most = int(np.argmax(found / n - expected / n))
    facts = {
        "most": most,
        "most_share": float(found[most] / n),
        "usual_share": float(expected[most] / n),
        "groups": [[float(e / n), int(f)] for e, f in zip(expected, found, strict=True)],
    }
    alarm = p is not None and p <= rule.level and large
    return Comparison("shift", *subject, n, chance, index, p, alarm, facts)


def _origin(
    seen: ObservedBatch, profile: Profile, subject: tuple[str, str], rule: AlarmRule
) -> Iterator[Comparison]:
    """Units and delays of one analyte, over the whole record."""
    key = subject[0]
    rows = seen.sources.loc[seen.sources["analyte"] == key]
    if key in profile.units and len(rows):
        patients, usual = rows["patient_id"].nunique(), profile.units[key]
        tally = rows.groupby("unit", sort=True)["patient_id"].nunique()
        counts = {str(unit): int(number) for unit, number in tally.items()}
        training = usual["patients"]
        known_units: Counter[str] = Counter()
        for spelling, number in usual["units"].items():  # older bundles hold unnormalised spellings
            known_units[normalise_unit(spelling)] += number
        gaps = {u: n / patients - known_units[u] / training for u, n in counts.items()}
        unit = max(gaps, key=lambda item: gaps[item])
        yield rule.share(
            "units",
            subject,
            (counts[unit], patients),
            (min(1.0, known_units[unit] / training), training),
            upper=True,
            times=len(counts),
            facts={"unit": unit or "no unit"},
        )
    first = first_delays(rows)
    if key in profile.delays and len(first):
        known, hours = profile.delays[key], first["delay_hours"].to_numpy(dtype=float)
        yield rule.share(
            "delay",
            subject,
            (int((hours > known["slow_hours"]).sum()), len(hours)),
            (min(1.0, known["slow"] / known["patients"]), known["patients"]),
            upper=True,
            facts={
                "slow_hours": known["slow_hours"],
                "median": float(np.median(hours)),
                "usual_median": known["median"],
            },
        )


def _outcome(
    patients: pd.DataFrame,
    bundle: Bundle,
    profile: Profile,
    name: str,
    rule: AlarmRule,
    followed: Callable[[str], pd.Series] | None,
) -> Iterator[Comparison]:
    """Mean risk against the same days, and events that came later against the risks."""
    config, outcome = rule.config, bundle.config.outcomes[name]
    random = np.random.default_rng(bundle.config.seed)
    risk = patients[f"risk:{name}"]
    scored = patients.loc[risk.notna()]
    usual = profile.risks.get(name, {}).get("days", {})
    horizon = profile.risks.get(name, {}).get("horizon")
    subject = (name, outcome.label)
    if len(scored) and usual:
        days = [_nearest(usual, day) for day in sorted(scored["day"].unique())]
        asked = [int(n) for n in scored["day"].value_counts().sort_index()]
        drawn = chance_means(days, asked, _FEW_DRAWS, random)
        expected, found = float(drawn.mean()), float(scored[f"risk:{name}"].mean())
        large = max(found / expected, expected / found) >= config.risk_ratio
        p = None
        if len(scored) >= config.min_patients:
            p = drawn_p(found, drawn)
            if large and p < _RARE:
                p = drawn_p(found, chance_means(days, asked, rule.draws, random))
        alarm = p is not None and p <= rule.level and large
        facts = {"horizon": horizon, "base": float(scored[f"base:{name}"].mean())}
        yield Comparison("risk", *subject, len(scored), expected, found, p, alarm, facts)
    if followed is None or scored.empty:
        return
    label = followed(name)[scored.index]
    told = scored.loc[label.notna(), f"risk:{name}"].to_numpy(dtype=float)
    if not len(told):
        return
    events, predicted = int(label.sum()), float(told.sum())
    p = events_p(events, told) if len(told) >= config.min_patients else None
    ratio = max(events, predicted) / max(min(events, predicted), 0.5)
    alarm = p is not None and p <= rule.level and ratio >= config.risk_ratio
    yield Comparison(
        "outcome", *subject, len(told), predicted, events, p, alarm, {"horizon": horizon}
    )


def _nearest(table: Mapping[int, Any], day: float) -> Any:
    """Entry of a day, or of the nearest one that training knows."""
    return table[min(table, key=lambda known: (abs(known - day), known))]
