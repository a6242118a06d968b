"""The same figures in parts of the cohort: who, where, which grade and day, before which drug."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints
from pipeline.cohort.tables import Cohort
from pipeline.evaluate.discrimination import area_cell, estimable, known_rows
from pipeline.evaluate.intervals import estimate, number, ratio
from pipeline.evaluate.scored_rows import Scores
from pipeline.resources import schema_yaml

Mask = NDArray[np.bool_]
_MAX_LEVELS = 12
_TOCILIZUMAB_CLASS = "il6_receptor_blocker"


def subgroup_masks(
    cohort: Cohort, scores: Scores, age_bands: Sequence[float]
) -> dict[str, dict[str, Mask]]:
    """Rows of each level of each attribute; attributes the cohort does not carry are left out.

    Age band, sex, product and site are those of the patient; ``tocilizumab`` tells whether an
    IL-6 receptor blocker was given before the landmark.
    """
    patients = cohort.patients
    masks: dict[str, dict[str, Mask]] = {}
    if "age_years" in patients and patients["age_years"].notna().any():
        age = pd.to_numeric(patients["age_years"], errors="coerce").to_numpy(dtype=float)
        words, order = _age_words(age, age_bands)
        found = _levels(words, scores.episode)
        masks["age"] = {level: found[level] for level in order if level in found}
    for name in ("sex", "product", "site"):
        if name in patients:
            cells = patients[name].astype("object").where(patients[name].notna(), "").astype(str)
            levels = _levels(cells.str.strip().to_numpy(dtype=str), scores.episode)
            if levels:
                masks[name] = levels
    given = _first_dose(cohort)[scores.episode]
    if np.isfinite(given).any():
        after = given < scores.hours
        masks["tocilizumab"] = {"before or without": ~after, "after": after}
    return masks


def _age_words(age: Floats, bands: Sequence[float]) -> tuple[NDArray[np.str_], list[str]]:
    """Band of each patient, and the bands from young to old."""
    edges = [float(edge) for edge in bands]
    words = [f"under {edges[0]:g}"]
    words += [f"{low:g} to {high - 1:g}" for low, high in pairwise(edges)]
    words.append(f"{edges[-1]:g} and over")
    code = np.searchsorted(edges, np.nan_to_num(age), side="right")
    return np.where(np.isnan(age), "", np.array(words)[code]), words


def _levels(words: NDArray[np.str_], episode: Ints) -> dict[str, Mask]:
    found, count = np.unique(words[words != ""], return_counts=True)
    kept = sorted(found[np.argsort(-count, kind="stable")][:_MAX_LEVELS])
    return {str(level): (words == level)[episode] for level in kept}


def _first_dose(cohort: Cohort) -> Floats:
    drugs = schema_yaml("drugs.yaml")["drugs"]
    blockers = {name for name, drug in drugs.items() if drug["class"] == _TOCILIZUMAB_CLASS}
    rows = cohort.treatments.loc[cohort.treatments["drug"].isin(blockers)]
    first = np.full(len(cohort), np.inf)
    np.minimum.at(first, rows["patient"].to_numpy(), rows["given_hours"].to_numpy(dtype=float))
    return first


def subgroup_table(
    scores: Scores, masks: dict[str, dict[str, Mask]], draws: Floats, minimum: int
) -> dict[str, Any]:
    """AUROC, observed rate and mean risk of every level, per horizon."""
    return {
        attribute: {level: by_horizon(scores, mask, draws, minimum) for level, mask in part.items()}
        for attribute, part in masks.items()
    }


def by_horizon(scores: Scores, mask: Mask, draws: Floats, minimum: int) -> dict[str, Any]:
    """One cell per horizon on the rows of a mask; nothing but counts below ``minimum``."""
    return {
        f"{horizon:g}": part_cell(scores, place, mask, draws, minimum)
        for place, horizon in enumerate(scores.horizons)
    }


def part_cell(
    scores: Scores, place: int, mask: Mask, draws: Floats, minimum: int, name: str = "model"
) -> dict[str, Any]:
    """AUROC, observed rate, mean risk and their ratio of one predictor on part of the rows."""
    rows = known_rows(scores, place)
    rows = rows[mask[rows]]
    label, risk = scores.label[rows, place], scores.risks[name][rows, place]
    patient, weight = scores.patient[rows], draws[rows]
    cell = area_cell(
        label,
        risk,
        patient,
        scores.group[rows],
        weight,
        repeats=scores.n_repeats,
        minimum=minimum,
    )
    names = ("observed", "observed_lo", "observed_hi", "mean_risk", "observed_to_expected")
    cell |= dict.fromkeys(names)
    if estimable(label, patient, minimum):
        total = weight.sum(axis=0)
        cell |= estimate(ratio(label @ weight, total), "observed")
        cell["mean_risk"] = number(risk.mean())
        cell["observed_to_expected"] = number(ratio(label.sum()[None], risk.sum()[None])[0])
    return cell


def within_grade(scores: Scores, draws: Floats, minimum: int) -> dict[str, Any]:
    """AUROC among landmarks of equal current grade: what is left once the grade is known.

    Pairs are formed within a fold and a grade only; ``grade_and_day`` stands beside the model.
    Landmarks of unknown grade are left out.
    """
    result: dict[str, Any] = {}
    graded = ~np.isnan(scores.grade)
    if not graded.any():
        return {"reason": "the cohort does not chart grades on this scale"}
    strata = scores.group * 10 + np.nan_to_num(scores.grade).astype(np.intp)
    for place, horizon in enumerate(scores.horizons):
        rows = known_rows(scores, place)
        rows = rows[graded[rows]]
        label, patient = scores.label[rows, place], scores.patient[rows]
        model, bar = (scores.risks[name][rows, place] for name in ("model", "grade_and_day"))
        cell = partial(
            area_cell,
            label,
            patient=patient,
            group=strata[rows],
            weight=draws[rows],
            repeats=scores.n_repeats,
            minimum=minimum,
        )
        result[f"{horizon:g}"] = {
            "model": cell(model),
            "grade_and_day": cell(bar, against=model),
            "by_grade": {
                f"{grade:g}": part_cell(scores, place, scores.grade == grade, draws, minimum)
                for grade in np.unique(scores.grade[rows])
            },
        }
    return result


def by_day(scores: Scores, draws: Floats, minimum: int) -> dict[str, Any]:
    """One cell per horizon and whole day of the landmark."""
    return {
        f"{horizon:g}": {
            str(int(day)): part_cell(scores, place, scores.day == day, draws, minimum)
            for day in np.unique(scores.day[known_rows(scores, place)])
        }
        for place, horizon in enumerate(scores.horizons)
    }
