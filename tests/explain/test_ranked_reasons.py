"""One rule for reasons: no sentence, file or resource denies a bar, over 2,000 synthetic sets."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.explain.contributions import Contributions
from pipeline.explain.explanation_rows import top_reasons
from pipeline.explain.phrases import phrase, whole
from pipeline.explain.ranked_reasons import (
    LEAST_POINTS,
    MOST_BARS,
    is_substantial,
    largest_parts,
    rank_reasons,
)
from pipeline.explain.sentences import (
    estimate_reasons,
    favouring_players,
    player_name,
)
from pipeline.pages.waterfall_chart import waterfall
from pipeline.predict.risk_assessment import risk_assessments
from tests.pages.patients import ANALYTES, OUTCOMES, estimate, facts, record

N = 2000
GROUPS = ["clinical_state", "treatments", "host_product", "measurement", "score_m_easix"]
PLAYERS = (*ANALYTES, *GROUPS)
MODEL = facts(typical={name: {2: dict.fromkeys(ANALYTES[:8], 5.0)} for name in OUTCOMES})
NONE = phrase("against", "none")


def course(rng, place):
    """A patient with random labs, some at a limit, some old."""
    labs = {}
    for key in ANALYTES:
        count = rng.integers(1, 5)
        hours = np.sort(rng.uniform(-40, 71, count))
        values = rng.lognormal(1.5, 1.5, count)
        sides = rng.choice([0, 0, 0, -1, 1], count)
        labs[key] = list(zip(hours.tolist(), values.tolist(), sides.tolist(), strict=True))
    grades = [("crs", int(rng.integers(0, 3)), 60.0), ("icans", 0, 60.0)]
    return record(f"P{place}", 72.0, labs, grades=grades, doses=[("tocilizumab", 50.0)])


@pytest.fixture(scope="module")
def points():
    """Contributions to severe CRS and ICANS, of heavy tails and often close to two points."""
    rng = np.random.default_rng(19)
    drawn = rng.standard_t(2.5, (N, 2, len(PLAYERS))) * rng.choice([0.4, 1.0, 2.5], (N, 1, 1))
    drawn[rng.random(drawn.shape) < 0.05] = LEAST_POINTS
    drawn[rng.random(drawn.shape) < 0.3] = 0.0
    return np.clip(drawn, -25, 25)


@pytest.fixture(scope="module")
def cases(points):
    rng = np.random.default_rng(7)
    people = [course(rng, place) for place in range(25)]
    made = []
    for place, both in enumerate(points.tolist()):
        items = []
        for outcome, values in zip(("severe_crs", "icans"), both, strict=True):
            players = dict(zip(PLAYERS, values, strict=True))
            risk = min(0.999, max(0.001, 0.1 + sum(values) / 100))
            items.append(estimate(outcome, risk, players))
        made.append((people[place % len(people)], items))
    return made


def test_bars_are_the_largest_and_show_both_signs_where_both_are_large(points):
    for values in points.reshape(-1, len(PLAYERS)).tolist():
        ranked = rank_reasons(dict(zip(PLAYERS, values, strict=True)))
        shown = [value for _, value in ranked.bars]
        large = [value for value in values if abs(value) >= LEAST_POINTS]
        assert len(shown) == min(MOST_BARS, len(large))
        assert all(abs(value) >= LEAST_POINTS for value in shown)
        assert [abs(value) for value in shown] == sorted(map(abs, shown), reverse=True)
        assert {value > 0 for value in shown} == {value > 0 for value in large}
        assert sum(shown) + ranked.other == pytest.approx(sum(values))


def test_no_sentence_denies_a_bar(cases):
    denied = others = 0
    for person, items in cases:
        favours = favouring_players(items)
        for item in items:
            reasons = estimate_reasons(item, person, MODEL)
            bars = {bar.key: bar for bar in reasons.bars}
            up = item.headline.risk >= item.average
            opposing = [bar for bar in reasons.bars if (bar.points > 0) != up]
            # what argues against is every opposing row of the chart but the model's own average
            names = [bar.name for bar in opposing]
            if whole(abs(reasons.other)) >= LEAST_POINTS and (reasons.other > 0) != up:
                names.append(phrase("why", "other" if bars else "small"))
            if names:
                assert all(name in reasons.against for name in names)
                assert reasons.against.count("▲" if not up else "▼") == len(names)
                assert ("▲" if up else "▼") not in reasons.against
            else:
                assert reasons.against == (NONE if bars else "")
            others += bool(names) and not opposing
            if not opposing:
                denied += any(
                    abs(value) >= LEAST_POINTS and (value > 0) != up
                    for value in item.players.values()
                )
            # what favours an outcome raises it, and raises it more than the other
            other = items[1 - items.index(item)]
            for key in favours[item.outcome]:
                assert bars[key].points >= LEAST_POINTS
                assert bars[key].points - other.players[key] >= LEAST_POINTS
    assert denied == 0
    assert others > 10


def test_the_models_own_average_never_argues_against(cases):
    """Other findings of −1 with an own average of −1 or −5 oppose nothing."""
    item = cases[0][1][0]
    for own in (-1.0, -5.0):
        players = {"crp": 6.0, "nfl": -1.0}
        risk = item.average + (own + sum(players.values())) / 100
        shown = estimate("severe_crs", max(risk, item.average), players)
        shown = replace(shown, reference_risk=item.average + own / 100)
        reasons = estimate_reasons(shown, cases[0][0], MODEL)
        assert reasons.against == NONE
        assert reasons.offset == pytest.approx(own)
        assert reasons.other == pytest.approx(-1.0)


def test_other_findings_as_large_as_the_largest_bar_name_their_largest_parts(cases):
    named = 0
    for person, items in cases[:500]:
        for item in items:
            ranked, reasons = rank_reasons(item.players), estimate_reasons(item, person, MODEL)
            parts = largest_parts(item.players, ranked, reasons.other)
            largest = abs(ranked.bars[0][1]) if ranked.bars else LEAST_POINTS
            large = is_substantial(reasons.other) and whole(abs(reasons.other)) >= whole(largest)
            assert bool(reasons.parts) == bool(parts)
            assert large or not parts
            named += bool(parts)
            assert len(parts) <= 3
            bars = {key for key, _ in ranked.bars}
            rest = [
                value
                for key, value in item.players.items()
                if key not in bars and value * reasons.other > 0
            ]
            assert [value for _, value in parts] == sorted(rest, key=abs)[::-1][: len(parts)]
            assert all(player_name(key, MODEL) in reasons.parts for key, _ in parts)
    assert named > 10


def test_rows_of_the_waterfall_lead_from_the_average_to_the_risk(cases):
    for person, items in cases[:500]:
        for item in items:
            reasons = estimate_reasons(item, person, MODEL)
            total = sum(bar.points for bar in reasons.bars) + reasons.other + reasons.offset
            reached = 100 * item.average + total
            assert reached == pytest.approx(100 * item.reference_risk + sum(item.players.values()))
            rows = waterfall(item, reasons)
            assert [row.name for row in rows if row.kind == "step"] == [
                bar.name for bar in reasons.bars
            ]


def test_files_and_resources_name_the_same_bars(cases, points):
    newest = pd.DataFrame(
        [(0, "crp", 9.0, 0, 20.0)],
        columns=["landmark", "analyte", "value", "side", "collected_hours"],
    )
    spec = SimpleNamespace(analytes=list(MODEL.analytes.values()))
    risk = np.zeros((N, 2))
    result = Contributions(PLAYERS, PLAYERS, points, 0 * points, risk, risk)
    reasons = top_reasons(result, newest, spec)
    row = {
        "patient_id": "A", "landmark_hours": 36.0, "outcome": "icans", "horizon_h": 72.0,
        "landmark_at": "2026-03-02T08:00:00+00:00", "status": "ok", "risk": 0.2, "risk_lo": 0.1,
        "risk_hi": 0.3, "interval_level": 0.8, "base_rate": 0.1, "base_rate_n": 99.0,
        "ratio_to_base": 2.0, "model_name": "m", "model_version": "1", "bundle_sha": "ab",
    }  # fmt: skip
    rows = []
    for place, (_, items) in enumerate(cases):
        for side, item in enumerate(items):
            bars = rank_reasons(item.players).bars[:3]
            texts = [text for text in reasons[place, side] if text]
            assert len(texts) == len(bars)
            for text, (key, value) in zip(texts, bars, strict=True):
                verb = "raises" if value > 0 else "lowers"
                assert text.startswith(player_name(key, MODEL))
                assert f": {verb} the estimate by {whole(abs(value))} percentage points" in text
            if side:
                names = {f"top_{n + 1}": text for n, text in enumerate(reasons[place, side])}
                rows.append({**row, **names})
    resources = risk_assessments(pd.DataFrame(rows), OUTCOMES, synthetic=False)
    for known, resource in zip(rows, resources, strict=True):
        texts = [known[f"top_{n}"] for n in (1, 2, 3) if known[f"top_{n}"]]
        assert resource["prediction"][0].get("rationale", "") == " ".join(texts)


def test_a_lab_is_named_with_level_trend_or_peak_and_never_with_its_age_alone(cases):
    labelled = 0
    for person, items in cases[:500]:
        for item in items:
            for bar in estimate_reasons(item, person, MODEL).bars:
                if bar.key in MODEL.analytes:
                    labelled += 1
                    assert bar.driver
                    assert "h old" not in bar.driver
                    direction = MODEL.analytes[bar.key].direction.get(item.scale)
                    level = re.match(r"(above|below) day", bar.driver)
                    if level and direction:
                        high = (direction == "up") == (bar.points > 0)
                        assert level[1] == ("above" if high else "below")
    assert labelled > 100


def test_a_model_without_large_contributions_names_nothing(cases):
    person, items = cases[0]
    flat = replace(items[0], players=dict.fromkeys(PLAYERS, 1.9))
    assert estimate_reasons(flat, person, MODEL).bars == ()
