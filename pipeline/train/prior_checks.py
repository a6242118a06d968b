"""Borrowing from another cohort's bundle: what must match, and what is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.config import Config
from pipeline.config_model import PRIOR
from pipeline.errors import InputError, UsageError
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec
from pipeline.model.bundle import Bundle
from pipeline.model.risk_model import PRIOR_SILENT, RiskModel
from pipeline.reading.read_result import ReadResult

_SAME = ("time_zero", "grading_system")


_WORDS = {"state": "with clinical state", "no_state": "without"}


def check_prior(prior: Bundle, config: Config, read: ReadResult, spec: FeatureSpec) -> None:
    """Refuse a prior that answers another question, measures otherwise or knows these patients.

    Raises
    ------
    UsageError
        The message says what differs and the way out.
    """
    if prior.prior is not None:
        raise UsageError(
            "--prior: this bundle borrows from another one itself; give that one",
            options=("prior",),
        )
    if prior.provenance["cohort_sha256"] == read.sha256:
        raise UsageError(
            "--prior: this bundle was trained on the same files, so it has seen the patients it "
            "would be scored on; give a bundle of another cohort",
            options=("prior",),
        )
    if prior.provenance.get("synthetic") and not config.cohort.synthetic:
        raise UsageError(
            "--prior: this bundle was trained on simulated patients and the cohort is real; give "
            "a bundle of real patients",
            options=("prior",),
        )
    for key in _SAME:
        ours, theirs = getattr(config.cohort, key), getattr(prior.config.cohort, key)
        if ours != theirs:
            raise UsageError(
                f"--prior: cohort.{key} is '{theirs}' there and '{ours}' here; they must be equal",
                options=("prior",),
            )
    if prior.reference.spec.grade_valid_hours != spec.grade_valid_hours:
        raise UsageError(
            f"--prior: a grade is valid for {prior.reference.spec.grade_valid_hours:g} h there and "
            f"for {spec.grade_valid_hours:g} h here; set features.grade_valid_hours alike",
            options=("prior",),
        )
    _check_outcomes(prior, config)
    _check_units(prior, spec)


def _check_outcomes(prior: Bundle, config: Config) -> None:
    theirs = {(item.scale, item.threshold): name for name, item in prior.config.outcomes.items()}
    for name, item in config.outcomes.items():
        if (item.scale, item.threshold) not in theirs:
            known = ", ".join(f"{other} ({key[0]} >= {key[1]})" for key, other in theirs.items())
            raise UsageError(
                f"--prior: the bundle does not predict {name} ({item.scale} >= {item.threshold}) "
                f"but {known}; choose shared outcomes with --outcomes",
                options=("prior", "outcomes"),
            )
    fitted = prior.config.model.horizons_hours
    missing = [hours for hours in config.model.horizons_hours if hours not in fitted]
    if missing:
        raise UsageError(
            f"--prior: the bundle was not fitted for {_listed(missing)} h but for "
            f"{_listed(fitted)} h; set model.horizons_hours to some of these",
            options=("prior",),
        )


def _check_units(prior: Bundle, spec: FeatureSpec) -> None:
    theirs = {item.key: item.unit for item in prior.reference.spec.analytes}
    for item in spec.analytes:
        if theirs.get(item.key, item.unit) != item.unit:
            raise UsageError(
                f"--prior: {item.key} is in {theirs[item.key]} there and in {item.unit} here; "
                "train one of the two again with the other's unit",
                options=("prior",),
            )


def _listed(hours: tuple[float, ...] | list[float]) -> str:
    return ", ".join(f"{item:g}" for item in hours)


def prior_facts(
    prior: Bundle, config: Config, models: Mapping[str, RiskModel], abstentions: Mapping[str, Any]
) -> dict[str, Any]:
    """What the bundle and the evaluation record about the prior; nothing about one patient.

    Parameters
    ----------
    abstentions : mapping
        Scale to what :func:`count_prior_abstentions` counted.
    """
    shares = {
        scale: {
            variant: round(float(part.shares[-1]), 6)
            for variant, part in (("state", model.state), ("no_state", model.no_state))
            if part is not None
        }
        for scale, model in models.items()
    }
    return {
        "cohort_name": prior.provenance["cohort_name"],
        "cohort_sha256": prior.provenance["cohort_sha256"],
        "bundle_sha256": prior.provenance["bundle_sha256"],
        "n_patients": prior.provenance["n_patients"],
        "weight": config.model.weights.get(PRIOR),  # none: learned
        "shares": shares,
        "silent": dict(abstentions),
    }


def count_prior_abstentions(matrix: FeatureMatrix, scale: str) -> dict[str, Any]:
    """Landmarks at which the prior gives no estimate, by reason.

    Raises
    ------
    InputError
        If it gives none at all.
    """
    codes = matrix.landmarks[PRIOR_SILENT].to_numpy(dtype=str)
    reasons, counts = np.unique(codes[codes != ""], return_counts=True)
    by_reason = {str(key): int(count) for key, count in zip(reasons, counts, strict=True)}
    if counts.sum() == len(codes):
        reasons_text = ", ".join(f"{key} {count}" for key, count in by_reason.items())
        raise InputError(
            f"--prior: it gives no estimate at any of the {len(codes)} landmarks ({scale}: "
            f"{reasons_text}), so there is nothing to borrow; train without it",
            options=("prior",),
        )
    return {"n": len(codes), "n_silent": int(counts.sum()), "by_reason": by_reason}


def prior_sentences(facts: Mapping[str, Any]) -> list[str]:
    """What a reader must know about the prior, and what nobody can check."""
    shares = "; ".join(
        f"{scale}: "
        + ", ".join(f"{100 * share:.0f} % {_WORDS[name]}" for name, share in part.items())
        for scale, part in facts["shares"].items()
    )
    silent = "; ".join(
        f"{scale}: {part['n_silent']} of {part['n']} landmarks"
        + "".join(f", {reason} {count}" for reason, count in part["by_reason"].items())
        for scale, part in facts["silent"].items()
    )
    how = "a learned" if facts["weight"] is None else "the stated"
    return [
        f"The model borrows from a bundle trained on {facts['n_patients']} patients of the cohort "
        f"'{facts['cohort_name']}': its log-odds are one more member with {how} "
        f"share of the mean ({shares}). Where its own rule gives no estimate the model without "
        f"it answers ({silent}).",
        "Whether a patient of this cohort was also in the cohort of the prior cannot be checked "
        "beyond the files being different; every such patient makes the figures of the prior and "
        "of this model too good.",
    ]
