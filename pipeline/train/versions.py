"""Versions of what decides the digits of a training."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from platform import python_version

_NUMERIC = ("numpy", "scipy", "pandas", "scikit-learn", "xgboost", "xgboost-cpu")


def versions() -> dict[str, str]:
    """Python and the installed numerical packages, by name."""
    found = {"python": python_version()}
    for name in _NUMERIC:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
