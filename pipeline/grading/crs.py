"""CRS grade by ASTCT 2019 (10.1016/j.bbmt.2018.12.758): fever, circulation and oxygen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.arrays import Bools, Floats
from pipeline.grading import grading_rules
from pipeline.grading.bedside_findings import Moments
from pipeline.grading.grading_rules import Verdict

_TOP = 4.0


_CANNULAS = ("nasal_cannula", "high_flow_nasal_cannula")


def grade_crs(
    moments: Moments, masked: Bools, antipyretic: Bools, febrile_before: Bools, together: float
) -> pd.DataFrame:
    """Grade every assessment.

    Parameters
    ----------
    moments : Moments
        Of the scale ``crs``.
    masked : ndarray of bool, shape (n,)
        Whether a previous drug can mask fever, so that fever is not required.
    antipyretic : ndarray of bool, shape (n,)
        Whether that drug reduces fever at this time.
    febrile_before : ndarray of bool, shape (n,)
        Whether a fever was charted earlier in this course.
    together : float
        Hours within which findings belong to one assessment.

    Returns
    -------
    DataFrame
        ``grade, domain, confidence, missing, note``; grade 5 is never derived, because bedside
        findings do not show the cause of a death.
    """
    rule = grading_rules.scale_rules("crs")
    verdict = Verdict(len(moments))
    temperature = moments.items["temperature_c"]
    unmeasured = np.isnan(temperature)
    febrile = temperature >= rule["fever_from"]
    fever = float(rule["fever"])
    verdict.domain(
        "fever",
        np.where(febrile, fever, 0.0),
        np.where(febrile | unmeasured, fever, 0.0),
        unmeasured,
    )
    _circulation(verdict, moments)
    _oxygen(verdict, moments)
    organ = np.maximum(verdict.low["hypotension"], verdict.low["hypoxia"])
    excused = masked | febrile_before
    # without fever, and without a reason for its absence, organ failure is neither CRS nor grade 0
    not_gradable = ~febrile & ~excused & (organ > 0)
    afebrile = ~febrile & ~unmeasured
    verdict.note("never_febrile", not_gradable & afebrile)
    carried_on = ~febrile & (organ > 0)
    verdict.note("fever_not_required", carried_on & masked & febrile_before)
    verdict.note("masked_never_febrile", carried_on & masked & ~febrile_before)
    verdict.note("fever_earlier", carried_on & ~masked & febrile_before)
    verdict.note("fever_hidden", afebrile & antipyretic & (verdict.most() == 0))
    verdict.note("two_values", moments.conflict)
    verdict.carried(moments.age, together)
    return verdict.table(not_gradable)


def _circulation(verdict: Verdict, moments: Moments) -> None:
    rule = grading_rules.scale_rules("crs")
    pressure = moments.items["hypotension"]
    unknown = np.isnan(pressure)
    by_pressure = _by_word(pressure, grading_rules.grades_in_order("crs", "hypotension"))
    pressors, vasopressins = moments.pressors, moments.vasopressins
    running = pressors + vasopressins > 0
    supported = np.where(pressors > 1, rule["several_vasopressors"], rule["one_vasopressor"])
    low_pressure = by_pressure > 0
    unstated = low_pressure & ~moments.pressors_stated
    least = np.where(running, supported, np.where(unknown, 0.0, by_pressure))
    worst = float(max(grading_rules.grades_in_order("crs", "hypotension")))
    most = np.where(unknown, np.where(moments.pressors_stated, worst, _TOP), by_pressure)
    most = np.where(unstated, _TOP, np.where(running, supported, most))
    verdict.domain("hypotension", least, most, unknown & ~running)
    verdict.missing["vasopressor"] = unstated
    verdict.note("vasopressin_alone", (vasopressins > 0) & (pressors == 0))
    verdict.note("vasopressor_unstated", unstated & ~moments.unstopped)
    verdict.note("vasopressor_end_unstated", moments.unstopped)
    verdict.note("none_beside_vasopressor", moments.none_with_drug)


def _oxygen(verdict: Verdict, moments: Moments) -> None:
    rule = grading_rules.scale_rules("crs")
    devices = grading_rules.words_in_order("oxygen_device")
    device = moments.items["oxygen_device"]
    flow = moments.items["oxygen_flow_l_min"]
    by_device = _by_word(device, grading_rules.grades_in_order("crs", "oxygen_device"))
    low, high = (float(rule["oxygen_device"][name]) for name in _CANNULAS)
    cannula, high_cannula = (device == devices.index(name) for name in _CANNULAS)
    fast = flow > rule["low_flow_up_to"]
    slow = (flow > 0) & ~fast
    bare = np.isnan(device) & ~np.isnan(flow)
    grade = by_device.copy()
    grade[cannula & fast] = high
    grade[high_cannula & slow] = low
    grade[bare] = np.where(fast, high, np.where(slow, low, 0.0))[bare]
    unknown = np.isnan(grade)
    verdict.domain(
        "hypoxia", np.where(unknown, 0.0, grade), np.where(unknown, _TOP, grade), unknown
    )
    verdict.note("flow_missing", cannula & np.isnan(flow))
    verdict.note("flow_contradicts_device", high_cannula & slow)
    verdict.note("flow_without_device", bare & (flow > 0))
    verdict.note("flow_zero", (by_device > 0) & (flow == 0))


def _by_word(code: Floats, grades: list[int]) -> Floats:
    """Grade of each category by its position; NaN where unknown."""
    table = np.array([*grades, np.nan])
    return table[np.where(np.isnan(code), len(grades), code).astype(np.intp)]
