"""The synthetic results read back as numbers, for the report."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.cohort.analytes import dictionary
from pipeline.cohort.simulate.history import History
from pipeline.cohort.units import conversion
from pipeline.cohort.values import parse_values


def read_results(labs: pd.DataFrame, history: History) -> pd.DataFrame:
    """Latest version of every result in canonical units, placed against the course.

    Returns
    -------
    DataFrame
        ``patient, analyte, value, hours, since_onset, grade``; ``since_onset`` in days from the
        first CRS grade (NaN without), ``grade`` the worst CRS grade of the patient.
    """
    rows = labs.loc[labs["value"] != ""].drop_duplicates(
        ["patient", "analyte", "collected_hours"], keep="last"
    )
    pairs = rows[["analyte", "unit"]].drop_duplicates()
    factor = {
        (key, unit): conversion(dictionary()[key], unit)[0]
        for key, unit in pairs.itertuples(index=False)
    }
    scale = np.array(
        [factor[pair] for pair in zip(rows["analyte"], rows["unit"], strict=True)], dtype=float
    )
    patient = rows["patient"].to_numpy(dtype=np.int64)
    onset = history.final.crs_onset[patient]
    hours = rows["collected_hours"].to_numpy(dtype=float)
    since = np.where(np.isfinite(onset), hours - np.where(np.isfinite(onset), onset, 0), np.nan)
    return pd.DataFrame(
        {
            "patient": patient,
            "analyte": rows["analyte"].to_numpy(),
            "value": parse_values(rows["value"])["value"].to_numpy() * scale,
            "hours": hours,
            "since_onset": since / 24.0,
            "grade": history.tracks["crs"].max(axis=0)[patient],
        }
    )
