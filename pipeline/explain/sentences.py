"""Sentences on each lab, on opposing findings, and on what favours CRS or ICANS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.cohort.analytes import Analyte
from pipeline.explain.drug_caveats import caveats, drug_names
from pipeline.explain.estimates import Estimate
from pipeline.explain.model_summary import ModelSummary
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.phrases import age_text, pathway_name, phrase, points_text, section, whole
from pipeline.explain.reference_range import with_own_range
from pipeline.explain.result_changes import change_text, direction_reasons, range_text, reason
from pipeline.explain.result_text import value_text
from pipeline.features.score_definitions import PREFIX, score_label, scores
from pipeline.format import joined

MOST_LABS = 6
OLD_HOURS = 48.0
_FILL_TO = 3
_LOWERING = 2
_MOST_AGAINST = 2
_MIN_GAP = 1.0  # points between two outcomes


@dataclass(frozen=True)
class LabSentence:
    """One lab: ``text`` describes the result, ``effect`` its effect on the estimates."""

    analyte: str
    text: str
    effect: str
    points: float


def lab_sentences(
    record: PatientRecord, estimates: Sequence[Estimate], summary: ModelSummary
) -> list[LabSentence]:
    """Sentences on the labs with the largest contributions, strongest first, then on the rest.

    At most six labs are listed. Labs of less than a point in every estimate are listed only up to
    a total of three. At least two labs that lower an estimate by a point or more are listed, even
    if others are stronger.
    """
    strength = {
        key: max(abs(item.players.get(key, 0.0)) for item in estimates)
        for key in summary.analytes
        if estimates and len(record.series(key))
    }
    order = sorted(strength, key=lambda key: (-strength[key], key))
    count = sum(whole(value) > 0 for value in strength.values())
    lowering = [
        key for key in order if any(whole(-item.players.get(key, 0.0)) > 0 for item in estimates)
    ]
    listed = _with_lowering(order[: min(MOST_LABS, max(count, _FILL_TO))], lowering)
    sentences = [
        LabSentence(
            key,
            lab_text(record, summary.analytes[key]),
            effect_text(
                [(item.short, item.players.get(key, 0.0)) for item in estimates],
                direction_reasons([reason(key, item, record, summary) for item in estimates]),
            ),
            strength[key],
        )
        for key in order
        if key in listed
    ]
    rest = [key for key in order if key not in listed]
    if rest:
        most = max(strength[key] for key in rest)
        text = phrase(
            "labs",
            "rest" if len(rest) > 1 else "rest_one",
            count=len(rest),
            most=points_text(most),
        )
        sums = [(item.short, sum(item.players.get(key, 0.0) for key in rest)) for item in estimates]
        sentences.append(LabSentence("", text, effect_text(sums), most))
    return sentences


def _with_lowering(listed: list[str], lowering: Sequence[str]) -> set[str]:
    """Listed labs, some of them replaced by the strongest that lower an estimate."""
    wanted = [key for key in lowering[:_LOWERING] if key not in listed]
    spare = [key for key in listed if key not in lowering]
    dropped = spare[max(0, len(spare) - len(wanted)) :]
    return (set(listed) - set(dropped)) | set(wanted[: len(dropped)])


def lab_text(record: PatientRecord, analyte: Analyte, *, brief: bool = False) -> str:
    """Describe the newest result of an analyte: value, time, change, usual range and caveats."""
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
    """Describe the effect of a factor on each estimate, with an arrow.

    Parameters
    ----------
    effects : sequence of (str, float)
        Short name of each outcome, and percentage points.
    reasons : sequence of str
        Reasons for the effects.

    Examples
    --------
    >>> effect_text([("CRS", 6.2), ("ICANS", -1.4)])
    '▲ raises CRS by 6 points, ▼ lowers ICANS by 1 point'
    >>> effect_text([("CRS", 0.2)])
    'hardly changes the estimate'
    >>> effect_text([("CRS", -2.0), ("ICANS", 3.0)], ["because it is 41 h old"])
    '▲ raises ICANS by 3 points, ▼ lowers CRS by 2 points, because it is 41 h old'
    """
    parts, distinct = [], list(dict.fromkeys(reason for reason in reasons if reason))
    for key, sign in (("effect_up", 1.0), ("effect_down", -1.0)):
        what = [
            phrase("labs", "effect_by", short=short, points=points_text(points))
            for short, points in effects
            if whole(sign * points) > 0
        ]
        if what:
            parts.append(phrase("labs", key, what=", ".join(what)))
    return ", ".join([*parts, *distinct]) if parts else phrase("labs", "effect_small")


def opposing_sentences(
    record: PatientRecord, estimates: Sequence[Estimate], summary: ModelSummary
) -> list[list[str]]:
    """One or two opposing factors of each estimate, or a sentence that there are none."""
    sentences = []
    for item in estimates:
        risk = item.headline
        if risk is None:
            continue
        sign = 1.0 if risk.risk >= item.reference_risk else -1.0
        order = sorted(item.players, key=lambda key: sign * item.players[key])
        opposing = [key for key in order if whole(-sign * item.players[key]) > 0][:_MOST_AGAINST]
        if not opposing:
            sentences.append([phrase("against", "none", short=item.short)])
            continue
        factors = [
            phrase(
                "against",
                "lowers" if sign > 0 else "raises",
                short=item.short,
                what=factor_text(key, record, summary),
                why=_why(key, item, record, summary),
                points=points_text(item.players[key]),
            )
            for key in opposing
        ]
        sentences.append(factors)
    return sentences


def _why(key: str, item: Estimate, record: PatientRecord, summary: ModelSummary) -> str:
    """Reason to append to a sentence; empty if the factor is not a lab or needs none."""
    if key not in summary.analytes or not len(record.series(key)):
        return ""
    return "".join(f", {text}" for text in direction_reasons([reason(key, item, record, summary)]))


def factor_text(key: str, record: PatientRecord, summary: ModelSummary) -> str:
    """Describe a factor briefly: a lab with its value, a score, or a group with its members."""
    if key.startswith(PREFIX):
        return score_label(scores()[key.removeprefix(PREFIX)])
    if key in summary.analytes and len(record.series(key)):
        return lab_text(record, summary.analytes[key], brief=True)
    name = str(section("groups").get(key, key))
    if key == "clinical_state":
        scales = dict.fromkeys(outcome.scale for outcome in summary.outcomes.values())
        grades = [
            f"{scale.upper()} {grade}"
            for scale in scales
            if (grade := record.current_grade(scale, summary.grade_valid_hours)) is not None
        ]
        return f"{name} ({', '.join(grades)})" if grades else name
    if key == "treatments" and len(record.doses):
        drugs = drug_names(record.doses)
        listed = drugs if len(drugs) <= 3 else [*drugs[:2], f"{len(drugs) - 2} more"]
        return f"{name} ({joined(listed)})"
    return name


def contrast_sentence(estimates: Sequence[Estimate]) -> str:
    """Describe what favours severe CRS over ICANS; empty unless both are estimated.

    A pathway is named only for an outcome that it raises by a point or more, not for one that it
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
    different = any(abs(gap) >= _MIN_GAP for gap in gaps.values())
    return "" if different else phrase("pathways", "contrast_none")


def _strongest(gaps: dict[str, float], item: Estimate) -> str:
    """Names of the two strongest pathways that raise an outcome; empty if there is none."""
    order = sorted(gaps, key=lambda name: -gaps[name])
    raising = [name for name in order if whole(item.pathways.get(name, 0.0)) > 0]
    named = [pathway_name(name) for name in raising if gaps[name] >= _MIN_GAP][:2]
    return ", ".join(name[:1].lower() + name[1:] for name in named)
