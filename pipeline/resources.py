"""Where the reviewed data files live: ``data_schema/`` and ``configs/``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import UsageError

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
        If the file is missing or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not valid YAML: {error}") from error


@cache
def schema_yaml(name: str) -> Any:
    """Parsed YAML file of ``data_schema/`` (cached; treat as read-only)."""
    return read_yaml(schema_path(name))


@cache
def schema_json(name: str) -> Any:
    """Parsed JSON file of ``data_schema/`` (cached; treat as read-only)."""
    return json.loads(schema_path(name).read_text(encoding="utf-8"))
