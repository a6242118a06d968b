"""Published scores at every landmark of a cohort, whatever the model itself reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.tables import Cohort
from pipeline.features.build import build_features
from pipeline.features.scores import score_values, scores
from pipeline.features.spec import FeatureSpec, HostColumn
from pipeline.features.statistics import DEFAULT
from pipeline.model.stack import Floats

PUBLISHED = ("easix", "s_easix", "m_easix", "easix_pre", "nfl_age_z", "car_hematotox")
LAST = {"last_crp": "crp", "last_ferritin": "ferritin"}


def published_scores(
    cohort: Cohort, landmarks: pd.DataFrame, spec: FeatureSpec
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Last CRP and ferritin and the published scores, for ranking only.

    Their inputs are taken from the cohort even where the configuration keeps them from the model,
    so that every evaluation has the same comparators.

    Parameters
    ----------
    spec : FeatureSpec
        How values are scaled; its choice of analytes is not followed.

    Returns
    -------
    values : dict of ndarray, shape (n_landmarks,)
        NaN where an input is missing or too old.
    absent : dict of str
        Scores without a single value, each with the commonest reason.
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
            told = reasons[reasons != ""].mode()
            absent[name] = str(told.iloc[0]) if len(told) else "never measured in this cohort"
    return values, absent
