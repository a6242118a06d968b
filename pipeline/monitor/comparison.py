"""Compares batches with the profile of the training cohort, and decides on alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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
from pipeline.monitor.alarm_rule import AlarmRule, Comparison
from pipeline.monitor.drift import chance_means, chance_psi, drawn_p, events_p, psi
from pipeline.monitor.observed_batch import ObservedBatch

_TESTS_PER_ANALYTE, _TESTS_PER_OUTCOME, _OTHER_TESTS = 6, 2, 2
_FEW_DRAWS, _RARE = 2_000, 0.005


def rule_of(bundle: Bundle, config: MonitorConfig) -> AlarmRule:
    """Rule for alarms; the number of comparisons depends only on the bundle.

    Parameters
    ----------
    bundle : Bundle
    config : MonitorConfig

    Returns
    -------
    AlarmRule

    Examples
    --------
    >>> from pipeline.model.bundle import empty_bundle
    >>> rule = rule_of(empty_bundle(), MonitorConfig(false_alarm_rate=0.01))
    >>> rule.tests, rule.level
    (8, 0.00125)
    """
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
    seen : ObservedBatch
    bundle : Bundle
    profile : Profile
        Aggregates of the training cohort.
    config : MonitorConfig
        Thresholds.
    followed : callable, optional
        Name of an outcome to a Series over ``seen.patients``: 1 or 0 for an event or none within
        the headline horizon, NaN if unknown.

    Returns
    -------
    list of Comparison

    Examples
    --------
    >>> from dataclasses import replace
    >>> from pipeline.model.bundle import empty_bundle
    >>> bundle, nothing = empty_bundle(), pd.DataFrame({"analyte": [], "day": []})
    >>> bundle = replace(bundle, config=bundle.config.model_copy(update={"outcomes": {}}))
    >>> profile = Profile({}, {}, {}, {"patients": 200, "refused": 10}, {}, {})
    >>> ids = [frozenset(map(str, range(n))) for n in (20, 12)]
    >>> refusals = Counter({("crp", "unit_refused"): 12})
    >>> seen = ObservedBatch(nothing, nothing, nothing, *ids, refusals, n_results=90)
    >>> [figure] = compare(seen, bundle, profile, bundle.config.monitor)
    >>> figure.kind, figure.expected, figure.observed, figure.alarm
    ('refused', 0.05, 0.6, True)
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
    """Name the commonest rejections by analyte and code.

    Parameters
    ----------
    lost : mapping of (str, str) to int
        Rejected rows by name of the analyte ("" if missing) and code.
    most : int
        Number of rejections to name.

    Returns
    -------
    str

    Examples
    --------
    >>> refusal_text({("crp", "unit_refused"): 4, ("", "required_blank"): 1})
    'unit_refused of crp (4 rows) and required_blank without an analyte (1 row)'
    >>> refusal_text({(name, "implausible"): 2 for name in ("crp", "il6", "ldh")})
    'most often implausible of crp (2 rows) and implausible of il6 (2 rows)'
    >>> refusal_text({(name, "implausible"): 1 for name in ("crp", "il6", "ldh")})
    'among them implausible of crp (1 row) and implausible of il6 (1 row)'
    >>> refusal_text({})
    'none of them in labs'
    """
    parts = []
    for name, code in sorted(lost, key=lambda item: (-lost[item], item))[:most]:
        of = f"of {shown(name)}" if name else "without an analyte"
        number = lost[name, code]
        parts.append(f"{code} {of} ({counted(number, 'row')})")
    lead = ""
    if len(lost) > most:
        lead = "most often " if max(lost.values()) > 1 else "among them "
    return lead + " and ".join(parts) or "none of them in labs"


def _whole(seen: ObservedBatch, profile: Profile, rule: AlarmRule) -> Iterator[Comparison]:
    lost = seen.refused_results()
    training = profile.refused["patients"]
    yield rule.share(
        "refused",
        ("", ""),
        (len(seen.refused_ids), len(seen.seen_ids)),
        (profile.refused["refused"] / training, training),
        upper=True,
        details={"reasons": refusal_text(lost)},
    )
    if profile.abstained and len(seen.patients):
        days = [_nearest(profile.abstained, day) for day in seen.patients["day"]]
        expected = float(np.mean([min(1.0, day["abstained"] / day["n"]) for day in days]))
        patients = float(np.mean([day["patients"] for day in days]))
        observed = int(seen.patients["abstained"].sum()), len(days)
        yield rule.share("abstained", ("", ""), observed, (expected, patients), upper=True)


def _results(
    patients: pd.DataFrame,
    recent: pd.DataFrame,
    nearest: Mapping[int, Day],
    subject: tuple[str, str],
    rule: AlarmRule,
    seed: int,
) -> Iterator[Comparison]:
    """Compare one analyte on the same days: missing, below, above, distribution."""
    key = subject[0]
    nothing = DayOfAnalyte(0, 0, 0)
    day = patients["day"].to_numpy()
    if not len(day) or not nearest:
        return
    known = {d: (item, item.analytes.get(key, nothing)) for d, item in nearest.items()}
    measured = {d: min(1.0, mine.measured / item.n) for d, (item, mine) in known.items()}
    trained = float(np.mean([known[d][0].patients for d in day]))
    missing = 1.0 - float(np.mean([measured[d] for d in day]))
    counts = (len(patients) - len(recent), len(patients))
    yield rule.share("missing", subject, counts, (missing, trained))
    days = recent["patient_id"].map(dict(zip(patients["patient_id"], day, strict=True))).to_numpy()
    usable = np.array([known[d][1].measured > 0 for d in days], dtype=bool)
    recent, days = recent.loc[usable], days[usable]
    if not len(days):
        return
    side, n = recent["side"].to_numpy(), len(days)
    trained = float(np.mean([measured[d] * known[d][0].patients for d in days]))
    for kind, sign in (("below", -1), ("above", 1)):
        shares = [min(1.0, getattr(known[d][1], kind) / known[d][1].measured) for d in days]
        observed = (int((side == sign).sum()), n)
        yield rule.share(kind, subject, observed, (float(np.mean(shares)), trained))
    grouped = np.array([len(known[d][1].edges) > 0 for d in days], dtype=bool)
    if grouped.any():
        value = recent["value"].to_numpy(dtype=float)[grouped]
        each = [known[d][1] for d in days[grouped]]
        yield _shift(value, each, trained, subject, rule, seed)


def _shift(
    value: Floats,
    days: list[DayOfAnalyte],
    patients: float,
    subject: tuple[str, str],
    rule: AlarmRule,
    seed: int,
) -> Comparison:
    """Compare the distribution of one analyte; ``patients`` is the number in training."""
    expected, observed = np.zeros(FIFTHS), np.zeros(FIFTHS)
    for number, day in zip(value, days, strict=True):
        share = np.asarray(day.counts, dtype=float) / sum(day.counts)
        fifth = np.minimum((FIFTHS * (np.cumsum(share) - share / 2)).astype(int), FIFTHS - 1)
        np.add.at(expected, fifth, share)
        observed[fifth[group_of(np.array([number]), day.edges)[0]]] += 1
    n = len(value)
    groups = expected > 0
    shares, counts = expected[groups] / n, observed[groups]
    index = float(psi(shares, counts))
    random = np.random.default_rng(seed)
    drawn = chance_psi(shares, n, patients, _FEW_DRAWS, random)
    chance = float(drawn.mean())
    large = index - chance >= rule.config.psi
    p = None
    if n >= rule.config.min_patients:
        p = drawn_p(index, drawn, upper=True)
        if large and p < _RARE:  # a small probability needs many draws
            drawn = chance_psi(shares, n, patients, rule.draws, random)
            p = drawn_p(index, drawn, upper=True)
    most = int(np.argmax(observed / n - expected / n))
    details = {
        "most": most,
        "most_share": float(observed[most] / n),
        "usual_share": float(expected[most] / n),
        "groups": [[float(e / n), int(f)] for e, f in zip(expected, observed, strict=True)],
    }
    alarm = p is not None and p <= rule.level and large
    return Comparison("shift", *subject, n, chance, index, p, alarm, details)


def _origin(
    seen: ObservedBatch, profile: Profile, subject: tuple[str, str], rule: AlarmRule
) -> Iterator[Comparison]:
    """Compare units and delays of one analyte, over the whole record."""
    key = subject[0]
    rows = seen.sources.loc[seen.sources["analyte"] == key]
    if key in profile.units and len(rows):
        patients, trained = rows["patient_id"].nunique(), profile.units[key]
        tally = rows.groupby("unit", sort=True)["patient_id"].nunique()
        counts = {str(unit): int(number) for unit, number in tally.items()}
        training = trained["patients"]
        known_units: Counter[str] = Counter()
        # older bundles have unnormalised spellings
        for spelling, number in trained["units"].items():
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
            details={"unit": unit or "no unit"},
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
            details={
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
    """Compare the mean risk on the same days, and later events with the predicted risks."""
    config, outcome = rule.config, bundle.config.outcomes[name]
    random = np.random.default_rng(bundle.config.seed)
    risk = patients[f"risk:{name}"]
    scored = patients.loc[risk.notna()]
    trained = profile.risks.get(name, {}).get("days", {})
    horizon = profile.risks.get(name, {}).get("horizon")
    subject = (name, outcome.label)
    if len(scored) and trained:
        days = [_nearest(trained, day) for day in sorted(scored["day"].unique())]
        counts = [int(n) for n in scored["day"].value_counts().sort_index()]
        drawn = chance_means(days, counts, _FEW_DRAWS, random)
        expected, observed = float(drawn.mean()), float(scored[f"risk:{name}"].mean())
        large = max(observed / expected, expected / observed) >= config.risk_ratio
        p = None
        if len(scored) >= config.min_patients:
            p = drawn_p(observed, drawn)
            if large and p < _RARE:
                p = drawn_p(observed, chance_means(days, counts, rule.draws, random))
        alarm = p is not None and p <= rule.level and large
        details = {"horizon": horizon, "base": float(scored[f"base:{name}"].mean())}
        yield Comparison("risk", *subject, len(scored), expected, observed, p, alarm, details)
    if followed is None or scored.empty:
        return
    label = followed(name)[scored.index]
    predicted = scored.loc[label.notna(), f"risk:{name}"].to_numpy(dtype=float)
    if not len(predicted):
        return
    events, expected = int(label.sum()), float(predicted.sum())
    p = events_p(events, predicted) if len(predicted) >= config.min_patients else None
    ratio = max(events, expected) / max(min(events, expected), 0.5)
    alarm = p is not None and p <= rule.level and ratio >= config.risk_ratio
    yield Comparison(
        "outcome", *subject, len(predicted), expected, events, p, alarm, {"horizon": horizon}
    )


def _nearest(table: Mapping[int, Any], day: float) -> Any:
    """Entry of a day, or of the nearest day in training."""
    return table[min(table, key=lambda known: (abs(known - day), known))]
