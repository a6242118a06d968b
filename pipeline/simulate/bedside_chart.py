"""Simulated bedside observations that yield each charted grade (ASTCT)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.arrays import Bools, Floats, Ints
from pipeline.simulate.simulation_settings import named

_LOW_FLOW = ("nasal_cannula", "blow_by")
_HIGH_FLOW = (
    "high_flow_nasal_cannula",
    "face_mask",
    "venturi_mask",
    "non_rebreather_mask",
    "nasal_cannula",
)
_PRESSURE = ("cpap", "bipap", "ventilator")
_ICE_PARTS = {
    "ice_orientation": 4,
    "ice_naming": 3,
    "ice_command": 1,
    "ice_writing": 1,
    "ice_attention": 1,
}


def chart_observations(
    assessed: pd.DataFrame, site: Ints, settings: Mapping[str, Any], random: np.random.Generator
) -> pd.DataFrame:
    """Generate the observations behind each pair of grades.

    Parameters
    ----------
    assessed : DataFrame
        ``patient, hours, crs, icans, treated``; fever may be masked if ``treated``.
    site : ndarray of int, shape (n_patients,)
        Site of each patient.
    settings : mapping
        ``simulation.yaml``.
    random : numpy.random.Generator
        Stream ``bedside``.

    Returns
    -------
    DataFrame
        ``patient, item, value, observed_hours``.
    """
    writer = _Writer(assessed)
    crs = assessed["crs"].to_numpy()
    _write_crs(writer, crs, assessed["treated"].to_numpy(), random)
    parts = np.array([item["ice_parts"] for item in named(settings["sites"]).values()])
    split = parts[site[assessed["patient"].to_numpy()]]
    _write_icans(writer, assessed["icans"].to_numpy(), split, random)
    return writer.table()


class _Writer:
    """Collects items for chosen rows of the assessments."""

    def __init__(self, assessed: pd.DataFrame) -> None:
        self.assessed = assessed
        self.parts: list[pd.DataFrame] = []

    def write(self, item: str, rows: Bools, value: np.ndarray | str) -> None:
        """Add one item; ``value`` is one text or one entry per assessment."""
        chosen = self.assessed.loc[rows]
        cells = value if isinstance(value, str) else np.asarray(value)[rows]
        self.parts.append(
            pd.DataFrame(
                {
                    "patient": chosen["patient"].to_numpy(),
                    "item": item,
                    "value": pd.Series(cells, index=range(len(chosen)), dtype="str"),
                    "observed_hours": chosen["hours"].to_numpy(),
                }
            )
        )

    def table(self) -> pd.DataFrame:
        """Return all rows, by patient and time."""
        return pd.concat(self.parts, ignore_index=True).sort_values(
            ["patient", "observed_hours", "item", "value"], kind="stable", ignore_index=True
        )


def _write_crs(writer: _Writer, crs: Ints, treated: Bools, random: np.random.Generator) -> None:
    count = len(crs)
    everyone = np.ones(count, dtype=bool)
    draw = random.uniform(size=(6, count))
    masked = (crs >= 2) & treated & (draw[0] < 0.5)
    warm = np.where((crs >= 1) & ~masked, 38.0 + 1.9 * draw[1] + 0.1 * crs, 36.2 + 1.3 * draw[1])
    writer.write("temperature_c", everyone, _decimal(warm))
    writer.write(
        "antipyretic", (crs >= 1) | masked, np.where(masked | (draw[2] < 0.3), "yes", "no")
    )
    # organs behind the grade: 0 circulation, 1 lungs, 2 both
    organ = np.minimum((3 * draw[3]).astype(np.int64), 2)
    low = (crs >= 2) & (organ != 1)
    breathless = (crs >= 2) & (organ != 0)
    writer.write("hypotension", everyone, np.where(low, "yes", "no"))
    pressor = (crs >= 3) & low
    writer.write("vasopressor", pressor, "norepinephrine")
    writer.write("vasopressor", (crs == 3) & low & (draw[4] < 0.2), "vasopressin")
    second = (crs == 4) & low
    writer.write("vasopressor", second, np.where(draw[4] < 0.6, "epinephrine", "phenylephrine"))
    writer.write("vasopressor", (crs <= 2) & low & (draw[4] < 0.5), "none")
    pick = draw[5]
    # if the grade is due to the circulation, the lungs may need less oxygen
    device = np.full(count, "room_air", dtype=object)
    device = np.where(breathless & (crs == 2), _pick(_LOW_FLOW, pick), device)
    device = np.where(breathless & (crs == 3), _pick(_HIGH_FLOW, pick), device)
    device = np.where(breathless & (crs == 4), _pick(_PRESSURE, pick), device)
    device = np.where(low & ~breathless & (crs >= 3) & (pick < 0.4), "nasal_cannula", device)
    writer.write("oxygen_device", everyone, device)
    fast = breathless & (crs == 3)
    flow = np.where(fast, 8 + np.floor(30 * draw[1]), 1 + np.floor(6 * draw[1]))
    cannula = np.isin(device, ["nasal_cannula", "high_flow_nasal_cannula"])
    writer.write("oxygen_flow_l_min", cannula, flow.astype(np.int64).astype("str"))


def _write_icans(writer: _Writer, icans: Ints, split: Bools, random: np.random.Generator) -> None:
    count = len(icans)
    draw = random.uniform(size=(3, count))
    bounds = np.array([[10, 10], [7, 9], [3, 6], [0, 2], [0, 0]])[icans]
    score = bounds[:, 0] + np.floor((bounds[:, 1] - bounds[:, 0] + 1) * draw[0]).astype(np.int64)
    # a seizure alone may give grade 3, with a better ICE score
    seized = (icans == 3) & (draw[1] < 0.2)
    score = np.where(seized, np.maximum(score, 3), score)
    long_seizure = (icans == 4) & (draw[1] < 0.25)
    weak = (icans == 4) & (draw[1] > 0.9)
    state = np.array(["spontaneous", "spontaneous", "voice", "tactile", "unarousable"])[icans]
    # awake but mute (global aphasia) is grade 3 too
    awake = (icans == 3) & (draw[2] < 0.5)
    state = np.where(awake, "spontaneous", state)
    everyone = np.ones(count, dtype=bool)
    writer.write("consciousness", everyone, state)
    writer.write("seizure", seized | long_seizure, np.where(seized, "brief", "prolonged"))
    writer.write("motor_deficit", weak, "deep_focal_weakness")
    # patients who cannot be roused cannot be tested
    tested = icans < 4
    writer.write("ice_score", tested & ~split, score.astype("str"))
    remaining = score.copy()
    for item, most in _ICE_PARTS.items():
        points = np.minimum(remaining, most)
        writer.write(item, tested & split, points.astype("str"))
        remaining = remaining - points


def _pick(options: tuple[str, ...], draw: Floats) -> np.ndarray:
    index = np.minimum((len(options) * draw).astype(np.int64), len(options) - 1)
    return np.array(options, dtype=object)[index]


def _decimal(values: Floats) -> np.ndarray:
    return np.array([f"{value:.1f}" for value in values], dtype=object)
