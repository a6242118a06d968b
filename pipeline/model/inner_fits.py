"""Members fitted without one fold of patients each; weights and calibration use their log-odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.arrays import Bools
from pipeline.model.stacked_rows import StackedRows
from pipeline.model.variant import Variant


@dataclass(frozen=True)
class InnerFits:
    """Members that a fit can be weighted and calibrated on, if they are fitted already.

    Attributes
    ----------
    held_out : tuple of ndarray of bool, shape (n_landmarks,)
        Landmarks of each inner fold.
    members : tuple of mapping
        Members fitted without that fold, by whether they use the clinical state; a variant is
        missing where the other folds do not have both classes.
    """

    held_out: tuple[Bools, ...]
    members: tuple[Mapping[bool, Variant], ...]

    def of(self, with_state: bool, rows: StackedRows) -> tuple[list[Bools], list[Variant]]:
        """Return the folds with rows, and the members of one variant fitted without each."""
        usable = [
            (fold, members[with_state])
            for fold, members in zip(self.held_out, self.members, strict=True)
            if with_state in members and fold[rows.landmark].any()
        ]
        return [fold for fold, _ in usable], [variant for _, variant in usable]
