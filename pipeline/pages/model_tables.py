"""Table of a model's components, and the settings that differ from the defaults."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from pipeline.config_model import PRIOR
from pipeline.evaluate.model_description import _SIGNS
from pipeline.format import joined, words
from pipeline.model.evaluation_report import ModelDescription
from pipeline.pages.cohort_tables import analyte_short
from pipeline.pages.evaluation_tables import Grid
from pipeline.pages.evaluation_titles import named
from pipeline.pages.html import setting_text

_MEMBERS = {PRIOR: "Model of another cohort"}


def model_grid(
    models: Mapping[str, ModelDescription], changed: Mapping[str, JsonValue]
) -> Grid | None:
    """One row per property and one column per scale."""
    if not models:
        return None
    columns = [dict(fact_text(model)) for model in models.values()]
    return Grid(
        "What the model is made of",
        ("", *(words(scale).upper() if scale != "death" else "Death" for scale in models)),
        [(name, *(column[name] for column in columns)) for name in columns[0]],
        settings_text(changed),
    )


def settings_text(changed: Mapping[str, JsonValue]) -> str:
    """List the settings that differ from the defaults.

    Examples
    --------
    >>> settings_text({}), settings_text({"model.signs": False})
    ('All settings are the defaults.', 'Settings that differ from the defaults: model.signs no.')
    """
    if not changed:
        return "All settings are the defaults."
    changes = "; ".join(f"{name} {_value(value)}" for name, value in changed.items())
    return f"Settings that differ from the defaults: {changes}."


def fact_text(model: ModelDescription) -> list[tuple[str, str]]:
    """Properties of one scale's model as (name, value); names are the same for every scale."""
    state = model.clinical_state
    shown = (
        f"risk {state.shown} clinical state, both evaluated"
        if state.fitted
        else "none: no grade is charted here, so the one model reads no clinical state"
    )
    without = "without clinical state" if state.fitted else "members"
    return [
        ("Shown", shown),
        (
            "Thresholds fitted, weight in the fit",
            ", ".join(
                f"{grade} or more: {weight:g}"
                + (" (reported)" if int(grade) in model.reported else "")
                for grade, weight in model.threshold_weights.items()
            ),
        ),
        ("Members, share in the mean of log-odds", _members_text(model.members, without)),
        ("Signs", _signs_text(model.signs)),
        ("Prior of another cohort", "one more member" if model.prior else "none"),
        ("Tuned in the final fit", _tuned_text(model.tuned)),
    ]


def _members_text(members: Mapping[str, Mapping[str, float]], without: str) -> str:
    names = {"with": "with clinical state", "without": without}
    return "; ".join(
        f"{names[variant]}: "
        + ", ".join(
            f"{_MEMBERS.get(name) or named(name)} {100 * share:.0f}%"
            for name, share in shares.items()
        )
        for variant, shares in members.items()
    )


def _signs_text(signs: Mapping[str, list[str]]) -> str:
    parts = [
        f"{label} {', '.join(analyte_short(name) for name in signs[key])}"
        for key, label in _SIGNS.items()
        if signs.get(key)
    ]
    return joined(parts) if parts else "none"


def _tuned_text(tuned: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in tuned.items()) or "nothing"


def _value(value: JsonValue) -> str:
    """Write a setting; a table of settings as name and value."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(part)}" for name, part in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_value(part) for part in value) or "none"
    return f"{value:g}" if isinstance(value, float) else setting_text(value)
