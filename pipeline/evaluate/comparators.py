"""Simple predictors and published scores, evaluated on the same landmarks as the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.cohort.analytes import dictionary
from pipeline.cohort.tables import Cohort
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.features.build import build_features
from pipeline.features.landmarks import landmark_days
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.score_definitions import scores
from pipeline.features.scores import score_values
from pipeline.features.spec import FeatureSpec, HostColumn
from pipeline.features.statistics import DEFAULT
from pipeline.model.logistic import sigmoid
from pipeline.model.risk_model import RiskModel, prior_available
from pipeline.model.stacked_rows import query
from pipeline.model.training_reference import RateTable, rates_of_days

PROBABILITIES = frozenset(
    {
        *("model", "model_no_state", "base_rate", "grade_and_day", "plain_logistic"),
        "clinical_state",
        *("model_with_state", "prior", "without_prior"),
    }
)
EXPECTED = (
    "base_rate",
    "current_grade",
    "grade_and_day",
    "plain_logistic",
    "clinical_state",
    "last_crp",
    "last_ferritin",
    "easix",
    "s_easix",
    "m_easix",
    "easix_pre",
    "nfl_age_z",
    "car_hematotox",
)


PUBLISHED = ("easix", "s_easix", "m_easix", "easix_pre", "nfl_age_z", "car_hematotox")
LAST = {"last_crp": "crp", "last_ferritin": "ferritin"}


def comparator_risks(
    model: RiskModel,
    rates: RateTable,
    test: FeatureMatrix,
    threshold: int,
    horizons: tuple[float, ...],
    ranked: Mapping[str, Floats] | None = None,
) -> dict[str, Floats]:
    """Scores of every comparator, each of shape (n_landmarks, n_horizons).

    ``base_rate``, ``grade_and_day``, ``plain_logistic`` (grade, worst grade and day on the
    outcome's own scale) and ``clinical_state`` (all grades so far, no labs) are probabilities; the
    others are for ranking only. Without grades, ``grade_and_day`` and ``plain_logistic`` use the
    day only. A model with a prior also has ``prior`` (the
    prior alone, NaN where it abstains) and ``without_prior``, both calibrated probabilities.

    Parameters
    ----------
    model : RiskModel
    rates : RateTable
        Base rates by day of the training patients.
    test : FeatureMatrix
    threshold : int
    horizons : tuple of float
        Hours.
    ranked : mapping, optional
        Last CRP, last ferritin and published scores at the same landmarks, one value each.
    """
    result = {
        "base_rate": rates_of_days(rates, landmark_days(test), horizons)[0],
        "grade_and_day": model.reference_risk(test, threshold, horizons),
        "constant": np.full((len(test.values), len(horizons)), 0.5),
    }
    if model.comparators.plain is not None:
        result["plain_logistic"] = model.comparators.plain.risk(test, threshold, horizons)
    state = state_risk(model, test, threshold, horizons)
    if state is not None:
        result["clinical_state"] = state
    if model.prior is not None and model.alone is not None:
        theirs = model.prior.risk(test, threshold, horizons)
        result["prior"] = np.where(prior_available(test)[:, None], theirs, np.nan)
        result["without_prior"] = model.alone.risk(test, threshold, horizons)
    single = dict(ranked or {})
    if model.grade is not None:
        single["current_grade"] = test.column(model.grade)
    for name, values in single.items():
        result[name] = np.repeat(values[:, None], len(horizons), axis=1)
    return result


def state_risk(
    model: RiskModel, matrix: FeatureMatrix, threshold: int, horizons: tuple[float, ...]
) -> Floats | None:
    """Risk from the grades so far and the day, without labs; None where the cohort has no grades.

    This is a member of the model, calibrated alone on out-of-fold log-odds as the model is.
    """
    members = model.state.linear if model.state is not None else ()
    for member in members:
        if member.name == "state":
            rows = query(len(matrix.values), horizons, threshold)
            log_odds = model.comparators.log_odds(member, matrix, rows)
            return sigmoid(log_odds).reshape(-1, len(horizons))
    return None


def published_scores(
    cohort: Cohort, landmarks: pd.DataFrame, spec: FeatureSpec
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Last CRP, last ferritin and the published scores, for ranking only.

    Every evaluation has the same comparators: the inputs are used even where the configuration
    excludes them from the model.

    Parameters
    ----------
    cohort : Cohort
    landmarks : DataFrame
    spec : FeatureSpec
        Scaling of values; its choice of analytes is ignored.

    Returns
    -------
    values : dict of ndarray, shape (n_landmarks,)
        NaN where an input is missing or too old.
    absent : dict of str
        Scores without any value, each with the most frequent reason.
    """
    keys = dict.fromkeys([*LAST.values(), *(part for n in PUBLISHED for part in scores()[n].parts)])
    measured = set(cohort.labs.loc[~cohort.labs["cancelled"], "analyte"].unique())
    measured -= {analyte.key for analyte in spec.analytes if analyte.local}
    age = "age_years" in cohort.patients
    own = replace(
        spec,
        analytes=tuple(dictionary()[key] for key in keys if key in measured),
        windows_hours=(),
        scores=(),
        channels=(),
        statistics=DEFAULT,
        host=(HostColumn("age_years", "number"),) if age else (),
    )
    matrix = build_features(cohort, landmarks, own)
    table = score_values(matrix, PUBLISHED)
    values = {name: table.values[name].to_numpy(dtype=float) for name in PUBLISHED}
    values |= {name: matrix.column(f"{key}__last") for name, key in LAST.items()}
    absent = {}
    for name in (*PUBLISHED, *LAST):
        if np.isnan(values[name]).all():
            del values[name]
            reasons = table.reasons[name] if name in PUBLISHED else pd.Series(dtype=str)
            frequent = reasons[reasons != ""].mode()
            absent[name] = (
                str(frequent.iloc[0])
                if len(frequent)
                else evaluation_phrase("reasons", "never_measured")
            )
    return values, absent
