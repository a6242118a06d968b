"""Patients that differ in kind, made by hand: nothing here depends on a fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.reject_summary import PatientRejects
from pipeline.config import OutcomeConfig
from pipeline.explain.estimate_inputs import EstimateInputs
from pipeline.explain.estimates import EarlierEstimate, Estimate, Risk
from pipeline.explain.infusion_clock import InfusionClock
from pipeline.explain.model_summary import DayAverage, ModelSummary, Validation
from pipeline.explain.patient_record import PatientRecord
from pipeline.explain.subsequent_events import SubsequentEvents
from pipeline.model.evaluation_cells import Difference, PerformanceCell
from pipeline.predict.measuring_effects import MeasuringEffect
from pipeline.predict.patient_results import Patient

MADE = datetime(2026, 11, 30, 6, 30, tzinfo=UTC)
ZERO = datetime(2026, 11, 19, 8, 0, tzinfo=timezone(timedelta(hours=1)))
HORIZONS = (24.0, 48.0, 72.0, 168.0)
OUTCOMES = {
    "severe_crs": OutcomeConfig(
        scale="crs", threshold=3, label="Severe CRS (ASTCT grade 3 or more)"
    ),
    "icans": OutcomeConfig(scale="icans", threshold=1, label="ICANS of any grade (ASTCT)"),
    "severe_icans": OutcomeConfig(
        scale="icans",
        threshold=3,
        label="Severe ICANS (ASTCT grade 3 or more)",
        shown_after="icans",
    ),
}
ANALYTES = [
    "crp",
    "ferritin",
    "il6",
    "d_dimer",
    "fibrinogen",
    "csf_serum_albumin",
    "nfl",
    "il1ra",
    "gm_csf",
    "ldh",
    "creatinine",
    "platelets",
    "albumin",
    "ifn_gamma",
    "il10",
    "ang2",
]
USUAL = {"severe_crs": 0.0698, "icans": 0.112, "severe_icans": 0.094}
TYPICAL = {"crp": 100.0, "ferritin": 2600.0, "d_dimer": 0.9, "csf_serum_albumin": 0.006}
GROWTH = (0.35, 0.7, 1.0, 1.5)


def validation(
    added: float | None = None, no_state: float | None = None, **figures: float | None
) -> Validation:
    """Figures of the displayed risk; lower ends of the added value and of AUROC without grades."""
    return Validation(
        shown=PerformanceCell(**figures),
        no_state=PerformanceCell(auroc_lo=no_state),
        added=Difference(diff_lo=added),
    )


def facts(**changes: object) -> ModelSummary:
    """A model trained on 301 patients that was found to do well."""
    rates = {
        name: {
            f"{hours:g}": [
                {"day": float(day), "n": 301.0, "patients": 301.0, "rate": rate * grown}
                for day in range(1, 15)
            ]
            for hours, grown in zip(HORIZONS, GROWTH, strict=True)
        }
        for name, rate in USUAL.items()
    }
    figures = {"auroc": 0.81, "auroc_lo": 0.74, "auroc_hi": 0.87, "cal_slope": 1.04}
    whole = ModelSummary(
        name="cytocast",
        version="7",
        bundle_sha="3f9a1c20b7de" + "0" * 52,
        cohort="mini",
        synthetic=False,
        n_patients=301,
        event_patients={"severe_crs": 131, "icans": 148, "severe_icans": 61},
        products={"axi_cel": 170, "tisa_cel": 119, "cilta_cel": 12},
        outcomes=OUTCOMES,
        analytes={key: dictionary()[key] for key in ANALYTES},
        ranges=dict.fromkeys(ANALYTES, (0.01, 62000.0)) | {"csf_serum_albumin": (0.002, 0.012)},
        base_rates=rates,
        validation_kind="cross-validated",
        validation={
            "severe_crs": validation(**figures),
            "icans": validation(**{**figures, "auroc": None}),
        },
        horizon=72.0,
        level=0.8,
        stale_hours=48.0,
        grade_valid_hours=36.0,
        typical={name: {2: TYPICAL} for name in OUTCOMES},
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def record(
    patient_id: str,
    hours: float,
    labs: Mapping[str, Sequence[tuple[float, float] | tuple[float, float, int]]],
    *,
    doses: Sequence[tuple[str, float]] = (),
    grades: Sequence[tuple[str, int, float]] = (),
    product: str = "axi-cel",
    clock: InfusionClock | None = None,
    later_doses: Sequence[tuple[str, float]] = (),
    later_grades: Sequence[tuple[str, int, float]] = (),
) -> PatientRecord:
    """A record from rows: labs as (hour, value[, side]), doses and grades as (what, ..., hour)."""
    rows = [
        (key, float(point[1]), point[2] if len(point) > 2 else 0, float(point[0]))
        for key, points in labs.items()
        for point in points
    ]
    return PatientRecord(
        patient_id,
        product,
        hours,
        InfusionClock(ZERO) if clock is None else clock,
        pd.DataFrame(rows, columns=["analyte", "value", "side", "collected_hours"]).astype(
            {"value": float, "side": int, "collected_hours": float, "analyte": "str"}
        ),
        _doses(doses),
        _grades(grades),
        later_doses=_doses(later_doses),
        later_grades=_grades(later_grades),
    )


def _doses(rows: Sequence[tuple[str, float]]) -> pd.DataFrame:
    types = {"drug": "str", "given_hours": float}
    return pd.DataFrame(list(rows), columns=list(types)).astype(types)


def _grades(rows: Sequence[tuple[str, int, float]]) -> pd.DataFrame:
    types = {"scale": "str", "grade": int, "assessed_hours": float}
    return pd.DataFrame(list(rows), columns=list(types)).astype(types)


def estimate(
    outcome: str,
    risk: float,
    players: Mapping[str, float],
    *,
    day: int = 2,
    past: Sequence[tuple[float, float]] = (),
    before: Mapping[str, float] | None = None,
    spread: float = 0.4,
    state_used: bool = True,
) -> Estimate:
    """An estimate whose points lead from its reference to ``risk``.

    ``before``: points of the newest of the earlier estimates.
    """
    config = OUTCOMES[outcome]
    pathways: dict[str, float] = {}
    for key, points in players.items():
        group = dictionary()[key].pathway if key in dictionary() else key
        pathways[group] = pathways.get(group, 0.0) + points
    risks = [
        Risk(
            hours,
            min(risk * grown, 0.999),
            max(risk * grown * (1 - spread), 0.0),
            min(risk * grown * (1 + spread), 1.0),
            DayAverage(day, USUAL[outcome] * grown, 301, False),
            risk / USUAL[outcome],
        )
        for hours, grown in zip(HORIZONS, GROWTH, strict=True)
    ]
    return Estimate(
        outcome,
        config.label,
        config.scale,
        config.threshold,
        "ok",
        "",
        72.0,
        tuple(risks),
        players,
        pathways,
        risk - sum(players.values()) / 100,
        state_used,
        tuple(
            _past(at, value, before if before and at == max(past)[0] else {}) for at, value in past
        ),
    )


def _past(at: float, risk: float, players: Mapping[str, float]) -> EarlierEstimate:
    start = risk - sum(players.values()) / 100 if players else math.nan
    return EarlierEstimate(at, risk, risk * 0.6, min(1.0, risk * 1.4), players, start)


def soon_after(patient: Patient) -> datetime:
    """When a page is made right after the estimate; ``MADE`` where its moment is unknown."""
    at = (
        None
        if math.isnan(patient.record.hours)
        else patient.record.clock.moment(patient.record.hours)
    )
    return MADE if at is None else at.astimezone(UTC) + timedelta(minutes=18)


def without(outcome: str, status: str, reason: str = "") -> Estimate:
    """An outcome without an estimate."""
    config = OUTCOMES[outcome]
    return Estimate(outcome, config.label, config.scale, config.threshold, status, reason, 72.0)


def rising_crs() -> Patient:
    labs = {
        "crp": [(-20, 4), (4, 6), (23, 22), (46.1, 59), (70.2, 184)],
        "ferritin": [(-20, 420), (23, 1900), (46.1, 4100), (70.2, 8400)],
        "il6": [(-20, 2, -1), (23, 88), (46.1, 210), (70.2, 640)],
        "fibrinogen": [(-20, 390), (23, 310), (58.2, 226), (70.2, 140)],
        "d_dimer": [(30.0, 1.1)],
        "platelets": [(-20, 120), (23, 90), (46.1, 61), (70.2, 40)],
    }
    grades = [("crs", 0, 12), ("icans", 0, 12), ("crs", 1, 40), ("crs", 2, 64), ("icans", 0, 64)]
    crs = estimate(
        "severe_crs",
        0.184,
        {"crp": 4.0, "il6": 2.2, "ferritin": 3.9, "fibrinogen": 1.7, "d_dimer": -1.6}
        | {"clinical_state": 2.4, "measurement": -1.1},
        past=[(23.2, 0.031), (47.2, 0.069)],
        before={"crp": 0.6, "il6": 0.9, "ferritin": 0.7, "d_dimer": -1.2, "clinical_state": 0.8},
    )
    icans = estimate(
        "icans",
        0.149,
        {"crp": 0.4, "ferritin": 2.8, "platelets": 1.4, "clinical_state": -1.2, "measurement": 0.3},
        past=[(23.2, 0.06), (47.2, 0.151)],
    )
    person = record("P-0042", 71.2, labs, grades=grades)
    return Patient(person, EstimateInputs(1.0), (crs, icans))


def icans_only() -> Patient:
    """Low CRS risk, high ICANS risk, a product that training hardly saw, grades unknown."""
    labs = {
        "crp": [(20, 61), (44, 33), (68, 14), (92, 6.1)],
        "nfl": [(-30, 18), (68, 96)],
        "csf_serum_albumin": [(70, 0.0142)],
        "gm_csf": [(68, 0.5, -1)],
        "ferritin": [(20, 900), (44, 1500), (68, 2100), (92, 2150)],
    }
    crs = estimate(
        "severe_crs", 0.006, {"crp": -1.2, "ferritin": 0.2, "time": 0.1}, day=3, state_used=False
    )
    icans = estimate(
        "icans",
        0.47,
        {"nfl": 14.2, "csf_serum_albumin": 9.1, "gm_csf": -2.3, "crp": -1.4, "ferritin": 1.1}
        | {"host_product": 3.0, "measurement": 4.4},
        day=3,
        past=[(69.5, 0.22)],
        state_used=False,
    )
    person = record("P-0107", 93.5, labs, product="cilta-cel")
    return Patient(person, EstimateInputs(1.5, out_of_range=("csf_serum_albumin",)), (crs, icans))


def icans_present() -> Patient:
    labs = {"crp": [(20, 60), (70, 150), (118, 90)], "ferritin": [(70, 9000), (118, 30000)]}
    grades = [
        ("crs", 1, 20),
        ("crs", 2, 44),
        ("icans", 0, 70),
        ("icans", 1, 98.5),
        ("icans", 2, 110),
    ]
    crs = estimate("severe_crs", 0.09, {"crp": 1.2, "ferritin": 1.9, "clinical_state": 1.0}, day=5)
    severe = estimate(
        "severe_icans", 0.31, {"ferritin": 8.0, "clinical_state": 12.4, "crp": -0.9}, day=5
    )
    person = record("P-0099", 120.0, labs, grades=grades, doses=[("dexamethasone", 99.5)])
    return Patient(person, EstimateInputs(2.0), (crs, without("icans", "event_present"), severe))


def after_tocilizumab() -> Patient:
    labs = {
        "crp": [(20, 160), (44, 210), (68, 120)],
        "il6": [(20, 300), (44, 900), (68, 5000, 1)],
        "il1ra": [(20, 900), (68, 21000)],
        "ferritin": [(20, 3000), (44, 7000), (68, 9100)],
    }
    doses = [("tocilizumab", 30.0), ("tocilizumab", 46.0), ("anakinra", 60.0)]
    doses += [("dexamethasone", hour) for hour in (47.0, 53.0, 59.0, 65.0)]
    grades = [("crs", 2, 28), ("crs", 2, 52), ("crs", 1, 66), ("icans", 0, 66)]
    crs = estimate(
        "severe_crs",
        0.052,
        {"il6": 1.6, "crp": -2.1, "ferritin": 1.1, "treatments": -2.4, "clinical_state": 2.0},
        past=[(45.9, 0.21)],
        before={"il6": 2.1, "crp": 3.9, "ferritin": 1.6, "treatments": 1.0, "clinical_state": 5.8},
    )
    icans = estimate("icans", 0.17, {"il1ra": 2.6, "ferritin": 2.9, "treatments": -1.3})
    person = record("P-0063", 69.9, labs, doses=doses, grades=grades)
    return Patient(
        person, EstimateInputs(1.9), (crs, icans), PatientRejects({"crp": 2, "nfl": 1}, rows=4)
    )


def tocilizumab_since() -> Patient:
    """As ``rising_crs``, with a dose after the estimate."""
    patient = rising_crs()
    hours = patient.record.hours + 0.2
    given = _doses([("tocilizumab", hours)])
    person = replace(patient.record, patient_id="P-0043", later_doses=given)
    return replace(patient, record=person, later=[SubsequentEvents("", 0, "tocilizumab", hours)])


def icans_resolved() -> Patient:
    """As ``icans_present``, with grade 0 again; one grade of each scale is unreadable."""
    patient = icans_present()
    grades = pd.concat([patient.record.grades, _grades([("icans", 0, 118.0)])], ignore_index=True)
    person = replace(patient.record, patient_id="P-0098", grades=grades)
    severe = estimate(
        "severe_icans", 0.02, {"ferritin": -3.0, "clinical_state": -4.4, "crp": -0.9}, day=5
    )
    estimates = (*patient.estimates[:2], severe)
    refused = PatientRejects(rows=3, grades={"crs": 1, "icans": 1, "cres": 1})
    return replace(patient, record=person, estimates=estimates, refused=refused)


def unknown() -> Patient:
    """An id of labs that is not in the patients table."""
    person = record("P-0600", float("nan"), {}, product="", clock=InfusionClock(None))
    found = tuple(without(name, "rejected", "unknown_patient") for name in ("severe_crs", "icans"))
    return Patient(person, None, found, PatientRejects({"crp": 1}, rows=1))


def icans_after_crs() -> Patient:
    """CRS has resolved, the risk of ICANS rises; NfL is missing and would change it."""
    labs = {
        "crp": [(20, 140), (44, 180), (68, 90), (92, 41), (116, 22)],
        "ferritin": [(20, 2100), (44, 6200), (68, 8100), (92, 9900), (116, 14200)],
        "ldh": [(44, 310), (68, 420), (92, 510), (116, 640)],
        "platelets": [(20, 88), (44, 60), (68, 41), (92, 28), (116, 19)],
        "ang2": [(116, 6100)],
    }
    grades = [("crs", 1, 20), ("crs", 2, 40), ("crs", 1, 70), ("crs", 0, 94), ("crs", 0, 116)]
    grades += [("icans", 0, hour) for hour in (20, 40, 70, 94, 116)]
    crs = estimate(
        "severe_crs", 0.02, {"crp": -3.1, "clinical_state": -2.2, "ferritin": 0.9}, day=4
    )
    icans = estimate(
        "icans",
        0.34,
        {"ferritin": 8.6, "platelets": 5.1, "ldh": 4.2, "ang2": 3.3, "crp": -2.4}
        | {"measurement": 2.1, "host_product": 1.3},
        day=4,
        past=[(69.2, 0.14), (93.2, 0.21)],
        before={"ferritin": 4.1, "platelets": 3.0, "ldh": 2.6, "crp": -1.0},
    )
    effect = MeasuringEffect("nfl", "icans", 0.24, 0.51)
    person = record("P-0071", 117.2, labs, grades=grades, doses=[("tocilizumab", 42.0)])
    return Patient(person, EstimateInputs(1.2), (crs, icans), measuring=effect)


def low_risk() -> Patient:
    """Everything normal: no finding moves an estimate by two points."""
    labs = {
        "crp": [(-20, 3), (20, 4), (44, 5), (68, 4)],
        "ferritin": [(-20, 210), (20, 240), (44, 260), (68, 250)],
        "platelets": [(-20, 190), (20, 170), (44, 165), (68, 168)],
        "ldh": [(20, 180), (44, 190), (68, 185)],
    }
    grades = [(scale, 0, hour) for hour in (12, 36, 60) for scale in ("crs", "icans")]
    crs = estimate("severe_crs", 0.011, {"crp": -1.9, "ferritin": -1.4, "clinical_state": -1.2})
    icans = estimate("icans", 0.03, {"ferritin": -3.1, "clinical_state": -2.3, "crp": -0.8})
    person = record("P-0005", 69.0, labs, grades=grades)
    return Patient(person, EstimateInputs(1.0), (crs, icans))


def nearly_no_labs() -> Patient:
    labs = {"platelets": [(10.0, 88)], "crp": [(-3.0, 4)]}
    crs = estimate("severe_crs", 0.061, {"measurement": -0.9, "crp": 0.1}, day=1)
    icans = estimate("icans", 0.1, {"measurement": -1.4, "platelets": 0.2}, day=1)
    person = record(
        "P-0200", 40.0, labs, product="", grades=[("crs", 0, 30)], clock=InfusionClock(None)
    )
    return Patient(person, EstimateInputs(30.0), (crs, icans))


def abstained() -> Patient:
    reason = "1 of the model's labs measured in the last 72 h, at least 2 needed"
    person = record(
        "P-0300", 100.0, {"crp": [(99.0, 12)]}, grades=[("crs", 1, 90), ("icans", 0, 90)]
    )
    found = (without("severe_crs", "abstained", reason), without("icans", "abstained", reason))
    return Patient(person, EstimateInputs(1.0), found)


def rejected() -> Patient:
    grades = [("crs", 1, 230.0), ("icans", 0, 230.0)]
    person = record("P-0400", float("nan"), {}, product="tisa-cel", grades=grades)
    found = (
        without("severe_crs", "rejected", "no_lab_rows"),
        without("icans", "rejected", "no_lab_rows"),
    )
    return Patient(person, None, found, PatientRejects({"crp": 3}, rows=3))


def crowded() -> Patient:
    """More of everything than any ward would send: the page must still fit."""
    labs = {
        key: [(12.0 * step, 7.0 * (number + 2) * 1.31 ** (step % 9)) for step in range(-3, 20)]
        for number, key in enumerate(ANALYTES)
    }
    drugs = [
        "tocilizumab",
        "siltuximab",
        "anakinra",
        "dexamethasone",
        "methylprednisolone",
        "ruxolitinib",
    ]
    doses = [
        (drug, 30.0 + 9 * place + 12 * step)
        for place, drug in enumerate(drugs)
        for step in range(9)
    ]
    grades = [(scale, step % 4, 12.0 * step) for step in range(1, 19) for scale in ("crs", "icans")]
    points = {key: 4.0 * (-0.8) ** place for place, key in enumerate(ANALYTES)}
    points |= {"clinical_state": 6.0, "treatments": -3.0, "host_product": 1.5, "measurement": 1.2}
    past = [(232.0 - 24 * step, 0.1 + 0.1 * step) for step in range(6, -1, -1)]
    then = points | {"clinical_state": -20.0, "measurement": -15.0, "treatments": 10.0}
    crs = estimate("severe_crs", 0.57, points, day=10, past=past, before=then, state_used=False)
    icans = estimate("icans", 0.63, points, day=10, past=past, before=then, state_used=False)
    person = record(
        "P-0500-with-a-long-pseudonym-of-a-registry",
        256.0,
        labs,
        doses=doses,
        grades=grades,
        product="a product that training has never met",
    )
    keys = tuple(ANALYTES)
    refused = PatientRejects({"crp": 12, "ferritin": 3, "il6": 1}, rows=20)
    return Patient(person, EstimateInputs(61.0, keys, keys), (crs, icans), refused)


KINDS = {
    function.__name__: function
    for function in (
        rising_crs,
        icans_only,
        icans_present,
        after_tocilizumab,
        nearly_no_labs,
        abstained,
        rejected,
        crowded,
    )
}
PAGES = KINDS | {
    function.__name__: function
    for function in (tocilizumab_since, icans_after_crs, low_risk, icans_resolved, unknown)
}
"""``KINDS``, and further patients of whom only the page is tested."""
