"""Summaries of scored batches for comparison with training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.arrays import Ints
from pipeline.cohort.ledger import HARMLESS
from pipeline.cohort.tables import Cohort
from pipeline.features.landmarks import given_landmarks, landmark_days
from pipeline.model.bundle import Bundle
from pipeline.model.cohort_profile import recent_results
from pipeline.model.outcomes import build_targets, nearest_horizon
from pipeline.model.training_reference import rates_of_days
from pipeline.predict.prepare import PreparedBatch, prepare_batch, read_for


@dataclass(frozen=True)
class ObservedBatch:
    """Patients of one or several batches, each at their newest landmark.

    Attributes
    ----------
    patients : DataFrame
        ``patient_id, hours, day, abstained`` and per outcome ``risk:<name>`` (NaN without an
        estimate) and ``base:<name>``.
    recent : DataFrame
        ``patient_id, analyte, value, side``: newest results that are not stale.
    sources : DataFrame
        ``patient_id, analyte, unit, collected_hours, delay_hours`` of every accepted row.
    seen_ids, refused_ids : frozenset of str
        All patients of the input, and those with a rejected row.
    refusals : Counter
        Rejected rows by exported name of the analyte and code.
    n_results : int
        Rows of labs that were read.
    """

    patients: pd.DataFrame
    recent: pd.DataFrame
    sources: pd.DataFrame
    seen_ids: frozenset[str]
    refused_ids: frozenset[str]
    refusals: Counter[tuple[str, str]]
    n_results: int

    def refused_results(self) -> dict[tuple[str, str], int]:
        """Rejected rows by name and code, without harmless codes."""
        return {item: n for item, n in self.refusals.items() if item[1] not in HARMLESS}


def observe_batches(
    paths: Sequence[Path], bundle: Bundle, time_zone: str | None = None
) -> ObservedBatch:
    r"""Read and score batches; a patient in several batches counts once, at the newest landmark.

    Rejected rows are reported on stderr.

    Parameters
    ----------
    paths : sequence of Path
        Folders of tables, or files of labs.
    bundle : Bundle
    time_zone : str, optional
        Zone of times without offset.

    Returns
    -------
    ObservedBatch

    Examples
    --------
    >>> from dataclasses import replace
    >>> from tempfile import TemporaryDirectory
    >>> from pipeline.model.bundle import empty_bundle
    >>> bundle = empty_bundle()
    >>> bundle = replace(bundle, config=bundle.config.model_copy(update={"outcomes": {}}))
    >>> text = "patient_id,analyte,value,unit,collected_hours\n7,zinc,1,mg/L,30\n7,crp,2,mg/L,30\n"
    >>> with TemporaryDirectory() as folder:
    ...     labs = Path(folder, "labs.csv")
    ...     written = labs.write_text(text)
    ...     seen = observe_batches([labs], bundle)
    >>> seen.n_results, dict(seen.refusals), seen.patients["day"].tolist()
    (2, {('zinc', 'unknown_analyte'): 1}, [1])
    """
    reads = [read_for(bundle, path, time_zone=time_zone) for path in paths]
    for read in reads:
        read.report_refusals()
    parts = [observed_batch(prepare_batch(read, bundle)) for read in reads]
    patients = pd.concat([part.patients for part in parts], ignore_index=True)
    patients["batch"] = np.repeat(np.arange(len(parts)), [len(part.patients) for part in parts])
    order = patients.sort_values(["patient_id", "hours", "batch"], kind="stable")
    newest = order.drop_duplicates("patient_id", keep="last").reset_index(drop=True)
    kept = dict(zip(newest["patient_id"], newest["batch"], strict=True))
    recent = [
        part.recent.loc[part.recent["patient_id"].map(kept) == number]
        for number, part in enumerate(parts)
    ]
    return ObservedBatch(
        patients=newest.drop(columns="batch"),
        recent=pd.concat(recent, ignore_index=True),
        sources=pd.concat([part.sources for part in parts], ignore_index=True),
        seen_ids=frozenset().union(*(part.seen_ids for part in parts)),
        refused_ids=frozenset().union(*(part.refused_ids for part in parts)),
        refusals=sum((part.refusals for part in parts), Counter()),
        n_results=sum(part.n_results for part in parts),
    )


def observed_batch(prepared: PreparedBatch) -> ObservedBatch:
    """Summarise one batch; landmarks before time zero are left out."""
    read, bundle = prepared.read, prepared.bundle
    rows = np.flatnonzero(prepared.landmarks["hours"] >= 0)
    landmarks = prepared.landmarks.iloc[rows].reset_index(drop=True)
    ids = prepared.patient_ids.to_numpy(dtype=object)[rows]
    keys = [analyte.key for analyte in bundle.reference.spec.analytes]
    newest = prepared.newest_results(rows)
    recent = recent_results(newest, landmarks, keys, bundle.config.predict.stale_hours)
    recent.insert(0, "patient_id", ids[recent.pop("landmark").to_numpy()])
    refusals: Counter[tuple[str, str]] = Counter()
    for name, codes in read.analytes_rejected.items():
        refusals.update({(name, code): number for code, number in codes.items()})
    return ObservedBatch(
        patients=_scored(prepared, rows),
        recent=recent,
        sources=read.sources.loc[read.sources["analyte"].isin(keys)],
        seen_ids=frozenset(read.seen_ids),
        refused_ids=frozenset(read.refused_ids()),
        refusals=refusals,
        n_results=sum(read.analytes_read.values()),
    )


def headline(bundle: Bundle, scale: str) -> float:
    """Fitted horizon nearest to the main horizon of the pages, in hours."""
    wanted = bundle.config.predict.headline_hours
    return nearest_horizon(bundle.models[scale].horizons, wanted)


def later_outcomes(patients: pd.DataFrame, cohort: Cohort, bundle: Bundle, name: str) -> pd.Series:
    """Look up whether each patient had the outcome within the headline horizon.

    Parameters
    ----------
    patients : DataFrame
        ``patient_id`` and ``hours`` of the landmark.
    cohort : Cohort
        Later data of the same patients.
    bundle : Bundle
    name : str
        Outcome.

    Returns
    -------
    Series of float
        1 or 0; NaN if the patient is not in the cohort or follow-up is too short.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from types import SimpleNamespace
    >>> from pipeline.cohort.tables import empty_cohort
    >>> from pipeline.model.bundle import empty_bundle
    >>> bundle = replace(empty_bundle(), models={"icans": SimpleNamespace(horizons=(72.0,))})
    >>> patients = pd.DataFrame({"patient_id": ["P1", "P9"], "hours": 48.0})
    >>> later_outcomes(patients, empty_cohort(["P1"]), bundle, "icans").tolist()
    [0.0, nan]
    """
    outcome = bundle.config.outcomes[name]
    result = pd.Series(np.nan, index=patients.index)
    known = patients["patient_id"].isin(set(cohort.patients["patient_id"]))
    followed = patients.loc[known].sort_values("patient_id")
    if followed.empty:
        return result
    moments = given_landmarks(cohort, followed[["patient_id", "hours"]]).assign(weight=1.0)
    targets = build_targets(
        cohort, moments, outcome.scale, (outcome.threshold,), bundle.config.cohort.ungraded
    )
    label = targets.label(outcome.threshold, headline(bundle, outcome.scale))
    ids = cohort.patients["patient_id"].to_numpy()[moments["patient"].to_numpy()]
    result[followed.index] = pd.Series(label, index=ids)[followed["patient_id"]].to_numpy()
    return result


def _scored(prepared: PreparedBatch, rows: Ints) -> pd.DataFrame:
    """Days, abstentions, risks and base rates at the given landmarks."""
    bundle, matrix = prepared.bundle, prepared.matrix.take(rows)
    ids, day = prepared.patient_ids.iloc[rows], landmark_days(matrix)
    rejected = ids.isin(list(prepared.mostly_rejected)).to_numpy()
    table = pd.DataFrame(
        {
            "patient_id": ids.to_numpy(dtype=object),
            "hours": matrix.landmarks["hours"],
            "day": day,
            "abstained": (prepared.abstentions.code[rows] != "") | rejected,
        }
    )
    for name, outcome in bundle.config.outcomes.items():
        horizon = headline(bundle, outcome.scale)
        estimated = prepared.statuses[name].take(rows).estimated()
        risk = np.full(len(table), np.nan)
        if len(estimated):
            model = bundle.models[outcome.scale]
            part = matrix.take(estimated)
            risk[estimated] = model.risk(part, outcome.threshold, (horizon,))[:, 0]
        rates = bundle.reference.base_rates[name]
        table[f"risk:{name}"] = risk
        table[f"base:{name}"] = rates_of_days(rates, day, (horizon,))[0][:, 0]
    return table
