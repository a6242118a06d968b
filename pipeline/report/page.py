"""The HTML shell: one strict jinja2 environment per room, whose templates extend base.html.j2."""

import math
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from pipeline.report import format as fmt

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
        fmt.decimal,
        fmt.signed,
        fmt.integer,
        fmt.plain,
        fmt.percent,
        fmt.proportion,
        fmt.words,
    )
    env.filters.update({function.__name__: function for function in named})
    paired = (fmt.interval, fmt.percent_interval, fmt.bracket, fmt.count_of)
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


def _shown(value: Any) -> Any:
    """Never let None or NaN reach a page, whatever a template forgot."""
    missing = value is None or (isinstance(value, float) and not math.isfinite(value))
    return fmt.DASH if missing else value
