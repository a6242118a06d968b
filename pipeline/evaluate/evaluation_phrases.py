"""Text of evaluation, model card, audit and monitoring, from ``evaluation_sentences.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.resources import schema_yaml

FILE = "evaluation_sentences.yaml"


def evaluation_section(name: str) -> Mapping[str, Any]:
    """Return one section of ``data_schema/evaluation_sentences.yaml``.

    Parameters
    ----------
    name : str
        Key of the section.

    Returns
    -------
    mapping

    Examples
    --------
    >>> evaluation_section("verdicts")["calibrated"]
    'No miscalibration found'
    """
    content: Mapping[str, Any] = schema_yaml(FILE)[name]
    return content


def evaluation_phrase(name: str, key: str, /, **parts: object) -> str:
    """Return a text of a section with its placeholders filled.

    Parameters
    ----------
    name, key : str
        Section and key of the text.
    **parts : object
        Values of the placeholders.

    Returns
    -------
    str

    Examples
    --------
    >>> evaluation_phrase("scorecard", "level", mean="4%", observed="3%")
    'mean risk 4%, observed 3%'
    """
    return str(evaluation_section(name)[key]).format(**parts)
