"""The front door: exports in, a validated :class:`Cohort` and a list of rejects out."""

from pipeline.cohort.reader import ReadResult, read_batch, read_cohort
from pipeline.cohort.tables import Cohort

__all__ = ["Cohort", "ReadResult", "read_batch", "read_cohort"]
