"""A member that can only be run: its log-odds for every coalition of players."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.explain.game import Bools, Floats
from pipeline.model.custom import CustomMember
from pipeline.model.stack import Ints

_AT_ONCE = 100_000


@dataclass(frozen=True)
class Opaque:
    """A custom member between one patient and the prototypes.

    Attributes
    ----------
    share : float
        What a unit of its log-odds adds to the calibrated log-odds.
    owner : ndarray of int, shape (n_columns,)
        Player of each column; negative where the column stays the patient's.
    own : ndarray, shape (1, n_columns)
    others : ndarray, shape (n_prototypes, n_columns)
    """

    member: CustomMember
    share: float
    owner: Ints
    own: Floats
    others: Floats

    def active(self, n_players: int) -> Bools:
        """Players of a column in which any prototype differs from the patient."""
        same = (self.others == self.own) | (np.isnan(self.others) & np.isnan(self.own))
        result = np.zeros(n_players, dtype=bool)
        result[self.owner[(self.owner >= 0) & ~same.all(axis=0)]] = True
        return result

    def among(self, players: Ints) -> Opaque:
        """Return it with players renumbered; columns of all others stay the patient's.

        The others are those who change nothing.
        """
        number = {int(player): place for place, player in enumerate(players)}
        owner = np.array([number.get(int(player), -1) for player in self.owner], dtype=np.intp)
        return replace(self, owner=owner)

    def change(self, coalitions: Bools) -> Floats:
        """Calibrated log-odds of each coalition minus the patient's.

        Returns
        -------
        ndarray, shape (n_coalitions, n_prototypes)
        """
        owned = self.owner >= 0
        taken = np.ones((len(coalitions), len(self.owner)), dtype=bool)
        taken[:, owned] = coalitions[:, self.owner[owned]]
        distinct, number = np.unique(taken, axis=0, return_inverse=True)
        patient = self.member.score(self.own)[0]
        size = max(1, _AT_ONCE // len(self.others))
        found = [
            self.member.score(
                np.where(part[:, None, :], self.own, self.others).reshape(-1, len(self.owner))
            )
            for part in (distinct[at : at + size] for at in range(0, len(distinct), size))
        ]
        scores = np.concatenate(found).reshape(len(distinct), len(self.others))
        return np.asarray(self.share * (scores - patient)[number.ravel()])
