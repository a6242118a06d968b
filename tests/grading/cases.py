"""The table of graded cases, and the last derived grade of each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from pipeline.config_cohort import GradingConfig
from pipeline.grading.derived_grades import derive_grades
from tests.builders import make_cohort

CASES = yaml.safe_load(Path(__file__).with_name("astct_cases.yaml").read_text(encoding="utf-8"))


def graded(case: dict, scale: str) -> pd.Series:
    """The last derived row of a case."""
    seen = [
        (0, item, str(value), float(hour))
        for hour, items in case["seen"].items()
        for item, values in items.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    given = [(0, drug, float(hour)) for drug, hour in case.get("given", {}).items()]
    patients = {"age_years": [case.get("age", 55)]}
    if "delayed" in case:
        patients["developmental_delay"] = [case["delayed"]]
    config = GradingConfig(capd_below_years=case.get("capd_below_years", 12))
    cohort = make_cohort(1, observations=seen, treatments=given, patients=patients)
    table = derive_grades(cohort, config)
    return table.loc[table["scale"] == scale].iloc[-1]


def check(case: dict, scale: str) -> None:
    """Compare the derived row of a case with what the case states."""
    row = graded(case, scale)
    grade = None if np.isnan(row["grade"]) else int(row["grade"])
    assert grade == case["grade"], row.to_dict()
    assert row["confidence"] == case.get("confidence", "complete"), row.to_dict()
    if "domain" in case:
        assert row["domain"] == case["domain"]
    if "missing" in case:
        assert row["missing"] == case["missing"]
    elif scale == "crs":
        assert row["missing"] == ""
    assert case.get("note", "") in row["note"]
    assert row["assessed_hours"] == max(case["seen"])
