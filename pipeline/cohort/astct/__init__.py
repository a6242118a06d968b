"""ASTCT 2019 grades of CRS and ICANS, derived from raw bedside observations."""

from pipeline.cohort.astct.derive import derive_grades, with_grades

__all__ = ["derive_grades", "with_grades"]
