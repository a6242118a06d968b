"""ICANS grade by ASTCT 2019 (10.1016/j.bbmt.2018.12.758): ICE or CAPD, and four more domains."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.arrays import Bools, Floats
from pipeline.grading import grading_rules
from pipeline.grading.bedside_findings import Moments
from pipeline.grading.grading_rules import Verdict
from pipeline.resources import schema_yaml

ICE_PARTS = ("ice_orientation", "ice_naming", "ice_command", "ice_writing", "ice_attention")
_FINDINGS = {"seizure": "seizure", "motor": "motor_deficit", "edema": "cerebral_edema"}
_TOP = 4.0


def grade_icans(moments: Moments, child: Bools, together: float) -> pd.DataFrame:
    """Grade every assessment; the worst domain wins.

    Parameters
    ----------
    moments : Moments
        Of the scale ``icans``.
    child : ndarray of bool, shape (n,)
        Whether CAPD applies: young age or developmental delay.
    together : float
        Hours within which findings belong to one assessment.

    Returns
    -------
    DataFrame
        ``grade, domain, confidence, missing, note``.
    """
    verdict = Verdict(len(moments))
    levels = grading_rules.words_in_order("consciousness")
    state = moments.items["consciousness"]
    sedated = state == levels.index(grading_rules.SEDATED)
    arousal = np.where(sedated, np.nan, state)
    coma = arousal == levels.index("unarousable")
    least, most = _ice_range(moments)
    capd = moments.items["capd_score"]
    by_capd = ~np.isnan(capd) & (child | np.isnan(most))
    cognition = _cognition(least, most, capd, by_capd)
    untested = np.isnan(cognition[0]) | sedated
    # the score gives at most grade 3; grade 4 requires an unarousable patient
    worst = max(grading_rules.scale_rules("icans")["ice"].values())
    verdict.domain(
        "ice",
        np.where(untested, 0.0, cognition[0]),
        np.where(untested, float(worst), cognition[1]),
        untested,
    )
    ice = ~by_capd & ~sedated & ~np.isnan(least)
    _consciousness(verdict, arousal, ice & (least > 0), ice & (least >= _full()))
    _findings(verdict, moments)
    fresh = ice & (moments.age["ice"] < together)
    unstated = np.isnan(arousal) & ~sedated
    verdict.note("ice_zero_awake", fresh & (most == 0) & (arousal < levels.index("unarousable")))
    verdict.note("ice_zero_unknown", ice & (most == 0) & unstated)
    verdict.note("ice_ten_alone", ice & (least >= _full()) & unstated)
    verdict.note("ice_while_unarousable", fresh & (least > 0) & coma)
    verdict.note("coma_without_ice", coma & (untested | ~fresh) & ~by_capd)
    verdict.note("ice_parts_missing", ice & (least < most))
    verdict.note("ice_differs", ice & _differs(moments))
    verdict.note("child_by_ice", ice & child)
    verdict.note("capd_beyond_age", by_capd & ~child)
    verdict.note("sedated", sedated)
    verdict.note("two_values", moments.conflict)
    verdict.carried(moments.age, together)
    return verdict.table(np.zeros(len(moments), dtype=bool))


def _full() -> float:
    return float(schema_yaml("observations.yaml")["items"]["ice_score"]["range"][1])


def _parts(moments: Moments) -> tuple[Floats, Floats, Bools]:
    """Lowest and highest sum of the five parts, and whether any is known."""
    items = schema_yaml("observations.yaml")["items"]
    points = np.stack([moments.items[name] for name in ICE_PARTS])
    most = np.array([float(items[name]["range"][1]) for name in ICE_PARTS])[:, None]
    unknown = np.isnan(points)
    lowest = np.where(unknown, 0.0, points).sum(axis=0)
    highest = np.where(unknown, most, points).sum(axis=0)
    return lowest, highest, np.asarray(~unknown.all(axis=0))


def _ice_range(moments: Moments) -> tuple[Floats, Floats]:
    """Lowest and highest possible ICE score; NaN where none was charted."""
    score = moments.items["ice_score"]
    lowest, highest, some = _parts(moments)
    by_parts = np.where(some, lowest, np.nan), np.where(some, highest, np.nan)
    least = np.where(np.isnan(score), by_parts[0], score)
    most = np.where(np.isnan(score), by_parts[1], np.fmin(score, by_parts[1]))
    return np.minimum(least, most), most


def _differs(moments: Moments) -> Bools:
    score = moments.items["ice_score"]
    lowest, highest, some = _parts(moments)
    return np.asarray(some & ((score < lowest) | (score > highest)))


def _cognition(least: Floats, most: Floats, capd: Floats, by_capd: Bools) -> tuple[Floats, Floats]:
    """Lowest and highest grade of ICE or CAPD; NaN where neither was charted."""
    rule = grading_rules.scale_rules("icans")
    by_score = _from_score(capd, rule["capd"])
    low = np.where(by_capd, by_score, _from_score(most, rule["ice"]))
    high = np.where(by_capd, by_score, _from_score(least, rule["ice"]))
    return low, high


def _from_score(score: Floats, steps: Mapping[int, int]) -> Floats:
    """Grade of a score; ``steps`` maps the lowest score of a grade to the grade."""
    bounds = np.array(sorted(steps), dtype=float)
    grades = np.array([float(steps[int(bound)]) for bound in bounds])
    place = np.searchsorted(bounds, np.where(np.isnan(score), bounds[0], score), side="right") - 1
    return np.where(np.isnan(score), np.nan, grades[place])


def _consciousness(verdict: Verdict, arousal: Floats, performs: Bools, perfect: Bools) -> None:
    """Grade arousal; ICE points show an arousable patient, a full score an awake one."""
    grades = np.array([*grading_rules.grades_in_order("icans", "consciousness"), np.nan])
    place = np.where(np.isnan(arousal), len(grades) - 1, arousal).astype(np.intp)
    grade = grades[place]
    unknown = np.isnan(grade)
    most = np.where(perfect, 0.0, np.where(performs, _TOP - 1, _TOP))
    verdict.domain(
        "consciousness", np.where(unknown, 0.0, grade), np.where(unknown, most, grade), unknown
    )


def _findings(verdict: Verdict, moments: Moments) -> None:
    """Seizure, motor deficit and oedema; if not charted, read as none and reported as missing."""
    for domain, item in _FINDINGS.items():
        code = moments.items[item]
        unknown = np.isnan(code)
        grades = np.array(grading_rules.grades_in_order("icans", item), dtype=float)
        grade = np.where(unknown, 0.0, grades[np.where(unknown, 0, code).astype(np.intp)])
        verdict.domain(domain, grade, grade, unknown)
