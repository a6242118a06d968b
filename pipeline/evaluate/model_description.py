"""Describes the model of each scale: members, weights, thresholds, signs, prior, clinical state."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from pipeline.config import Config
from pipeline.features.spec import FeatureSpec
from pipeline.model.evaluation_report import ClinicalState, ModelDescription
from pipeline.model.outcomes import reported_thresholds
from pipeline.model.risk_model import RiskModel
from pipeline.model.variant import Variant

_GROUPS = ("cohort", "landmarks", "features", "model", "evaluation", "predict", "gates")
_HIDDEN = ("cohort.name", "cohort.synthetic")
SIGNS = ("up", "down")  # a risk that may only rise, or fall, with an analyte


def describe_models(
    models: Mapping[str, RiskModel], config: Config, spec: FeatureSpec
) -> dict[str, ModelDescription]:
    """Describe the fitted model of each scale.

    Parameters
    ----------
    models : mapping of str to RiskModel
        By scale.
    config : Config
    spec : FeatureSpec

    Returns
    -------
    dict of str to ModelDescription

    Examples
    --------
    >>> import numpy as np
    >>> from pipeline.model.bundle import empty_bundle
    >>> from pipeline.model.calibration import identity
    >>> from pipeline.model.linear import LinearDesign, LinearMember
    >>> design = LinearDesign(("crp__last",), (1.0,), (1,), None, 1.0)
    >>> zeros = np.zeros((1, 2))
    >>> labs = LinearMember("labs", design, zeros[0], zeros[0], (24.0,), (3,), zeros)
    >>> variant = Variant((labs,), (), identity((24.0,), (3,)))
    >>> model = RiskModel("crs", (3,), (24.0,), None, labs, variant, None)
    >>> bundle = empty_bundle()
    >>> described = describe_models({"crs": model}, bundle.config, bundle.reference.spec)["crs"]
    >>> described.members, described.clinical_state.shown
    ({'without': {'labs': 1.0}}, 'without')
    """
    return {
        scale: ModelDescription(
            thresholds=list(model.thresholds),
            reported=list(reported_thresholds(config.outcomes, scale)),
            threshold_weights=_threshold_weights(model, config),
            horizons_h=[float(hours) for hours in model.horizons],
            clinical_state=ClinicalState(
                fitted=model.state is not None,
                shown="with" if model.shown is model.state else "without",
            ),
            members={
                name: _shares(variant)
                for name, variant in (("with", model.state), ("without", model.no_state))
                if variant is not None
            },
            signs=_signs(model, config, spec),
            prior=model.prior is not None,
            tuned=dict(model.tuned),
        )
        for scale, model in models.items()
    }


def changed_settings(config: Config) -> dict[str, JsonValue]:
    """Settings that differ from the defaults, by name in a configuration file.

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> config = load_config()
    >>> milder = config.model.model_copy(update={"ridge_labs": 600.0})
    >>> changed_settings(config), changed_settings(config.model_copy(update={"model": milder}))
    ({}, {'model.ridge_labs': 600.0})
    """
    default = Config(outcomes=config.outcomes).model_dump(mode="json")
    own = config.model_dump(mode="json")
    return {
        f"{group}.{name}": value
        for group in _GROUPS
        for name, value in own[group].items()
        if value != default[group][name] and f"{group}.{name}" not in _HIDDEN
    }


def _threshold_weights(model: RiskModel, config: Config) -> dict[str, float]:
    stated = config.model.threshold_weights.get(model.scale, {})
    reported = reported_thresholds(config.outcomes, model.scale)
    other = config.model.other_threshold_weight
    return {
        str(grade): float(stated.get(grade, 1.0 if grade in reported else other))
        for grade in model.thresholds
    }


def _shares(variant: Variant) -> dict[str, float]:
    shares: dict[str, float] = {}
    for name, share in zip(variant.names, variant.shares, strict=True):
        shares[name] = round(shares.get(name, 0.0) + float(share), 4)
    return shares


def _signs(model: RiskModel, config: Config, spec: FeatureSpec) -> dict[str, list[str]]:
    """Analytes of the model whose direction on the scale is constrained."""
    if not config.model.signs:
        return {}
    read = {name.split("__")[0] for name in model.columns}
    return {
        direction: [
            analyte.key
            for analyte in spec.analytes
            if analyte.key in read and analyte.direction.get(model.scale) == direction
        ]
        for direction in SIGNS
    }
