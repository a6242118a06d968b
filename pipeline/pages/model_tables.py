"""Table of a model's components, and the settings that differ from the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from pydantic import JsonValue

from pipeline.config_model import PRIOR
from pipeline.evaluate.evaluation_phrases import evaluation_phrase
from pipeline.evaluate.model_description import SIGNS
from pipeline.format import joined, words
from pipeline.model.evaluation_report import ModelDescription
from pipeline.pages.cohort_tables import analyte_short
from pipeline.pages.evaluation_tables import Grid
from pipeline.pages.evaluation_titles import named
from pipeline.pages.html import setting_text

_text = partial(evaluation_phrase, "made")


def model_grid(
    models: Mapping[str, ModelDescription], changed: Mapping[str, JsonValue]
) -> Grid | None:
    """One row per property and one column per scale."""
    if not models:
        return None
    columns = [dict(fact_text(model)) for model in models.values()]
    return Grid(
        _text("caption"),
        ("", *(words(scale).upper() if scale != "death" else _text("death") for scale in models)),
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
        return _text("no_changes")
    changes = "; ".join(f"{name} {_value(value)}" for name, value in changed.items())
    return _text("changes", changes=changes)


def fact_text(model: ModelDescription) -> list[tuple[str, str]]:
    """Properties of one scale's model as (name, value); names are the same for every scale."""
    state = model.clinical_state
    shown = _text("shown_both", shown=state.shown) if state.fitted else _text("shown_one")
    without = _text("without" if state.fitted else "members_only")
    thresholds = {
        grade: _text("threshold", grade=grade, weight=f"{weight:g}")
        for grade, weight in model.threshold_weights.items()
    }
    return [
        (_text("shown"), shown),
        (
            _text("thresholds"),
            ", ".join(
                _text("reported", threshold=text) if int(grade) in model.reported else text
                for grade, text in thresholds.items()
            ),
        ),
        (_text("members"), _members_text(model.members, without)),
        (_text("signs"), _signs_text(model.signs)),
        (_text("prior"), _text("one_more" if model.prior else "nil")),
        (_text("tuned"), _tuned_text(model.tuned)),
    ]


def _members_text(members: Mapping[str, Mapping[str, float]], without: str) -> str:
    names = {"with": _text("with"), "without": without}
    return "; ".join(
        f"{names[variant]}: "
        + ", ".join(
            f"{_text('other_cohort') if name == PRIOR else named(name)} {100 * share:.0f}%"
            for name, share in shares.items()
        )
        for variant, shares in members.items()
    )


def _signs_text(signs: Mapping[str, list[str]]) -> str:
    parts = [
        f"{_text(key)} {', '.join(analyte_short(name) for name in signs[key])}"
        for key in SIGNS
        if signs.get(key)
    ]
    return joined(parts) if parts else _text("nil")


def _tuned_text(tuned: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in tuned.items()) or _text("nothing")


def _value(value: JsonValue) -> str:
    """Write a setting; a table of settings as name and value."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_value(part)}" for name, part in value.items()) or _text("nil")
    if isinstance(value, list):
        return ", ".join(_value(part) for part in value) or _text("nil")
    return f"{value:g}" if isinstance(value, float) else setting_text(value)
