"""Derived grades of a cohort, combined and compared with charted ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.arrays import Bools, Floats
from pipeline.cohort.tables import Cohort
from pipeline.config_cohort import CohortConfig, GradingConfig
from pipeline.grading import grading_rules
from pipeline.grading.bedside_findings import Moments, assessments_of, newest_hours
from pipeline.grading.crs import grade_crs
from pipeline.grading.icans import grade_icans
from pipeline.resources import schema_yaml

DELAYED = "developmental_delay"
_TRUE = ("1", "true", "yes", "y")


def derive_grades(cohort: Cohort, config: GradingConfig | None = None) -> pd.DataFrame:
    """Grade CRS and ICANS at every assessment in the observations of a cohort.

    A grade has the hour of the newest observation it uses.

    Parameters
    ----------
    cohort : Cohort
        ``observations``, ``treatments`` and, for children, ``patients.age_years`` are used.
    config : GradingConfig, optional
        Default settings if omitted.

    Returns
    -------
    DataFrame
        ``patient, scale, assessed_hours, grade, domain, confidence, missing, note``, by patient,
        scale and time. ``grade`` is NaN if not gradable; ``domain`` lists the deciding domains;
        ``confidence`` is ``complete``, ``partial`` (the grade is a lower bound) or ``ambiguous``.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> fever = {"patient": 0, "item": "temperature_c", "value": "39", "observed_hours": 30.0}
    >>> cohort = replace(empty_cohort(["A"]), observations=pd.DataFrame([fever]))
    >>> derive_grades(cohort)[["scale", "grade", "domain", "confidence"]].values.tolist()
    [['crs', 1.0, 'fever', 'partial']]
    """
    settings = config or GradingConfig()
    parts = []
    for scale in grading_rules.SCALES:
        moments = assessments_of(cohort.observations, scale, settings)
        graded = (
            _grade_crs(moments, cohort, settings)
            if scale == "crs"
            else grade_icans(moments, _children(moments, cohort, settings), settings.together_hours)
        )
        graded.insert(0, "patient", moments.patient)
        graded.insert(1, "scale", pd.Series(scale, index=graded.index, dtype="str"))
        graded.insert(2, "assessed_hours", moments.hours)
        parts.append(graded)
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values(
        ["patient", "scale", "assessed_hours"], kind="stable", ignore_index=True
    )


def with_grades(cohort: Cohort, config: CohortConfig) -> Cohort:
    """Apply ``config.grades`` to the assessments of a cohort.

    ``charted`` leaves them unchanged, ``derived`` replaces CRS and ICANS by derived grades, and
    ``charted_else_derived`` adds a derived grade if none was charted on that scale in the
    ``grading.charted_valid_hours`` before it. Other scales stay unchanged. Later rows never
    affect a grade, so training and prediction agree.

    Parameters
    ----------
    cohort : Cohort
        As read.
    config : CohortConfig
        ``grades`` and ``grading`` are used.

    Returns
    -------
    Cohort

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> fever = {"patient": 0, "item": "temperature_c", "value": "39", "observed_hours": 30.0}
    >>> cohort = replace(empty_cohort(["A"]), observations=pd.DataFrame([fever]))
    >>> with_grades(cohort, CohortConfig(grades="derived")).assessments["grade"].tolist()
    [1]
    """
    if config.grades == "charted":
        return cohort
    columns = list(cohort.assessments.columns)
    derived = derive_grades(cohort, config.grading)
    derived = derived.loc[derived["grade"].notna(), columns].astype({"grade": np.int64})
    charted = cohort.assessments
    if config.grades == "derived":
        charted = charted.loc[~charted["scale"].isin(grading_rules.SCALES)]
    else:
        hours = config.grading.charted_valid_hours
        derived = derived.loc[~_charted_lately(derived, charted, hours)]
    both = pd.concat([charted, derived], ignore_index=True)
    ordered = both.sort_values(
        ["patient", "scale", "assessed_hours", "grade"], kind="stable", ignore_index=True
    )
    return replace(cohort, assessments=ordered)


def gradable_scales(observations: pd.DataFrame) -> tuple[str, ...]:
    """Scales with at least one gradable item in the observations.

    Parameters
    ----------
    observations : DataFrame
        ``item`` is used.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> gradable_scales(pd.DataFrame({"item": ["temperature_c"]}))
    ('crs',)
    """
    present = set(observations["item"].unique()) - {grading_rules.ANTIPYRETIC}
    return tuple(
        scale
        for scale in grading_rules.SCALES
        if any(present & set(items) for items in grading_rules.domain_items(scale).values())
    )


_HIGHEST = 5


@dataclass(frozen=True)
class Agreement:
    """Agreement of charted and derived grades on one scale.

    Attributes
    ----------
    scale : str
        ``crs`` or ``icans``.
    charted, compared, equal : int
        Number of charted grades, of those with a derived grade nearby, and of equal pairs.
    kappa : float
        Quadratically weighted kappa; NaN if all grades are equal.
    """

    scale: str
    charted: int
    compared: int
    equal: int
    kappa: float


def compare(
    charted: pd.DataFrame, derived: pd.DataFrame, together_hours: float
) -> tuple[pd.DataFrame, list[Agreement]]:
    """Compare every charted grade with the nearest derived grade.

    Parameters
    ----------
    charted : DataFrame
        ``Cohort.assessments``.
    derived : DataFrame
        From :func:`derive_grades`.
    together_hours : float
        Largest distance of a pair.

    Returns
    -------
    disagreements : DataFrame
        ``patient, scale, charted_hours, charted, derived_hours, derived, domain, confidence,
        missing, note``; grade 5 is never derived, so a charted 5 is compared as 4.
    summary : list of Agreement
        One per scale.

    Examples
    --------
    >>> from pipeline.cohort.tables import empty_cohort
    >>> fever = {"patient": 0, "item": "temperature_c", "value": "39", "observed_hours": 30.0}
    >>> cohort = replace(empty_cohort(["A"]), observations=pd.DataFrame([fever]))
    >>> grade = {"patient": [0], "scale": "crs", "grade": 2, "assessed_hours": 31.0}
    >>> differing, summary = compare(pd.DataFrame(grade), derive_grades(cohort), 2.0)
    >>> differing[["charted", "derived"]].values.tolist(), summary[0].compared
    ([[2.0, 1.0]], 1)
    """
    differing, summary = [], []
    for scale in grading_rules.SCALES:
        rows = charted.loc[charted["scale"] == scale].rename(
            columns={"grade": "charted", "assessed_hours": "charted_hours"}
        )
        pairs = _paired(rows, derived.loc[derived["scale"] == scale], together_hours)
        both = pairs.loc[pairs["derived"].notna()]
        one = np.minimum(both["charted"].to_numpy(dtype=float), _HIGHEST - 1)
        other = both["derived"].to_numpy(dtype=float)
        equal = one == other
        differing.append(both.loc[~equal])
        kappa = weighted_kappa(one, other)
        summary.append(Agreement(scale, len(rows), len(both), int(equal.sum()), kappa))
    return pd.concat(differing, ignore_index=True), summary


def weighted_kappa(first: Floats, second: Floats) -> float:
    """Cohen's kappa with quadratic weights (10.1037/h0026256); NaN if undefined.

    Examples
    --------
    >>> weighted_kappa(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]))
    1.0
    """
    if len(first) == 0:
        return float("nan")
    observed = float(np.mean((first - second) ** 2))
    by_chance = float(np.mean((first[:, None] - np.unique(second)[None, :]) ** 2 @ _share(second)))
    return 1.0 - observed / by_chance if by_chance > 0 else float("nan")


def _charted_lately(derived: pd.DataFrame, charted: pd.DataFrame, hours: float) -> Bools:
    lately = np.zeros(len(derived), dtype=bool)
    for scale in grading_rules.SCALES:
        rows = (derived["scale"] == scale).to_numpy()
        moment = derived.loc[rows, "assessed_hours"].to_numpy(dtype=float)
        patient = derived.loc[rows, "patient"].to_numpy(dtype=np.intp)
        newest = newest_hours(
            charted.loc[charted["scale"] == scale], "assessed_hours", patient, moment
        )
        lately[rows] = moment - newest <= hours
    return lately


def _grade_crs(moments: Moments, cohort: Cohort, config: GradingConfig) -> pd.DataFrame:
    masked, antipyretic = _masked(moments, cohort.treatments)
    seen = cohort.observations
    warm = seen.loc[((seen["item"] == "temperature_c") & (seen["observed_hours"] >= 0)).to_numpy()]
    degrees = pd.to_numeric(warm["value"]).to_numpy(dtype=float)
    fevers = warm.loc[degrees >= grading_rules.scale_rules("crs")["fever_from"]]
    last = newest_hours(fevers, "observed_hours", moments.patient, moments.hours)
    before = moments.hours - last <= config.fever_memory_hours
    return grade_crs(moments, masked, antipyretic, before, config.together_hours)


def _masked(moments: Moments, treatments: pd.DataFrame) -> tuple[Bools, Bools]:
    """Whether a previous drug explains the absence of fever, and whether it reduces fever now."""
    drugs = schema_yaml("drugs.yaml")["drugs"]
    group = treatments["drug"].map({key: entry["class"] for key, entry in drugs.items()})
    antipyretic = moments.items[grading_rules.ANTIPYRETIC] == grading_rules.words_in_order(
        grading_rules.ANTIPYRETIC
    ).index("yes")
    masked = antipyretic.copy()
    for name, rule in grading_rules.masking().items():
        doses = treatments.loc[(group == name).to_numpy()]
        if not rule["before_infusion"]:
            doses = doses.loc[(doses["given_hours"] >= 0).to_numpy()]
        given = newest_hours(doses, "given_hours", moments.patient, moments.hours, before=True)
        limit = np.inf if rule["for_hours"] is None else float(rule["for_hours"])
        acts = moments.hours - given <= limit
        masked |= acts
        if name == grading_rules.ANTIPYRETIC:
            antipyretic |= acts
    return masked, antipyretic


def _children(moments: Moments, cohort: Cohort, config: GradingConfig) -> Bools:
    """Whether CAPD is used: age below the limit, or developmental delay."""
    patients = cohort.patients
    age: Floats = np.full(len(patients), np.nan)
    if "age_years" in patients:
        age = pd.to_numeric(patients["age_years"], errors="coerce").to_numpy(dtype=float)
    child = age < config.capd_below_years
    if DELAYED in patients:
        child |= patients[DELAYED].astype("str").str.lower().isin(_TRUE).to_numpy()
    return np.asarray(child[moments.patient])


def _share(values: Floats) -> Floats:
    return np.asarray(np.unique(values, return_counts=True)[1] / len(values))


def _paired(charted: pd.DataFrame, derived: pd.DataFrame, together_hours: float) -> pd.DataFrame:
    left = charted.sort_values("charted_hours", kind="stable")
    right = derived.drop(columns="scale").rename(
        columns={"grade": "derived", "assessed_hours": "derived_hours"}
    )
    pairs = pd.merge_asof(
        left,
        right.sort_values("derived_hours", kind="stable"),
        left_on="charted_hours",
        right_on="derived_hours",
        by="patient",
        direction="nearest",
        tolerance=together_hours,  # type: ignore[arg-type]
    )
    return pairs.sort_values(["patient", "charted_hours"], kind="stable", ignore_index=True)[
        [
            "patient", "scale", "charted_hours", "charted", "derived_hours", "derived",
            "domain", "confidence", "missing", "note",
        ]
    ]  # fmt: skip
