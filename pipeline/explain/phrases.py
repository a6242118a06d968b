"""Text of a page: sentences of ``sentences.yaml``, and risks and points as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.format import MINUS, integer, is_missing, joined
from pipeline.resources import schema_yaml

_NARROW = "\u00a0"
_MOST_HOURS = 48.0  # older than this is stated in days
_SYNDROMES = ("crs", "icans")


def section(name: str) -> Mapping[str, Any]:
    """Return one section of ``data_schema/sentences.yaml``.

    Parameters
    ----------
    name : str
        Key of the section.

    Returns
    -------
    mapping

    Examples
    --------
    >>> section("between")["from_points"]
    5
    """
    content: Mapping[str, Any] = schema_yaml("sentences.yaml")[name]
    return content


def phrase(name: str, key: str, /, **parts: object) -> str:
    """Return a sentence of a section with its placeholders filled.

    A sentence that begins with the short name of an outcome begins with a capital.

    Parameters
    ----------
    name, key : str
        Section of ``sentences.yaml`` and key of the sentence in it.
    **parts : object
        Values of the placeholders.

    Returns
    -------
    str

    Examples
    --------
    >>> phrase("flags", "range", analytes="CRP")
    'CRP beyond training'
    """
    template = str(section(name)[key])
    text = template.format(**parts)
    return text[:1].upper() + text[1:] if template.startswith("{short}:") else text


def counted_phrase(name: str, key: str, /, count: int, **parts: object) -> str:
    """Return a sentence with a number: its form ``one`` for 1, else ``many``.

    Parameters
    ----------
    name, key : str
        Section of ``sentences.yaml`` and key of the two forms in it.
    count : int
        Value of the placeholder ``count``.
    **parts : object
        Values of further placeholders.

    Returns
    -------
    str

    Examples
    --------
    >>> counted_phrase("estimate", "point", 1), counted_phrase("estimate", "point", 2)
    ('1 point', '2 points')
    """
    forms = section(name)[key]
    return str(forms["one" if count == 1 else "many"]).format(count=integer(count), **parts)


def sentence(name: str) -> str:
    """Return a sentence of ``sentences.yaml`` that is not in a section.

    Parameters
    ----------
    name : str
        Key of the sentence.

    Returns
    -------
    str

    Examples
    --------
    >>> sentence("unseen")[:20]
    'The model cannot see'
    """
    return str(schema_yaml("sentences.yaml")[name])


def risk_text(risk: float) -> str:
    """Format a probability in whole percent, clipped below 1 and above 99.

    Parameters
    ----------
    risk : float
        Probability.

    Returns
    -------
    str

    Examples
    --------
    >>> [risk_text(risk) for risk in (0.184, 0.004, 0.999)]
    ['18%', 'under 1%', 'over 99%']
    """
    return f"{_digits(risk)}%"


def interval_text(low: float, high: float) -> str:
    """Format an interval of probabilities in whole percent.

    Parameters
    ----------
    low, high : float
        Probabilities.

    Returns
    -------
    str

    Examples
    --------
    >>> interval_text(0.11, 0.29), interval_text(0.001, 0.08), interval_text(0.001, 0.002)
    ('11–29%', '0–8%', 'under 1%')
    """
    if _digits(low) == _digits(high):
        return risk_text(low)
    ends = ("0" if low < 0.01 else _digits(low), "100" if high > 0.99 else _digits(high))
    return f"{ends[0]}–{ends[1]}%"


def points_text(points: float) -> str:
    """Format percentage points without their sign.

    Parameters
    ----------
    points : float
        Percentage points.

    Returns
    -------
    str

    Examples
    --------
    >>> points_text(-5.7), points_text(1.2), points_text(0.3)
    ('6 points', '1 point', 'under 1 point')
    """
    count = whole(abs(points))
    if count == 0:
        return phrase("estimate", "under_point")
    return counted_phrase("estimate", "point", count)


def signed_points(points: float) -> str:
    """Format percentage points with arrow and sign, for a chart.

    Parameters
    ----------
    points : float
        Percentage points.

    Returns
    -------
    str

    Examples
    --------
    >>> signed_points(5.7), signed_points(-2.0), signed_points(0.2)
    ('▲ +6', '▼ −2', '0')
    """
    count = whole(abs(points))
    if count == 0:
        return "0"
    return f"▲ +{count}" if points > 0 else f"▼ {MINUS}{count}"


def ratio_to_average(ratio: float) -> str:
    """Describe a risk relative to the average of its day; empty if that is unknown.

    Parameters
    ----------
    ratio : float
        Risk divided by the base rate of the day; NaN if unknown.

    Returns
    -------
    str

    Examples
    --------
    >>> ratio_to_average(2.6), ratio_to_average(1.0), ratio_to_average(float("nan"))
    ('about 3 times average', 'about average', '')
    """
    if is_missing(ratio):
        return ""
    steps = schema_yaml("sentences.yaml")["times_usual"]
    template = [str(step["words"]) for step in steps if ratio >= step["from"]][-1]
    return template.format(times=whole(ratio))


def age_text(hours: float) -> str:
    """Format an age or another span in whole hours, over 48 h in days.

    Parameters
    ----------
    hours : float
        Age in hours.

    Returns
    -------
    str

    Examples
    --------
    >>> [age_text(hours).replace(chr(160), " ") for hours in (0.4, 41.2, 30000.0)]
    ['under 1 h', '41 h', '1,250 days']
    """
    if hours < 1:
        return f"under 1{_NARROW}h"
    if hours <= _MOST_HOURS:
        return f"{whole(hours)}{_NARROW}h"
    return f"{integer(whole(hours / 24))}{_NARROW}days"


def listed_phrases(names: Sequence[str], most: int = 5) -> str:
    """Join names for a sentence, shortened if there are many.

    Examples
    --------
    >>> listed_phrases(["CRP", "IL-6"]), listed_phrases(list("abcdefg"))
    ('CRP and IL-6', 'a, b, c, d and 3 more')
    """
    if len(names) <= most:
        return joined(names)
    return joined([*names[: most - 1], f"{len(names) - most + 1} more"])


def outcome_short(outcome: str) -> str:
    """Return the short name of an outcome on charts and in sentences.

    A name without an entry in ``sentences.yaml`` is split into words, with syndromes in capitals.

    Parameters
    ----------
    outcome : str
        Name of a configured outcome.

    Returns
    -------
    str

    Examples
    --------
    >>> outcome_short("severe_crs"), outcome_short("crs_grade_2"), outcome_short("any_infection")
    ('severe CRS', 'CRS grade 2', 'any infection')
    """
    words = (word.upper() if word in _SYNDROMES else word for word in outcome.split("_"))
    return str(section("outcomes").get(outcome, " ".join(words)))


def whole(value: float) -> int:
    """Round to an integer, halves up.

    Parameters
    ----------
    value : float
        Number to round.

    Returns
    -------
    int

    Examples
    --------
    >>> whole(2.5), whole(-2.5)
    (3, -2)
    """
    return math.floor(value + 0.5)


def is_clipped(risk: float) -> bool:
    """Whether a probability is shown as under 1% or over 99%.

    Parameters
    ----------
    risk : float
        Probability.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_clipped(0.004), is_clipped(0.01)
    (True, False)
    """
    return not 0.01 <= risk <= 0.99


def _digits(risk: float) -> str:
    if is_clipped(risk):
        return "under 1" if risk < 0.5 else "over 99"
    return str(whole(100 * risk))


def pathway_name(key: str) -> str:
    """Return the name of a pathway or of another group of features.

    Parameters
    ----------
    key : str
        Pathway, or ``clinical_state``, ``treatments``, ``host_product``, ``measurement``.

    Returns
    -------
    str

    Examples
    --------
    >>> pathway_name("inflammation"), pathway_name("treatments")
    ('Systemic inflammation', 'Drugs given')
    """
    groups = section("groups")
    return str(groups[key]) if key in groups else pathway_title(key)


def pathway_title(key: str) -> str:
    """Return the name of a pathway in ``pathways.yaml``, or the key if it is not listed.

    Parameters
    ----------
    key : str
        Pathway.

    Returns
    -------
    str

    Examples
    --------
    >>> pathway_title("inflammation")
    'Systemic inflammation'
    """
    return str(schema_yaml("pathways.yaml")["pathways"].get(key, {"name": key})["name"])
