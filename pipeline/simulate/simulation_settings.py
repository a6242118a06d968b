"""Settings of the synthetic cohort from ``data_schema/simulation.yaml``, and random draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.arrays import Floats, Ints
from pipeline.errors import UsageError
from pipeline.resources import schema_yaml

STREAMS = ("people", "course", "markers", "orders", "assays", "bedside", "planted", "truth")


def load(panel: str | None = None) -> dict[str, Any]:
    """Return all settings (treat as read-only).

    Parameters
    ----------
    panel : str, optional
        Panel of ``simulation.yaml`` whose settings replace those of its analytes.

    Returns
    -------
    dict
        Content of ``simulation.yaml``.

    Raises
    ------
    UsageError
        If there is no such panel.

    Examples
    --------
    >>> load()["analytes"]["nfl"]["order"], load("research")["analytes"]["nfl"]["order"]
    (0.06, 0.0)
    """
    content: dict[str, Any] = schema_yaml("simulation.yaml")
    if panel is None:
        return content
    if panel not in content["panels"]:
        known = ", ".join(content["panels"])
        raise UsageError(
            f"the panel {panel!r} does not exist; accepted: {known}. Omit it for routine draws."
        )
    analytes = dict(content["analytes"])
    for draw in content["panels"][panel]["draws"]:
        analytes |= {key: {**analytes[key], **draw["settings"]} for key in draw["analytes"]}
    return {**content, "analytes": analytes}


def named(group: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the named entries of a group, without its source."""
    return {name: entry for name, entry in group.items() if name != "source"}


def generators(seed: int) -> dict[str, np.random.Generator]:
    """Return one independent generator per part, so that parts can change independently.

    Parameters
    ----------
    seed : int
        Seed of all generators.

    Returns
    -------
    dict of str to numpy.random.Generator
        One for each of ``STREAMS``.

    Examples
    --------
    >>> a, b = generators(1)["course"], generators(1)["course"]
    >>> float(a.uniform()) == float(b.uniform())
    True
    """
    children = np.random.SeedSequence(seed).spawn(len(STREAMS))
    return {
        name: np.random.default_rng(child) for name, child in zip(STREAMS, children, strict=True)
    }


def choose(shares: Floats, draws: Floats) -> Ints:
    """Return the category of each uniform draw, by share.

    Examples
    --------
    >>> choose(np.array([1.0, 3.0]), np.array([0.1, 0.3, 0.9])).tolist()
    [0, 1, 1]
    """
    edges = np.cumsum(shares / shares.sum())
    return np.minimum(np.searchsorted(edges, draws, side="right"), len(shares) - 1).astype(np.int64)


def between(
    random: np.random.Generator, bounds: Sequence[float], size: int | tuple[int, ...]
) -> Floats:
    """Draw uniformly between two bounds of the settings."""
    return np.asarray(random.uniform(float(bounds[0]), float(bounds[1]), size), dtype=float)
