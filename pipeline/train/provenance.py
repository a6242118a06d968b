"""Where a bundle comes from: cohort, settings, versions, audit; nothing about one patient."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

from pipeline import __version__
from pipeline.audit.runner import AuditReport
from pipeline.config import Config

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
    cohort_summary: Mapping[str, Any],
    audit: AuditReport,
    prior: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Content of ``provenance.json``.

    Parameters
    ----------
    cohort_summary : mapping
        Name, digest and counts of the cohort, see ``train.fit.cohort_summary``.
    prior : mapping or None
        What is recorded about the bundle that the model borrows from.
    """
    return {
        **{f"cohort_{key}": cohort_summary[key] for key in ("name", "sha256")},
        "config_sha256": config.sha256(),
        "package_version": __version__,
        "versions": versions(),
        "n_patients": cohort_summary["n_patients"],
        "synthetic": config.cohort.synthetic,
        "event_patients": cohort_summary["event_patients"],
        "audit": audit.summary(),
        "intended_use": "research use only",
        **({"prior": prior} if prior else {}),
    }
