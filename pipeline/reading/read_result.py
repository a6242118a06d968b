"""What reading an export gives: the cohort, its rejects, flags and counts."""

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
    """What reading an export gave.

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
        Every patient id met in any table, accepted or not, sorted.
    lost : dict
        Patient id to the code that says best why its rows were refused.
    refused : dict of Refused
        Patient id to what of its input was refused.
    as_of_hours : ndarray of float, shape (n_patients,)
        Latest admissible hour per patient (inf where there is none).
    derived : int
        Lab rows that come from no file: albumin ratios derived from their two parts.
    remarks : list of str
        Sentences on whole files: another encoding or separator, columns read under another name.
    flags : dict
        Per file, how many accepted rows carry each flag.
    notes : DataFrame
        The flagged rows, in the columns of ``rejects``.
    surplus : dict
        Per table, rows of the cohort beyond the accepted ones: what later infusions share with
        earlier ones, or (negative) what lies before the current infusion of a batch.
    analytes_read, analytes_rejected : dict
        Rows of labs by the analyte's name as exported; of the refused ones, per name and code.
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
        """Say on stderr what was refused; a warning where that is most of a file or analyte."""
        loud = majority_lines(self.counts, self.analytes_read, self.analytes_rejected)
        say = log.warn if loud else log.info
        for line in [*loud, *refusal_table(self.rejects, self.counts)]:
            say(line)

    def refused_ids(self) -> list[str]:
        """Patients with a refused result of a known analyte, sorted."""
        return sorted(patient for patient, item in self.refused.items() if item.results)

    def no_grades_reason(self, scales: Collection[str], config: CohortConfig) -> str:
        """Why no outcome of these scales can be learned, "" where somebody was graded."""
        refused = {
            file: main_reject_reason(self.rejects, self.counts, file) for file in self.counts
        }
        return no_grades_reason(
            self.cohort, scales, config.grades, self.files, self.counts, refused
        )

    def main_reject_reason(self, table: str) -> str:
        """How many rows of a table were refused and mostly why, "" where none was."""
        return main_reject_reason(self.rejects, self.counts, self.files.get(table, ""))

    def refused_share(self) -> tuple[int, int]:
        """Refused rows of labs, and how many could have been used."""
        return refused_share(self.analytes_read, self.analytes_rejected)
