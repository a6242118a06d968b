"""Whether each analyte was measured, used by the model, and important in this cohort."""

from __future__ import annotations

from functools import partial

import numpy as np

from pipeline.arrays import Floats
from pipeline.cohort.analytes import Analyte, dictionary
from pipeline.cohort.tables import Cohort
from pipeline.evaluate.added_value import AXIS
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.intervals import number
from pipeline.evaluate.scored_rows import ScoredRows
from pipeline.features.spec import FeatureSpec
from pipeline.model.borrowed_prior import PREFIX
from pipeline.model.evaluation_report import AnalyteUse, Importance

_reason = partial(evaluation_phrase, "reasons")
CORE = (
    "crp", "ferritin", "il6", "d_dimer", "fibrinogen", "csf_serum_albumin", "nfl", "il1ra", "gm_csf"
)  # fmt: skip


def analyte_use(
    scores: ScoredRows,
    cohort: Cohort,
    spec: FeatureSpec,
    columns: tuple[str, ...],
) -> dict[str, AnalyteUse]:
    """Availability, use and importance by analyte.

    The nine core analytes are always listed, the others if the cohort or the model has them.

    Parameters
    ----------
    columns : tuple of str
        Features of the model.
    """
    measured = set(cohort.labs.loc[~cohort.labs["cancelled"], "analyte"].unique())
    known = {**dictionary(), **{item.key: item for item in spec.analytes}}
    in_spec = {item.key for item in spec.analytes}
    keys = dict.fromkeys((*CORE, *sorted(in_spec | (measured & set(known)))))
    first = scores.first_repeat()
    views = dict(scores.by_horizon())
    visible_from = first_visible(cohort)
    read = {name.removeprefix(PREFIX).split("__")[0] for name in columns}
    result = {}
    for key in keys:
        moment = visible_from.get(key, np.full(len(cohort), np.inf))[scores.episode]
        present = moment < scores.hours
        rows = first[present[first]]
        event = np.unique(scores.patient[rows][scores.status[rows] == 1])
        used, why = _used(key, known[key], in_spec, measured, read, len(rows))
        reason = ""
        if not used:
            reason = _reason("not_used")
        elif len(event) < scores.minimum:
            reason = _reason("few_with_result", minimum=scores.minimum)
        elif key not in scores.permuted:
            reason = _reason("not_computed")
        falls = {hours: view.fall(key) for hours, view in views.items()} if not reason else {}
        result[key] = AnalyteUse(
            label=known[key].short,
            rows=len(rows),
            row_share=number(len(rows) / max(len(first), 1)),
            patients=len(np.unique(scores.patient[rows])),
            event_patients=len(event),
            used=used,
            why=why,
            importance=Importance.model_validate({"reason": reason} if reason else falls),
        )
    return result


def axis_use(scores: ScoredRows) -> dict[str, Importance]:
    """Fall in AUROC by axis of ``pathways.yaml`` when all its analytes are another patient's.

    Parameters
    ----------
    scores : ScoredRows
        With bootstrap draws.
    """
    views = dict(scores.by_horizon())
    names = [name for name in scores.permuted if name.startswith(AXIS)]
    return {
        name.removeprefix(AXIS): Importance.model_validate(
            {hours: view.fall(name) for hours, view in views.items()}
        )
        for name in names
    }


def first_visible(cohort: Cohort) -> dict[str, Floats]:
    """Hour of the first result of each analyte per patient; inf where there is none."""
    rows = cohort.labs.loc[~cohort.labs["cancelled"]]
    result = {}
    for key, part in rows.groupby("analyte", sort=False):
        first = np.full(len(cohort), np.inf)
        np.minimum.at(
            first, part["patient"].to_numpy(), part["resulted_hours"].to_numpy(dtype=float)
        )
        result[str(key)] = first
    return result


def _used(
    key: str, analyte: Analyte, in_spec: set[str], measured: set[str], read: set[str], rows: int
) -> tuple[bool, str]:
    if key not in measured:
        return False, _reason("no_result_used" if key in in_spec else "no_result")
    if key not in in_spec:
        return False, _reason("excluded")
    if rows == 0:
        return False, _reason("no_result_in_time")
    if key not in read:
        return False, _reason("no_member")
    return True, _reason("used")
