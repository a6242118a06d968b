"""Renders HTML templates in one strict jinja2 environment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline import format
from pipeline.errors import visible
from pipeline.format import DASH, is_missing, words

BASE = Path(__file__).parent / "templates"


def environment(templates: Path) -> Environment:
    """
    Return an environment that looks up templates in a folder first, then the shared ones.

    Output is escaped, undefined names raise, and None and NaN are written as an en dash.
    Number formats are filters.

    Examples
    --------
    >>> env = environment(BASE)
    >>> env.from_string("{{ name }}: {{ p | percent }}, {{ x }}").render(name="<b>", p=0.2, x=None)
    '&lt;b&gt;: 20%, –'
    """
    env = Environment(
        loader=ChoiceLoader([FileSystemLoader(templates), FileSystemLoader(BASE)]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named = (
        format.decimal,
        format.signed,
        format.integer,
        format.plain,
        format.percent,
        format.proportion,
        format.words,
    )
    env.filters.update({function.__name__: function for function in named})
    paired = (format.interval, format.percent_interval, format.bracket, format.count_of)
    env.globals.update({function.__name__: function for function in paired})
    return env


def render(templates: Path, template: str, /, **context: Any) -> str:
    """
    Render one self-contained page.

    Parameters
    ----------
    templates : pathlib.Path
        Folder of templates; they may extend ``base.html.j2`` and fill its blocks `style`,
        `heading`, `main` and `footer`.
    template : str
        Name of the template in that folder.
    **context : Any
        Template variables. The base requires `title`; `synthetic` adds the banner.

    Examples
    --------
    >>> page = render(BASE, "base.html.j2", title="Audit <1>", synthetic=True)
    >>> "<h1>Audit &lt;1&gt;</h1>" in page, "SYNTHETIC DATA" in page
    (True, True)
    """
    return _cached(templates).get_template(template).render(**context)


_cached = cache(environment)


def setting_rows(table: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """
    Write every scalar or list entry as (name, value); nested tables are skipped.

    Examples
    --------
    >>> settings = {"seed": 7, "horizons_h": [24, 72], "synthetic": True}
    >>> setting_rows(settings, {"horizons_h": "Horizons"})
    [('Seed', '7'), ('Horizons', '24, 72'), ('Synthetic', 'yes')]
    """
    return [
        (names.get(name, words(name)), setting_text(value))
        for name, value in table.items()
        if not isinstance(value, Mapping)
    ]


def setting_text(value: Any) -> str:
    """
    Write one setting; a missing one is a dash.

    Examples
    --------
    >>> [setting_text(value) for value in (False, None, ["a", 2], float("nan"))]
    ['no', '–', 'a, 2', '–']
    """
    if isinstance(value, list | tuple):
        return ", ".join(setting_text(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and is_missing(value)):
        return DASH
    return str(value)


def _shown(value: Any) -> Any:
    """Replace None, NaN and non-printing characters before output."""
    if isinstance(value, str):
        clean = visible(value)
        return Markup(clean) if isinstance(value, Markup) else clean
    missing = value is None or (isinstance(value, float) and not math.isfinite(value))
    return format.DASH if missing else value
