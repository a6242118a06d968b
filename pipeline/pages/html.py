"""The HTML shell: one strict jinja2 environment whose templates extend ``base.html.j2``."""

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
    Return the environment that reads a room's templates first and the shared ones second.

    Everything is escaped, an undefined name is an error, and a None or NaN that reaches
    the output is written as an en dash. The number formats are filters.

    Examples
    --------
    >>> env = environment(BASE)
    >>> env.from_string("{{ name }}: {{ p | percent }}, {{ x }}").render(name="<b>", p=0.2, x=None)
    '&lt;b&gt;: 20 %, –'
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
    Render one self-contained page from a room's templates folder.

    Parameters
    ----------
    templates : pathlib.Path
        Folder of the room's own templates; they may say ``{% extends "base.html.j2" %}``
        and fill the blocks `style`, `heading`, `main` and `footer`.
    template : str
        Name of the template in that folder.
    **context : Any
        `title` is required by the base; `synthetic` (default False) adds the banner.

    Examples
    --------
    >>> page = render(BASE, "base.html.j2", title="Audit <1>", synthetic=True)
    >>> "<h1>Audit &lt;1&gt;</h1>" in page, "SYNTHETIC DATA" in page
    (True, True)
    """
    return _cached(templates).get_template(template).render(**context)


_cached = cache(environment)


def facts(table: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """
    Write every plain entry as (name, value) in words; nested tables are left out.

    Examples
    --------
    >>> facts({"seed": 7, "horizons_h": [24, 72], "synthetic": True}, {"horizons_h": "Horizons"})
    [('Seed', '7'), ('Horizons', '24, 72'), ('Synthetic', 'yes')]
    """
    return [
        (names.get(name, words(name)), fact(value))
        for name, value in table.items()
        if not isinstance(value, Mapping)
    ]


def fact(value: Any) -> str:
    """
    Write one setting; a missing one is a dash.

    Examples
    --------
    >>> fact(False), fact(None), fact(["a", 2]), fact(float("nan"))
    ('no', '–', 'a, 2', '–')
    """
    if isinstance(value, list | tuple):
        return ", ".join(fact(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and is_missing(value)):
        return DASH
    return str(value)


def _shown(value: Any) -> Any:
    """Never let None, NaN or a character that does not print reach a page."""
    if isinstance(value, str):
        clean = visible(value)
        return Markup(clean) if isinstance(value, Markup) else clean
    missing = value is None or (isinstance(value, float) and not math.isfinite(value))
    return format.DASH if missing else value
