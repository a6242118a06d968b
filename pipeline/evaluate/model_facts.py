"""What shaped a model, per scale: members, weights, thresholds, signs, prior and clinical state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.config import Config
from pipeline.config_model import PRIOR
from pipeline.evaluate.grids import Grid
from pipeline.evaluate.outcomes import reported_thresholds
from pipeline.evaluate.wording import named
from pipeline.features.spec import FeatureSpec
from pipeline.model.risk_model import RiskModel, Variant
from pipeline.report.facts import fact
from pipeline.report.format import joined, words

_GROUPS = ("cohort", "landmarks", "features", "model", "evaluation", "predict", "gates")
_UNTOLD = ("cohort.name", "cohort.synthetic")
_MEMBERS = {PRIOR: "Model of another cohort"}
_SIGNS = {"up": "risk may only rise with", "down": "risk may only fall with"}


def model_facts(
    models: Mapping[str, RiskModel], config: Config, spec: FeatureSpec
) -> dict[str, Any]:
    """Per scale what the fitted model is made of; JSON-ready.

    Returns
    -------
    dict
        Scale to ``thresholds``, ``reported``, ``threshold_weights``, ``horizons_h``,
        ``clinical_state`` (``fitted`` or not, the risk ``shown``), ``members`` (share in the mean
        by variant), ``signs`` (analytes by direction), ``prior`` and ``tuned``.
    """
    return {
        scale: {
            "thresholds": list(model.thresholds),
            "reported": list(reported_thresholds(config.outcomes, scale)),
            "threshold_weights": _threshold_weights(model, config),
            "horizons_h": [float(hours) for hours in model.horizons],
            "clinical_state": {
                "fitted": model.state is not None,
                "shown": "with" if model.shown is model.state else "without",
            },
            "members": {
                name: _shares(variant)
                for name, variant in (("with", model.state), ("without", model.no_state))
                if variant is not None
            },
            "signs": _signs(model, config, spec),
            "prior": model.prior is not None,
            "tuned": dict(model.tuned),
        }
        for scale, model in models.items()
    }


def changed_settings(config: Config) -> dict[str, Any]:
    """Settings that differ from the defaults, by their name in a configuration file.

    Examples
    --------
    >>> from pipeline.config import load_config
    >>> config = load_config()
    >>> milder = config.model.model_copy(update={"ridge_labs": 600.0})
    >>> changed_settings(config), changed_settings(config.model_copy(update={"model": milder}))
    ({}, {'model.ridge_labs': 600.0})
    """
    usual = Config(outcomes=config.outcomes).model_dump(mode="json")
    own = config.model_dump(mode="json")
    return {
        f"{group}.{name}": value
        for group in _GROUPS
        for name, value in own[group].items()
        if value != usual[group][name] and f"{group}.{name}" not in _UNTOLD
    }


def model_grid(facts: Mapping[str, Mapping[str, Any]], changed: Mapping[str, Any]) -> Grid | None:
    """One row per fact and one column per scale."""
    if not facts:
        return None
    told = [dict(fact_words(entry)) for entry in facts.values()]
    return Grid(
        "What the model is made of",
        ("", *(words(scale).upper() if scale != "death" else "Death" for scale in facts)),
        [(name, *(column[name] for column in told)) for name in told[0]],
        settings_words(changed),
    )


def settings_words(changed: Mapping[str, Any]) -> str:
    """Settings that differ from the defaults, in one sentence.

    Examples
    --------
    >>> settings_words({}), settings_words({"model.signs": False})
    ('All settings are the defaults.', 'Settings that differ from the defaults: model.signs no.')
    """
    if not changed:
        return "All settings are the defaults."
    told = "; ".join(f"{name} {_value(value)}" for name, value in changed.items())
    return f"Settings that differ from the defaults: {told}."


def fact_words(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Facts of one scale as (name, value) in words, the same names for every scale."""
    state = entry["clinical_state"]
    shown = (
        f"risk {state['shown']} clinical state, both evaluated"
        if state["fitted"]
        else "none: no grade is charted here, so the one model reads no clinical state"
    )
    without = "without clinical state" if state["fitted"] else "members"
    members = entry["members"]
    return [
        ("Shown", shown),
        (
            "Grades asked, weight in the fit",
            ", ".join(
                f"{grade} or more: {weight:g}" + (" (reported)" if int(grade) in reported else "")
                for reported in (entry["reported"],)
                for grade, weight in entry["threshold_weights"].items()
            ),
        ),
        ("Members, share in the mean of log-odds", _members_words(members, without)),
        ("Signs", _signs_words(entry["signs"])),
        ("Prior of another cohort", "one more member" if entry["prior"] else "none"),
        ("Tuned in the final fit", _tuned_words(entry["tuned"])),
    ]


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
    """Analytes whose direction on the scale is held, among those that the model reads."""
    if not config.model.signs:
        return {}
    read = {name.split("__")[0] for name in model.columns}
    return {
        direction: [
            analyte.key
            for analyte in spec.analytes
            if analyte.key in read and analyte.direction.get(model.scale) == direction
        ]
        for direction in _SIGNS
    }


def _members_words(members: Mapping[str, Mapping[str, float]], without: str) -> str:
    names = {"with": "with clinical state", "without": without}
    return "; ".join(
        f"{names[variant]}: "
        + ", ".join(
            f"{_MEMBERS.get(name) or named(name)} {100 * share:.0f} %"
            for name, share in shares.items()
        )
        for variant, shares in members.items()
    )


def _signs_words(signs: Mapping[str, list[str]]) -> str:
    told = [f"{said} {', '.join(signs[key])}" for key, said in _SIGNS.items() if signs.get(key)]
    return joined(told) if told else "none"


def _tuned_words(tuned: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in tuned.items()) or "nothing"


def _value(value: Any) -> str:
    """A setting in words; a table of settings as name and value."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_value(part) for part in value) or "none"
    return f"{value:g}" if isinstance(value, float) else fact(value)
