"""Performance in subgroups: age, sex, product, site, grade, day, before or after tocilizumab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Floats, Ints
from pipeline.cohort.tables import Cohort
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.intervals import estimate, number, ratio
from pipeline.evaluate.scored_rows import HorizonRows, ScoredRows
from pipeline.model.evaluated_outcome import WithinGrade
from pipeline.model.evaluation_cells import GradeStrata, PartCell
from pipeline.resources import schema_yaml

Mask = NDArray[np.bool_]
_FIGURES = ("observed", "observed_lo", "observed_hi", "mean_risk", "observed_to_expected")
_MAX_LEVELS = 12
_TOCILIZUMAB_CLASS = "il6_receptor_blocker"


def subgroup_masks(
    cohort: Cohort, scores: ScoredRows, age_bands: Sequence[float]
) -> dict[str, dict[str, Mask]]:
    """Rows of each level of each attribute; attributes missing from the cohort are omitted.

    Age band, sex, product and site belong to the patient; ``tocilizumab`` is whether an IL-6
    receptor blocker was given before the landmark.
    """
    patients = cohort.patients
    masks: dict[str, dict[str, Mask]] = {}
    if "age_years" in patients and patients["age_years"].notna().any():
        age = pd.to_numeric(patients["age_years"], errors="coerce").to_numpy(dtype=float)
        bands, order = _age_text(age, age_bands)
        levels = _levels(bands, scores.episode)
        masks["age"] = {level: levels[level] for level in order if level in levels}
    for name in ("sex", "product", "site"):
        if name in patients:
            levels = _levels(_text(patients[name]), scores.episode)
            if levels:
                masks[name] = levels
    given = _first_dose(cohort)[scores.episode]
    if np.isfinite(given).any():
        after = given < scores.hours
        masks["tocilizumab"] = {"before or without": ~after, "after": after}
    return masks


@dataclass(frozen=True)
class WithinLevels:
    """AUROC within the levels of an attribute: weighted mean, lowest, highest, their number."""

    mean: float
    lowest: float
    highest: float
    levels: int


def within_levels(levels: Mapping[str, Mapping[str, PartCell]], hours: str) -> WithinLevels | None:
    """Mean AUROC within levels, each weighted by its pairs of an event and a non-event landmark.

    What the AUROC of all landmarks exceeds it by is ranking between levels.

    Parameters
    ----------
    levels : mapping
        Of one attribute, by horizon.
    hours : str
        Horizon.

    Returns
    -------
    WithinLevels or None
        None with fewer than two levels that have enough event patients for an AUROC.

    Examples
    --------
    >>> a, b = PartCell(n=30, n_events=10, auroc=0.6), PartCell(n=30, n_events=20, auroc=0.7)
    >>> within_levels({"A": {"72": a}, "B": {"72": b}, "C": {"72": PartCell(n=9)}}, "72")
    WithinLevels(mean=0.65, lowest=0.6, highest=0.7, levels=2)
    """
    cells = [table.get(hours, PartCell()) for table in levels.values()]
    known = [
        (float(cell.auroc), float(cell.n_events or 0) * (cell.n - (cell.n_events or 0)))
        for cell in cells
        if cell.auroc is not None and cell.n is not None
    ]
    areas, pairs = [area for area, _ in known], [count for _, count in known]
    if len(known) < 2 or min(pairs) <= 0:
        return None
    mean = sum(area * count for area, count in known) / sum(pairs)
    return WithinLevels(round(mean, 6), min(areas), max(areas), len(known))


def site_masks(cohort: Cohort, scores: ScoredRows) -> dict[str, Mask]:
    """Rows of every site; empty where the cohort has no column ``site``."""
    if "site" not in cohort.patients:
        return {}
    cells = _text(cohort.patients["site"])
    return _levels(cells, scores.episode, most=len(cells))


def _text(column: pd.Series) -> NDArray[np.str_]:
    """Text of each cell without outer blanks, empty where it is missing."""
    cells = column.astype("object").where(column.notna(), "").astype(str)
    return cells.str.strip().to_numpy(dtype=str)


def _age_text(age: Floats, bands: Sequence[float]) -> tuple[NDArray[np.str_], list[str]]:
    """Band of each patient, and the bands from young to old."""
    edges = [float(edge) for edge in bands]
    labels = [f"under {edges[0]:g}"]
    labels += [f"{low:g} to {high - 1:g}" for low, high in pairwise(edges)]
    labels.append(f"{edges[-1]:g} and over")
    code = np.searchsorted(edges, np.nan_to_num(age), side="right")
    return np.where(np.isnan(age), "", np.array(labels)[code]), labels


def _levels(cells: NDArray[np.str_], episode: Ints, most: int = _MAX_LEVELS) -> dict[str, Mask]:
    values, count = np.unique(cells[cells != ""], return_counts=True)
    kept = sorted(values[np.argsort(-count, kind="stable")][:most])
    return {str(level): (cells == level)[episode] for level in kept}


def _first_dose(cohort: Cohort) -> Floats:
    drugs = schema_yaml("drugs.yaml")["drugs"]
    blockers = {name for name, drug in drugs.items() if drug["class"] == _TOCILIZUMAB_CLASS}
    rows = cohort.treatments.loc[cohort.treatments["drug"].isin(blockers)]
    first = np.full(len(cohort), np.inf)
    np.minimum.at(first, rows["patient"].to_numpy(), rows["given_hours"].to_numpy(dtype=float))
    return first


def subgroup_table(
    scores: ScoredRows, masks: dict[str, dict[str, Mask]]
) -> dict[str, dict[str, dict[str, PartCell]]]:
    """AUROC, observed rate and mean risk of every level, per horizon."""
    return {
        attribute: {
            level: {
                hours: part_cell(rows)
                for hours, rows in scores.take(np.flatnonzero(mask)).by_horizon()
            }
            for level, mask in levels.items()
        }
        for attribute, levels in masks.items()
    }


def part_cell(rows: HorizonRows, name: str = "model") -> PartCell:
    """AUROC, observed rate, mean risk and their ratio of one predictor on part of the rows."""
    figures: dict[str, float | None] = dict.fromkeys(_FIGURES)
    if rows.is_estimable:
        events = rows.label @ rows.weight
        figures |= estimate(ratio(events, rows.weight.sum(axis=0)), "observed")
        figures["mean_risk"] = rows.mean_risk(name)
        expected = (rows.risks[name] * rows.sample).sum()[None]
        figures["observed_to_expected"] = number(ratio(events[:1], expected)[0])
    return PartCell(**rows.auroc(name).to_dict(), **figures)


def within_grade(scores: ScoredRows) -> WithinGrade:
    """AUROC among landmarks of equal current grade: discrimination beyond the grade.

    Pairs are formed within a fold and a grade only; landmarks of unknown grade are excluded.
    """
    graded = ~np.isnan(scores.grade)
    if not graded.any():
        return WithinGrade(reason=evaluation_phrase("reasons", "no_grades"))
    strata = scores.group * 10 + np.nan_to_num(scores.grade).astype(np.intp)
    tables = {}
    for hours, known in scores.by_horizon():
        rows = known.among(graded)
        equal = rows.within(strata)
        tables[hours] = GradeStrata(
            model=equal.auroc("model"),
            grade_and_day=equal.auroc("grade_and_day", against="model"),
            by_grade={
                f"{grade:g}": part_cell(rows.among(scores.grade == grade))
                for grade in np.unique(scores.grade[rows.rows])
            },
        )
    return WithinGrade.model_validate(tables)


def by_day(scores: ScoredRows) -> dict[str, dict[str, PartCell]]:
    """One cell per horizon and whole day of the landmark."""
    return {
        hours: {
            str(int(day)): part_cell(rows.among(scores.day == day))
            for day in np.unique(scores.day[rows.rows])
        }
        for hours, rows in scores.by_horizon()
    }
