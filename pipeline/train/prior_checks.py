"""Checks and records a prior: the bundle of another cohort that the model borrows from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from pipeline.config import Config
from pipeline.config_model import PRIOR
from pipeline.errors import InputError, UsageError
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.spec import FeatureSpec
from pipeline.model.bundle import Bundle
from pipeline.model.recalibration_report import learned_from
from pipeline.model.risk_model import PRIOR_SILENT, RiskModel
from pipeline.reading.read_result import ReadResult

_SAME = ("time_zero", "grading_system")


_text = partial(evaluation_phrase, "training")


def check_prior(prior: Bundle, config: Config, read: ReadResult, spec: FeatureSpec) -> None:
    """Refuse a prior with other outcomes or units, or trained on the same patients.

    Raises
    ------
    UsageError
        The message names the difference and the remedy.
    """
    if prior.prior is not None:
        raise UsageError(
            "--prior: this bundle already borrows from another bundle; give that other bundle",
            options=("prior",),
        )
    if read.sha256 in learned_from(prior.provenance):
        raise UsageError(
            "--prior: this bundle was trained on the same files, so evaluation would be biased; "
            "give a bundle of another cohort",
            options=("prior",),
        )
    if prior.provenance.get("synthetic") and not config.cohort.synthetic:
        raise UsageError(
            "--prior: this bundle was trained on simulated patients, but the cohort is real; give "
            "a bundle of real patients",
            options=("prior",),
        )
    for key in _SAME:
        ours, theirs = getattr(config.cohort, key), getattr(prior.config.cohort, key)
        if ours != theirs:
            raise UsageError(
                f"--prior: cohort.{key} is '{theirs}' in the bundle and '{ours}' here; give a "
                "bundle with the same value",
                options=("prior",),
            )
    if prior.reference.spec.grade_valid_hours != spec.grade_valid_hours:
        raise UsageError(
            "--prior: features.grade_valid_hours is "
            f"{prior.reference.spec.grade_valid_hours:g} in the bundle and "
            f"{spec.grade_valid_hours:g} here; set it to the value of the bundle",
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
                f"--prior: the bundle does not predict {name} ({item.scale} >= {item.threshold}), "
                f"only {known}; choose shared outcomes with --outcomes",
                options=("prior", "outcomes"),
            )
    fitted = prior.config.model.horizons_hours
    missing = [hours for hours in config.model.horizons_hours if hours not in fitted]
    if missing:
        raise UsageError(
            f"--prior: the bundle was not fitted for {_listed(missing)} h, only for "
            f"{_listed(fitted)} h; set model.horizons_hours to some of these",
            options=("prior",),
        )


def _check_units(prior: Bundle, spec: FeatureSpec) -> None:
    theirs = {item.key: item.unit for item in prior.reference.spec.analytes}
    for item in spec.analytes:
        if theirs.get(item.key, item.unit) != item.unit:
            raise UsageError(
                f"--prior: {item.key} is in {theirs[item.key]} in the bundle and in {item.unit} "
                "here; train one of the two again with the other unit",
                options=("prior",),
            )


def _listed(hours: tuple[float, ...] | list[float]) -> str:
    return ", ".join(f"{item:g}" for item in hours)


def prior_record(
    prior: Bundle, config: Config, models: Mapping[str, RiskModel], abstentions: Mapping[str, Any]
) -> dict[str, Any]:
    """Record of the prior for the bundle and the evaluation; no data of single patients.

    Parameters
    ----------
    abstentions : mapping
        Scale to the result of :func:`count_prior_abstentions`.
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
        If the prior abstains at every landmark.
    """
    codes = matrix.landmarks[PRIOR_SILENT].to_numpy(dtype=str)
    reasons, counts = np.unique(codes[codes != ""], return_counts=True)
    by_reason = {str(key): int(count) for key, count in zip(reasons, counts, strict=True)}
    if counts.sum() == len(codes):
        reasons_text = ", ".join(f"{key} {count}" for key, count in by_reason.items())
        raise InputError(
            f"--prior: the bundle gives no estimate at any of the {len(codes)} landmarks ({scale}: "
            f"{reasons_text}); train without --prior",
            options=("prior",),
        )
    return {"n": len(codes), "n_silent": int(counts.sum()), "by_reason": by_reason}


def prior_sentences(record: Mapping[str, Any]) -> list[str]:
    """Warnings of the evaluation about the prior, from :func:`prior_record`."""
    shares = "; ".join(
        f"{scale}: "
        + ", ".join(f"{100 * share:.0f}% {_text(f'prior_{name}')}" for name, share in part.items())
        for scale, part in record["shares"].items()
    )
    silent = "; ".join(
        _text(
            "silent",
            scale=scale,
            part=part["n_silent"],
            whole=part["n"],
            reasons="".join(f", {reason} {n}" for reason, n in part["by_reason"].items()),
        )
        for scale, part in record["silent"].items()
    )
    how = _text("learned" if record["weight"] is None else "configured")
    return [
        _text(
            "prior",
            patients=record["n_patients"],
            cohort=record["cohort_name"],
            how=how,
            shares=shares,
            silent=silent,
        ),
        _text("prior_overlap"),
    ]
