"""The latent state of every patient at one moment: all that the future depends on."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from pipeline.cohort.simulate.settings import Bools, Floats, Ints


@dataclass
class State:
    """Axes, grades, hazards gathered since the last assessment, and drugs given.

    Attributes
    ----------
    fluctuation : ndarray
        AR(1) deviation of inflammation, natural log.
    inflammation, cytokine, acute_phase, macrophage, endothelium, barrier, neuronal, myeloid
        Axes, zero at rest.
    crs, icans : ndarray of int
        Grade as of the last assessment.
    crs_onset, icans_onset : ndarray
        Hour of the first grade of at least 1; inf before.
    crs_hazard, crs_up_hazard, icans_hazard, icans_up_hazard : ndarray
        Integrated since the last assessment.
    first_toci, last_toci, first_steroid, last_steroid, last_anakinra : ndarray
        Hours; inf or -inf where never.
    died : ndarray
        Hour of death; inf where alive.
    """

    fluctuation: Floats
    inflammation: Floats
    cytokine: Floats
    acute_phase: Floats
    macrophage: Floats
    endothelium: Floats
    barrier: Floats
    neuronal: Floats
    myeloid: Floats
    crs: Ints
    icans: Ints
    crs_onset: Floats
    icans_onset: Floats
    crs_hazard: Floats
    crs_up_hazard: Floats
    icans_hazard: Floats
    icans_up_hazard: Floats
    first_toci: Floats
    last_toci: Floats
    toci_doses: Ints
    first_steroid: Floats
    last_steroid: Floats
    last_anakinra: Floats
    died: Floats

    def take(self, rows: Ints) -> State:
        """Copy of the given patients, repeats allowed."""
        return State(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    @property
    def alive(self) -> Bools:
        """Who has not died."""
        return np.isinf(self.died)


_NEVER_YET = ("crs_onset", "icans_onset", "first_toci", "first_steroid", "died")
_NEVER_BEFORE = ("last_toci", "last_steroid", "last_anakinra")
_WHOLE = ("crs", "icans", "toci_doses")


def at_rest(count: int) -> State:
    """State before anything happens."""
    parts: dict[str, np.ndarray] = {}
    for item in fields(State):
        fill = 0.0
        if item.name in _NEVER_YET:
            fill = np.inf
        elif item.name in _NEVER_BEFORE:
            fill = -np.inf
        kind = np.int64 if item.name in _WHOLE else np.float64
        parts[item.name] = np.full(count, fill, dtype=kind)
    return State(**parts)
