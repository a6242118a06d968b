"""Columns of the lab rows that a registered model and the HTTP service take."""

from __future__ import annotations

from pipeline.cohort.schema import TableSchema
from pipeline.model.bundle import Bundle

REQUIRED = ("patient_id", "analyte", "value", "unit", "collected_hours")
# lab rows come without an infusion time, so their times are hours
NOT_TAKEN = ("collected_at", "collected_days", "resulted_at", "resulted_days")


def optional_columns(bundle: Bundle) -> list[str]:
    """Columns besides the required ones: of ``labs``, then those of patients that features use."""
    names = [name for name in TableSchema.load("labs").fields if name not in NOT_TAKEN]
    names += [column.name for column in bundle.reference.spec.host]
    return [name for name in dict.fromkeys(names) if name not in REQUIRED]
