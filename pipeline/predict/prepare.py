"""Reads and prepares a batch for a bundle: limits, landmarks, features, statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Ints
from pipeline.cohort.detection_limits import apply_limits
from pipeline.cohort.files import RawTable
from pipeline.cohort.tables import Cohort
from pipeline.config_cohort import CohortConfig
from pipeline.explain.patient_record import newest_results
from pipeline.explain.subsequent_events import SubsequentEvents, subsequent_events
from pipeline.features.build import build_features
from pipeline.features.host import products_of
from pipeline.features.landmarks import batch_landmarks
from pipeline.features.matrix import FeatureMatrix
from pipeline.model.abstention import (
    AbstentionCodes,
    TrainingSupport,
    abstention_codes,
    mostly_rejected_reasons,
    support_from_reference,
)
from pipeline.model.bundle import Bundle, model_features
from pipeline.model.status import EVENT_PRESENT, OutcomeStatuses, outcome_statuses
from pipeline.reading.read_result import ReadResult
from pipeline.reading.reader import read_batch, read_cohort, read_tables


@dataclass(frozen=True)
class PreparedBatch:
    """A batch prepared for one bundle: one landmark per patient with results.

    Attributes
    ----------
    bundle : Bundle
    read : ReadResult
        The batch as read, without inferred limits.
    cohort : Cohort
        The batch with the inferred limits of training.
    landmarks : DataFrame
        ``patient`` (row number in the cohort), ``hours``, ``source``.
    measured, matrix : FeatureMatrix, shape (n_landmarks, n_features)
        Features as measured, and as the models use them.
    support : TrainingSupport
        Ranges and products of training.
    mostly_rejected : mapping
        Patient id to the reason, for patients with mostly rejected results.
    abstentions : AbstentionCodes
        Landmarks with too few results or too far from training.
    statuses : mapping
        Outcome to the status of each landmark.
    """

    bundle: Bundle
    read: ReadResult
    cohort: Cohort
    landmarks: pd.DataFrame
    measured: FeatureMatrix
    matrix: FeatureMatrix
    support: TrainingSupport
    mostly_rejected: Mapping[str, str]
    abstentions: AbstentionCodes
    statuses: Mapping[str, OutcomeStatuses]

    @cached_property
    def patients(self) -> pd.DataFrame:
        """The row of ``Cohort.patients`` of each landmark."""
        rows = self.landmarks["patient"].to_numpy()
        return self.cohort.patients.iloc[rows].reset_index(drop=True)

    @property
    def patient_ids(self) -> pd.Series:
        """Patient of each landmark."""
        ids: pd.Series = self.patients["patient_id"]
        return ids

    @cached_property
    def subsequent_events(self) -> dict[str, list[SubsequentEvents]]:
        """Patient id to the events charted from the landmark on."""
        return subsequent_events(self.cohort, self.landmarks, self.read.as_of_hours)

    def shown_estimates(self, outcome: str) -> Ints:
        """Rows of the landmarks with an estimate of an outcome, where that outcome is shown."""
        rows: Ints = self.statuses[outcome].estimated()
        first = self.bundle.config.outcomes[outcome].shown_after
        if first is not None:
            rows = rows[self.statuses[first].status[rows] == EVENT_PRESENT]
        return rows

    def newest_results(self, rows: Ints) -> pd.DataFrame:
        """Newest result of every analyte at the given landmarks.

        Parameters
        ----------
        rows : ndarray of int
            Ascending.

        Returns
        -------
        DataFrame
            As from :func:`pipeline.explain.patient_record.newest_results`; ``landmark`` is the
            position in ``rows``.
        """
        place = np.full(len(self.landmarks), -1)
        place[rows] = np.arange(len(rows))
        landmark = place[self._newest_results["landmark"].to_numpy()]
        chosen = landmark >= 0
        newest: pd.DataFrame = self._newest_results.loc[chosen]
        return newest.assign(landmark=landmark[chosen]).reset_index(drop=True)

    @cached_property
    def _newest_results(self) -> pd.DataFrame:
        return newest_results(self.cohort.labs, self.landmarks)


def read_for(
    bundle: Bundle,
    source: str | Path | Mapping[str, RawTable],
    *,
    as_of: str | None = None,
    time_zone: str | None = None,
    remarks: Sequence[str] = (),
) -> ReadResult:
    """Read a batch with the reading settings of a bundle.

    Parameters
    ----------
    bundle : Bundle
    source : path or mapping of str to RawTable
        Folder of tables, a labs file, or tables in memory by name.
    as_of : str, optional
        Hours since time zero or an ISO 8601 time; rows from then on are rejected.
    time_zone : str, optional
        Zone of times without offset; default: that of training.
    remarks : sequence of str
        On tables in memory as a whole.

    Returns
    -------
    ReadResult

    Examples
    --------
    >>> from pipeline.cohort.files import raw_from_frame
    >>> from pipeline.model.bundle import empty_bundle
    >>> labs = pd.DataFrame({"patient_id": "A", "analyte": "CRP", "value": ["9", "80"],
    ...                      "unit": "mg/L", "collected_hours": [6, 30]})
    >>> read = read_for(empty_bundle(), {"labs": raw_from_frame(labs, "labs")}, as_of="24")
    >>> read.cohort.labs["value"].tolist(), read.rejects["code"].tolist()
    ([9.0], ['future'])
    """
    config, settings = cohort_config_for(bundle, time_zone), _reading_settings(bundle)
    if isinstance(source, Mapping):
        return read_tables(source, config, as_of=as_of, live=True, remarks=remarks, **settings)
    return read_batch(source, config, as_of=as_of, **settings)


def read_cohort_for(
    bundle: Bundle, source: str | Path | Mapping[str, RawTable], remarks: Sequence[str] = ()
) -> ReadResult:
    """Read a cohort with outcomes, with the reading settings of a bundle.

    Parameters
    ----------
    bundle : Bundle
    source : path or mapping of str to RawTable
        Folder of an export, or tables in memory by name.
    remarks : sequence of str
        On tables in memory as a whole.

    Returns
    -------
    ReadResult

    Raises
    ------
    InputError
        If a required table or column is missing, or no row can be used.

    Examples
    --------
    >>> from pipeline.cohort.files import raw_from_frame
    >>> from pipeline.model.bundle import empty_bundle
    >>> labs = pd.DataFrame({"patient_id": ["A"], "analyte": "CRP", "value": "9",
    ...                      "unit": "mg/L", "collected_hours": 30})
    >>> grades = pd.DataFrame({"patient_id": ["A"], "scale": "crs", "grade": 1,
    ...                        "assessed_hours": 24})
    >>> tables = {"patients": labs[["patient_id"]], "labs": labs, "assessments": grades}
    >>> raw = {name: raw_from_frame(table, name) for name, table in tables.items()}
    >>> read_cohort_for(empty_bundle(), raw).cohort.assessments["grade"].tolist()
    [1]
    """
    config, settings = bundle.config.cohort, _reading_settings(bundle)
    if isinstance(source, Mapping):
        return read_tables(source, config, remarks=remarks, **settings)
    return read_cohort(source, config, **settings)


def cohort_config_for(bundle: Bundle, time_zone: str | None = None) -> CohortConfig:
    """Reading settings of training; ``time_zone`` replaces the zone."""
    config = bundle.config.cohort
    return config if time_zone is None else config.model_copy(update={"time_zone": time_zone})


def prepare_batch(read: ReadResult, bundle: Bundle, *, as_of: bool = False) -> PreparedBatch:
    """Prepare a batch for scoring.

    Parameters
    ----------
    read : ReadResult
        From :func:`read_for`.
    bundle : Bundle
    as_of : bool
        Use ``read.as_of_hours`` as landmark instead of the newest result.

    Returns
    -------
    PreparedBatch

    Examples
    --------
    >>> from pipeline.cohort.files import raw_from_frame
    >>> from pipeline.model.bundle import empty_bundle
    >>> labs = pd.DataFrame({"patient_id": ["A"], "analyte": "CRP", "value": "9",
    ...                      "unit": "mg/L", "collected_hours": 30, "resulted_hours": 32})
    >>> bundle = empty_bundle()
    >>> prepared = prepare_batch(read_for(bundle, {"labs": raw_from_frame(labs, "labs")}), bundle)
    >>> prepared.landmarks["hours"].round().tolist(), prepared.statuses["icans"].status.tolist()
    ([32.0], ['abstained'])
    """
    config, support = bundle.config.predict, support_from_reference(bundle.reference)
    cohort = read.cohort.with_labs(apply_limits(read.cohort.labs, bundle.reference.limits))
    landmarks = batch_landmarks(cohort, read.as_of_hours if as_of else None)
    measured = build_features(cohort, landmarks, bundle.reference.spec)
    patient = landmarks["patient"].to_numpy()
    abstentions = abstention_codes(measured, products_of(cohort, patient), support, config)
    reasons = mostly_rejected_reasons(read.seen_ids, read, config)
    mostly_rejected = {
        name: reason for name, reason in zip(read.seen_ids, reasons, strict=True) if reason
    }
    ids = cohort.patients["patient_id"].iloc[patient]
    refused = np.array([mostly_rejected.get(name, "") for name in ids], dtype=object)
    return PreparedBatch(
        bundle=bundle,
        read=read,
        cohort=cohort,
        landmarks=landmarks,
        measured=measured,
        matrix=model_features(measured, read.cohort, bundle),
        support=support,
        mostly_rejected=mostly_rejected,
        abstentions=abstentions,
        statuses=batch_statuses(cohort, landmarks, bundle, abstentions, refused),
    )


def batch_statuses(
    cohort: Cohort,
    landmarks: pd.DataFrame,
    bundle: Bundle,
    abstentions: AbstentionCodes,
    mostly_rejected: NDArray[np.object_] | str = "",
) -> dict[str, OutcomeStatuses]:
    """Statuses by outcome; see :func:`pipeline.model.status.outcome_statuses`."""
    return {
        name: outcome_statuses(cohort, landmarks, outcome, abstentions, mostly_rejected)
        for name, outcome in bundle.config.outcomes.items()
    }


def _reading_settings(bundle: Bundle) -> dict[str, Any]:
    """Arguments of the reader that come from the training reference."""
    reference = bundle.reference
    return {
        "local": reference.local,
        "limits": reference.limits,
        "products": reference.products,
        "levels": {column.name: column.levels for column in reference.spec.host},
        "extra_scales": bundle.config.scales,
    }
