"""The result of reading an export: cohort, rejects, flags and counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline import log
from pipeline.cohort.analytes import Analyte
from pipeline.cohort.reject_summary import (
    PatientRejects,
    main_reject_reason,
    majority_lines,
    refusal_table,
    refused_share,
)
from pipeline.cohort.tables import Cohort
from pipeline.cohort.ungraded import no_grades_reason
from pipeline.config_cohort import CohortConfig


@dataclass
class ReadResult:
    """Result of reading an export.

    Attributes
    ----------
    cohort : Cohort
        Accepted rows only.
    rejects : DataFrame
        ``file, row, column, value, code, reason, remedy``.
    counts : dict
        Per file: read, accepted, rejected, collapsed, withdrawn, cells_ignored.
    local : dict of Analyte
        Cohort-local analytes by key.
    limits : dict
        Usual limits by analyte, see :func:`pipeline.cohort.detection_limits.usual_limits`.
    seen_ids : list of str
        Sorted patient ids of all tables, accepted or not.
    lost : dict
        Patient id to the main code of its rejects.
    sha256 : str
        Digest of the tables.
    turnaround_imputed : int
        Accepted rows of labs with an imputed result time.
    as_of_hours : ndarray of float, shape (n_patients,)
        Cut-off hour per patient (inf if there is none).
    refused : dict of PatientRejects
        Rejected input by patient id.
    files : dict
        Table to its file.
    derived : int
        Lab rows that are not in a file: albumin ratios derived from CSF and serum albumin.
    remarks : list of str
        Remarks on whole files: encoding, separator, renamed columns.
    flags : dict
        Per file, the number of accepted rows with each flag.
    notes : DataFrame
        The flagged rows, in the columns of ``rejects``.
    surplus : dict
        Per table, rows of the cohort minus accepted rows: positive for rows shared by two
        infusions, negative for rows before the current infusion of a batch.
    analytes_read, analytes_rejected : dict
        Exported analyte name to its rows of labs, and to its rejected rows per code.
    sources : DataFrame
        Unit and delay of every accepted row of labs, see :func:`pipeline.cohort.labs.read_labs`.
    """

    cohort: Cohort
    rejects: pd.DataFrame
    counts: dict[str, dict[str, int]]
    local: dict[str, Analyte]
    limits: dict[str, dict[str, float]]
    seen_ids: list[str]
    lost: dict[str, str]
    sha256: str
    turnaround_imputed: int
    as_of_hours: np.ndarray
    refused: dict[str, PatientRejects] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    derived: int = 0
    remarks: list[str] = field(default_factory=list)
    flags: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: pd.DataFrame = field(default_factory=pd.DataFrame)
    surplus: dict[str, int] = field(default_factory=dict)
    analytes_read: dict[str, int] = field(default_factory=dict)
    analytes_rejected: dict[str, dict[str, int]] = field(default_factory=dict)
    sources: pd.DataFrame = field(default_factory=pd.DataFrame)

    def report_refusals(self) -> None:
        """Log the rejects; as warnings if most of a file or analyte is rejected."""
        warnings = majority_lines(self.counts, self.analytes_read, self.analytes_rejected)
        write = log.warn if warnings else log.info
        for line in [*warnings, *refusal_table(self.rejects, self.counts)]:
            write(line)

    def refused_ids(self) -> list[str]:
        """Sorted ids of patients with a rejected result of a known analyte."""
        return sorted(patient for patient, item in self.refused.items() if item.results)

    def no_grades_reason(self, scales: Collection[str], config: CohortConfig) -> str:
        """Why no outcome of these scales can be learned; "" if a patient was graded."""
        refused = {
            file: main_reject_reason(self.rejects, self.counts, file) for file in self.counts
        }
        return no_grades_reason(
            self.cohort, scales, config.grades, self.files, self.counts, refused
        )

    def main_reject_reason(self, table: str) -> str:
        """Number of rejected rows of a table and the main reason; "" if there is none."""
        return main_reject_reason(self.rejects, self.counts, self.files.get(table, ""))

    def refused_share(self) -> tuple[int, int]:
        """Number of rejected rows of labs, and of rows that could be used."""
        return refused_share(self.analytes_read, self.analytes_rejected)
