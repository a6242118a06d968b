"""Why, in sentences: one per lab, what speaks against an estimate, and which syndrome it tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cohort.analytes import Analyte
from pipeline.explain.drug_caveats import caveats, drug_names
from pipeline.explain.estimates import Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import (
    age_text,
    pathway_name,
    phrase,
    points_text,
    section,
    value_text,
    whole,
)
from pipeline.explain.reference_range import with_own_range
from pipeline.explain.result_changes import change_text, direction_reasons, range_text, reason
from pipeline.features.score_definitions import PREFIX, score_label, scores
from pipeline.format import joined

MOST_LABS = 6
OLD_HOURS = 48.0
_FILL_TO = 3
_LOWERING = 2
_MOST_AGAINST = 2
_APART = 1.0  # points between two outcomes


@dataclass(frozen=True)
class LabSentence:
    """One lab in words; ``text`` says what it is, ``effect`` what it does to the estimates."""

    analyte: str
    text: str
    effect: str
    points: float


def lab_sentences(
    record: PatientRecord, estimates: Sequence[Estimate], facts: ModelSummary
) -> list[LabSentence]:
    """The labs that move any estimate most, at most six, strongest first; then all others as one.

    Labs that move an estimate by less than a point are told only up to three in all. Of those that
    lower an estimate by a point or more at least two are told, be they weaker than others.
    """
    strength = {
        key: max(abs(item.players.get(key, 0.0)) for item in estimates)
        for key in facts.analytes
        if estimates and len(record.series(key))
    }
    order = sorted(strength, key=lambda key: (-strength[key], key))
    count = sum(whole(value) > 0 for value in strength.values())
    lowering = [
        key for key in order if any(whole(-item.players.get(key, 0.0)) > 0 for item in estimates)
    ]
    told = _with_lowering(order[: min(MOST_LABS, max(count, _FILL_TO))], lowering)
    found = [
        LabSentence(
            key,
            lab_text(record, facts.analytes[key]),
            effect_text(
                [(item.short, item.players.get(key, 0.0)) for item in estimates],
                direction_reasons([reason(key, item, record, facts) for item in estimates]),
            ),
            strength[key],
        )
        for key in order
        if key in told
    ]
    rest = [key for key in order if key not in told]
    if rest:
        most = max(strength[key] for key in rest)
        words = phrase(
            "labs",
            "rest" if len(rest) > 1 else "rest_one",
            count=len(rest),
            most=points_text(most),
        )
        sums = [(item.short, sum(item.players.get(key, 0.0) for key in rest)) for item in estimates]
        found.append(LabSentence("", words, effect_text(sums), most))
    return found


def _with_lowering(told: list[str], lowering: Sequence[str]) -> set[str]:
    """Labs to tell, of which some give way to the strongest that lower an estimate."""
    wanted = [key for key in lowering[:_LOWERING] if key not in told]
    spare = [key for key in told if key not in lowering]
    dropped = spare[max(0, len(spare) - len(wanted)) :]
    return (set(told) - set(dropped)) | set(wanted[: len(dropped)])


def lab_text(record: PatientRecord, analyte: Analyte, *, brief: bool = False) -> str:
    """The newest result of an analyte: value, time, change, usual range and caveats."""
    series = record.series(analyte.key)
    newest = series.iloc[-1]
    collected = float(newest["collected_hours"])
    age = record.hours - collected
    value = value_text(float(newest["value"]), float(newest["side"]), analyte.unit)
    parts = [
        phrase(
            "labs",
            "value_brief" if brief else "value",
            analyte=analyte.short,
            value=value,
            when=record.clock.words(collected),
        ),
        phrase("labs", "old", age=age_text(age)) if age > OLD_HOURS else "",
        change_text(series, by_difference=analyte.by_difference, brief=brief),
    ]
    if not brief:
        parts.append(
            range_text(
                float(newest["value"]), float(newest["side"]), with_own_range(analyte, record)
            )
        )
        parts += caveats(record.doses, analyte.key, collected)
    return ", ".join(part for part in parts if part)


def effect_text(effects: Sequence[tuple[str, float]], reasons: Sequence[str] = ()) -> str:
    """What a factor does to each estimate, with an arrow beside the word.

    Parameters
    ----------
    reasons : sequence of str
        Why the effects are as they are.

    Examples
    --------
    >>> effect_text([("CRS", 6.2), ("ICANS", -1.4)])
    '▲ raises CRS by 6 points, ▼ lowers ICANS by 1 point'
    >>> effect_text([("CRS", 0.2)])
    'hardly changes the estimate'
    >>> effect_text([("CRS", -2.0), ("ICANS", 3.0)], ["because it is 41 h old"])
    '▲ raises ICANS by 3 points, ▼ lowers CRS by 2 points, because it is 41 h old'
    """
    said, told = [], list(dict.fromkeys(reason for reason in reasons if reason))
    for key, sign in (("effect_up", 1.0), ("effect_down", -1.0)):
        what = [
            phrase("labs", "effect_by", short=short, points=points_text(points))
            for short, points in effects
            if whole(sign * points) > 0
        ]
        if what:
            said.append(phrase("labs", key, what=", ".join(what)))
    return ", ".join([*said, *told]) if said else phrase("labs", "effect_small")


def opposing_sentences(
    record: PatientRecord, estimates: Sequence[Estimate], facts: ModelSummary
) -> list[list[str]]:
    """What speaks against each estimate, one or two factors each; said also where there is none."""
    found = []
    for item in estimates:
        risk = item.headline
        if risk is None:
            continue
        sign = 1.0 if risk.risk >= item.reference_risk else -1.0
        order = sorted(item.players, key=lambda key: sign * item.players[key])
        opposing = [key for key in order if whole(-sign * item.players[key]) > 0][:_MOST_AGAINST]
        if not opposing:
            found.append([phrase("against", "none", short=item.short)])
            continue
        told = [
            phrase(
                "against",
                "lowers" if sign > 0 else "raises",
                short=item.short,
                what=factor_text(key, record, facts),
                why=_why(key, item, record, facts),
                points=points_text(item.players[key]),
            )
            for key in opposing
        ]
        found.append(told)
    return found


def _why(key: str, item: Estimate, record: PatientRecord, facts: ModelSummary) -> str:
    """A reason to follow a sentence; blank where the factor is no lab or needs none."""
    if key not in facts.analytes or not len(record.series(key)):
        return ""
    return "".join(f", {words}" for words in direction_reasons([reason(key, item, record, facts)]))


def factor_text(key: str, record: PatientRecord, facts: ModelSummary) -> str:
    """A factor in a few words: a lab with its value, a score, or a group with what it holds."""
    if key.startswith(PREFIX):
        return score_label(scores()[key.removeprefix(PREFIX)])
    if key in facts.analytes and len(record.series(key)):
        return lab_text(record, facts.analytes[key], brief=True)
    words = str(section("groups").get(key, key))
    if key == "clinical_state":
        scales = dict.fromkeys(outcome.scale for outcome in facts.outcomes.values())
        grades = [
            f"{scale.upper()} {grade}"
            for scale in scales
            if (grade := record.current_grade(scale, facts.grade_valid_hours)) is not None
        ]
        return f"{words} ({', '.join(grades)})" if grades else words
    if key == "treatments" and len(record.doses):
        names = drug_names(record.doses)
        told = names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"]
        return f"{words} ({joined(told)})"
    return words


def contrast_sentence(estimates: Sequence[Estimate]) -> str:
    """What points to severe CRS rather than ICANS; blank unless both are estimated.

    A pathway is named for the outcome that it raises by a point or more, not for one that it only
    lowers less than the other.
    """
    by_name = {item.outcome: item for item in estimates if item.headline is not None}
    crs, icans = by_name.get("severe_crs"), by_name.get("icans")
    if crs is None or icans is None:
        return ""
    gaps = {
        name: crs.pathways.get(name, 0.0) - icans.pathways.get(name, 0.0)
        for name in dict.fromkeys((*crs.pathways, *icans.pathways))
    }
    first = _strongest(gaps, crs)
    second = _strongest({name: -gap for name, gap in gaps.items()}, icans)
    if first and second:
        return phrase("pathways", "contrast_both", first=first, second=second)
    if first or second:
        key = "contrast_first" if first else "contrast_second"
        return phrase("pathways", key, first=first, second=second)
    apart = any(abs(gap) >= _APART for gap in gaps.values())
    return "" if apart else phrase("pathways", "contrast_none")


def _strongest(gaps: dict[str, float], item: Estimate) -> str:
    """The two strongest pathways by name that raise an outcome; blank where there is none."""
    order = sorted(gaps, key=lambda name: -gaps[name])
    raising = [name for name in order if whole(item.pathways.get(name, 0.0)) > 0]
    named = [pathway_name(name) for name in raising if gaps[name] >= _APART][:2]
    return ", ".join(name[:1].lower() + name[1:] for name in named)
