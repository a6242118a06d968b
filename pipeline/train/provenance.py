"""Where a bundle comes from: cohort, settings, versions, audit; nothing about one patient."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

from pipeline import __version__
from pipeline.audit.runner import AuditReport
from pipeline.config import Config
from pipeline.model.evaluation_report import EvaluatedCohort

_NUMERIC = ("numpy", "scipy", "pandas", "scikit-learn", "xgboost", "xgboost-cpu")


def versions() -> dict[str, str]:
    """Python and the installed numerical packages, by name."""
    installed = {"python": python_version()}
    for name in _NUMERIC:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            continue
    return installed


def provenance_of(
    config: Config,
    cohort: EvaluatedCohort,
    audit: AuditReport,
    prior: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Content of ``provenance.json``.

    Parameters
    ----------
    cohort : EvaluatedCohort
        Name, digest and counts of the training cohort.
    prior : mapping or None
        What is recorded about the bundle that the model borrows from.
    """
    return {
        "cohort_name": cohort.name,
        "cohort_sha256": cohort.sha256,
        "config_sha256": config.sha256(),
        "package_version": __version__,
        "versions": versions(),
        "n_patients": cohort.n_patients,
        "synthetic": config.cohort.synthetic,
        "event_patients": cohort.event_patients,
        "audit": audit.summary(),
        "intended_use": "research use only",
        **({"prior": prior} if prior else {}),
    }
