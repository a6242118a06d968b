"""Columns of the lab rows that a registered model and the HTTP service accept."""

from __future__ import annotations

from pipeline.cohort.schema import TableSchema
from pipeline.model.bundle import Bundle

REQUIRED = ("patient_id", "analyte", "value", "unit", "collected_hours")
# lab rows have no infusion time, so only times in hours are accepted
NOT_TAKEN = ("collected_at", "collected_days", "resulted_at", "resulted_days")


def optional_columns(bundle: Bundle) -> list[str]:
    """Optional columns: those of ``labs``, then those of patients that features use.

    Parameters
    ----------
    bundle : Bundle

    Returns
    -------
    list of str

    Examples
    --------
    >>> from pipeline.model.bundle import empty_bundle
    >>> "resulted_hours" in optional_columns(empty_bundle())
    True
    """
    names = [name for name in TableSchema.load("labs").fields if name not in NOT_TAKEN]
    names += [column.name for column in bundle.reference.spec.host]
    return [name for name in dict.fromkeys(names) if name not in REQUIRED]
