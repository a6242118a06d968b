"""Locates and reads the reviewed data files in ``data_schema/`` and ``configs/``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UsageError
from pipeline.input_files import read_settings
from pipeline.safe_yaml import PARSER, UniqueKeys, refuse_unsafe

_PACKAGED = Path(__file__).parent / "_data"
_ROOT = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parent.parent


def schema_path(name: str) -> Path:
    """Path of a file in ``data_schema/``.

    Parameters
    ----------
    name : str

    Returns
    -------
    Path

    Examples
    --------
    >>> schema_path("drugs.yaml").is_file()
    True
    """
    return _ROOT / "data_schema" / name


def config_path(name: str) -> Path:
    """Path of a file in ``configs/``.

    Parameters
    ----------
    name : str

    Returns
    -------
    Path

    Examples
    --------
    >>> config_path("default.yaml").is_file()
    True
    """
    return _ROOT / "configs" / name


def read_yaml(path: Path) -> Any:
    """Parse a YAML file; the message of a syntax error names file and line.

    Parameters
    ----------
    path : Path

    Returns
    -------
    object
        Mapping, list or scalar.

    Raises
    ------
    UsageError
        If the file is missing, is not YAML, repeats a key, multiplies references, is nested too
        deeply, or holds a number with too many digits.

    Examples
    --------
    >>> read_yaml(config_path("cohorts/synthetic.yaml"))["cohort"]["synthetic"]
    True
    """
    text = read_settings(path)
    try:
        refuse_unsafe(yaml.parse(text, Loader=PARSER), path)
        return yaml.load(text, Loader=UniqueKeys)
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {error}") from error
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{path} holds a value that cannot be read: {error}") from error


@cache
def schema_yaml(name: str) -> Any:
    """Content of a YAML file of ``data_schema/`` (cached; treat as read-only).

    Parameters
    ----------
    name : str

    Returns
    -------
    object

    Examples
    --------
    >>> schema_yaml("drugs.yaml")["drugs"]["anakinra"]["class"]
    'il1_blocker'
    """
    return yaml.load(schema_path(name).read_text(encoding="utf-8"), Loader=UniqueKeys)


@cache
def schema_json(name: str) -> Any:
    """Content of a JSON file of ``data_schema/`` (cached; treat as read-only).

    Parameters
    ----------
    name : str

    Returns
    -------
    object

    Examples
    --------
    >>> schema_json("predictions.json")["fields"][0]["name"]
    'patient_id'
    """
    return json.loads(schema_path(name).read_text(encoding="utf-8"))
