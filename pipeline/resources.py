"""Where the reviewed data files live: ``data_schema/`` and ``configs/``."""

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
    """Path of a file in ``data_schema/``."""
    return _ROOT / "data_schema" / name


def config_path(name: str) -> Path:
    """Path of a file in ``configs/``."""
    return _ROOT / "configs" / name


def read_yaml(path: Path) -> Any:
    """Parse a YAML file; a syntax error names the file and line.

    Raises
    ------
    UsageError
        If the file is missing, is not YAML, repeats a key, grows by references, is nested too
        deeply, or holds a number of too many digits.
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
    """Parsed YAML file of ``data_schema/`` (cached; treat as read-only)."""
    return yaml.load(schema_path(name).read_text(encoding="utf-8"), Loader=UniqueKeys)


@cache
def schema_json(name: str) -> Any:
    """Parsed JSON file of ``data_schema/`` (cached; treat as read-only)."""
    return json.loads(schema_path(name).read_text(encoding="utf-8"))
