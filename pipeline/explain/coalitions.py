"""Game of a displayed risk: the risk if only some players have the patient's values."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from pipeline.arrays import Bools, Floats, Ints
from pipeline.explain.trees import FIXED, PlayerTrees, player_trees
from pipeline.features.matrix import FeatureMatrix
from pipeline.features.names import FeatureMeta
from pipeline.features.score_definitions import GROUP as SCORES
from pipeline.model.booster import BoosterMember
from pipeline.model.custom_member import CustomMember
from pipeline.model.horizon_order import Interpolation, between, needed, rising
from pipeline.model.linear import LinearMember
from pipeline.model.stacked_rows import StackedRows, query
from pipeline.model.variant import Variant

_AT_ONCE = 100_000


STATE, MEASUREMENT, TIME = "clinical_state", "measurement", "time__hours"
_CHUNK = 512
_WORD = 8  # bytes of an integer that holds a row


@dataclass(frozen=True)
class BlackBoxMember:
    """A custom member, evaluated for mixtures of one patient and the prototypes.

    Attributes
    ----------
    share : ndarray, shape (n_horizons,)
        Calibrated log-odds per unit of the member's log-odds.
    owner : ndarray of int, shape (n_columns,)
        Player of each column; negative if the column keeps the patient's value.
    own : ndarray, shape (1, n_columns)
        Inputs of the patient.
    others : ndarray, shape (n_prototypes, n_columns)
        Inputs of the prototypes.
    """

    member: CustomMember
    share: Floats
    owner: Ints
    own: Floats
    others: Floats

    def active(self, n_players: int) -> Bools:
        """Whether any prototype differs from the patient in a column of each player."""
        same = (self.others == self.own) | (np.isnan(self.others) & np.isnan(self.own))
        result = np.zeros(n_players, dtype=bool)
        result[self.owner[(self.owner >= 0) & ~same.all(axis=0)]] = True
        return result

    def among(self, players: Ints) -> BlackBoxMember:
        """Renumber the given players; columns of other players keep the patient's values.

        The other players must have no effect.
        """
        number = {int(player): index for index, player in enumerate(players)}
        owner = np.array([number.get(int(player), -1) for player in self.owner], dtype=np.intp)
        return replace(self, owner=owner)

    def change(self, coalitions: Bools) -> Floats:
        """Return the member's log-odds of each coalition minus those of the patient.

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
        parts = [
            self.member.score(
                np.where(part[:, None, :], self.own, self.others).reshape(-1, len(self.owner))
            )
            for part in (distinct[at : at + size] for at in range(0, len(distinct), size))
        ]
        scores = np.concatenate(parts).reshape(len(distinct), len(self.others))
        return np.asarray((scores - patient)[number.ravel()])


@dataclass(frozen=True)
class RiskGame:
    """Risk of one patient at every horizon as a game between players.

    Terms are given at ``n_steps`` fitted horizons, on which the risks at ``n_horizons`` asked ones
    depend.

    Attributes
    ----------
    subsets : ndarray of bool, shape (n_terms, n_players)
        Players that a coalition must include for a term to count.
    terms : ndarray, shape (n_terms, n_steps, n_prototypes)
        Calibrated log-odds.
    whole : ndarray, shape (n_steps,)
        Calibrated log-odds of the patient, with every term.
    weight : ndarray, shape (n_prototypes,)
        Weights of the prototypes; sum to 1.
    asked : Interpolation or None
        Asked horizons between the steps, whose log-odds are put in order; None if they are the
        steps and in order by construction.
    opaque : tuple of BlackBoxMember
        Custom members, which have no terms and are evaluated for every coalition.
    """

    subsets: Bools
    terms: Floats
    whole: Floats
    weight: Floats
    asked: Interpolation | None = None
    opaque: tuple[BlackBoxMember, ...] = ()

    @property
    def n_horizons(self) -> int:
        """Number of asked horizons."""
        return len(self.whole if self.asked is None else self.asked.lower)

    def active(self) -> Bools:
        """Whether each player changes the risk for any prototype; the others have value 0."""
        nonzero = np.any(self.terms != 0.0, axis=(1, 2))
        active = np.asarray(self.subsets[nonzero].any(axis=0))
        for member in self.opaque:
            active = active | member.active(len(active))
        return active

    def among(self, players: Ints) -> RiskGame:
        """Restrict the game to the given players."""
        return replace(
            self,
            subsets=self.subsets[:, players],
            opaque=tuple(member.among(players) for member in self.opaque),
        )

    def risk(self, coalitions: Bools) -> Floats:
        """Mean risk of each coalition, shape (n_coalitions, n_horizons)."""
        log_odds = self._log_odds(coalitions)
        result = np.empty((len(coalitions), self.n_horizons))
        for start in range(0, len(coalitions), _CHUNK):
            part = slice(start, start + _CHUNK)
            here = log_odds(part)
            result[part] = expit(here, out=here) @ self.weight
        return result

    def mean_log_odds(self, coalitions: Bools) -> Floats:
        """Mean calibrated log-odds of each coalition, shape (n_coalitions, n_horizons)."""
        return np.asarray(self._log_odds(coalitions)(slice(None)) @ self.weight)

    def _log_odds(self, coalitions: Bools) -> _LogOdds:
        """Log-odds of coalitions; players that always occur together are merged."""
        first, number = _distinct(coalitions.T)
        joined = np.arange(len(first)) == number[:, None]
        needed = self.subsets.astype(np.float32) @ joined.astype(np.float32) > 0
        kept, term = _distinct(needed)
        order = np.argsort(term, kind="stable")
        starts = np.searchsorted(term[order], np.arange(len(kept)))
        flat = self.terms.reshape(len(self.terms), self.whole.size * self.weight.size)
        terms = np.add.reduceat(flat[order], starts, axis=0) if len(order) else flat
        start = self.whole[:, None] - self.terms.sum(axis=0)
        together, distinct = coalitions[:, first], needed[kept]
        changes = tuple((member.share, member.change(coalitions)) for member in self.opaque)
        return _LogOdds(
            together.astype(np.float32),
            distinct.astype(np.float32),
            terms,
            start,
            changes,
            self.asked,
        )


@dataclass(frozen=True)
class _LogOdds:
    coalitions: np.typing.NDArray[np.float32]
    subsets: np.typing.NDArray[np.float32]
    terms: Floats
    start: Floats
    changes: tuple[tuple[Floats, Floats], ...]
    asked: Interpolation | None

    def __call__(self, part: slice) -> Floats:
        """Return log-odds, shape (n_coalitions, n_horizons, n_prototypes)."""
        counts = self.coalitions[part] @ self.subsets.T == self.subsets.sum(axis=1)
        here: Floats = (counts.astype(float) @ self.terms).reshape(-1, *self.start.shape)
        here += self.start
        for share, change in self.changes:
            here += share[:, None] * change[part][:, None, :]
        if self.asked is None:
            return here
        return np.moveaxis(self.asked(np.moveaxis(rising(here, axis=1), 1, -1)), -1, 1)


def _distinct(rows: Bools) -> tuple[Ints, Ints]:
    """Index of the first of each set of equal rows, and the number of the set of each row."""
    packed = np.packbits(rows, axis=1)
    if packed.shape[1] <= _WORD:
        words = np.zeros((len(rows), _WORD), dtype=np.uint8)
        words[:, : packed.shape[1]] = packed
        _, first, number = np.unique(
            words.view(np.uint64).ravel(), return_index=True, return_inverse=True
        )
        return first, number
    numbers: dict[bytes, int] = {}
    number = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in packed])
    return np.unique(number, return_index=True)[1], number


class Switchboard:
    """Builds the games of patients with one variant, threshold and set of horizons.

    Parameters
    ----------
    variant : Variant
        Members and calibration.
    metas : tuple of FeatureMeta
        One per column of the feature matrix.
    players : tuple of str
        Players in the order of the coalitions.
    threshold : int
        Grade that defines the outcome.
    horizons : tuple of float
        Hours ahead.
    """

    def __init__(
        self,
        variant: Variant,
        metas: tuple[FeatureMeta, ...],
        players: tuple[str, ...],
        threshold: int,
        horizons: tuple[float, ...],
    ) -> None:
        self._variant, self._players = variant, players
        self._threshold, self._horizons = threshold, horizons
        self._asked = None
        if variant.by_horizon:
            self._horizons = needed(horizons, variant.calibration.knots)
            self._asked = between(np.asarray(horizons, dtype=float), self._horizons)
        self._owner = {meta.name: players.index(meta.player) for meta in metas}
        self._values = {
            player: [n for n, meta in enumerate(metas) if meta.player == player]
            for player in {meta.player for meta in metas if meta.group in ("analyte", SCORES)}
        }
        self._trees = {
            number: self._read(member)
            for number, (member, _) in enumerate(variant.weighted(self._query(1)))
            if isinstance(member, BoosterMember)
        }

    def game(self, patient: FeatureMatrix, background: FeatureMatrix, weight: Floats) -> RiskGame:
        """Build the game of one patient (one row) and prototypes at the patient's hour."""
        horizons = query(1, self._horizons, self._threshold)
        one = query(len(background.values), self._horizons[:1], self._threshold)
        subsets = [np.zeros((0, len(self._players)), dtype=bool)]
        terms = [np.zeros((0, len(self._horizons), len(background.values)))]
        opaque = []
        for number, (member, share) in enumerate(self._variant.weighted(horizons)):
            if isinstance(member, LinearMember):
                subsets.append(np.eye(len(self._players), dtype=bool))
                terms.append(share[:, None] * self._linear(member, patient, background))
            elif isinstance(member, BoosterMember):
                trees = self._trees[number]
                subsets.append(trees.subsets)
                own, others = member.inputs(patient, horizons), member.inputs(background, one)
                terms.append(share[:, None] * trees.terms(own, others).transpose(0, 2, 1))
            else:
                opaque.append(self._opaque(member, share, patient, background))
        return RiskGame(
            self._without_absent(np.concatenate(subsets), patient),
            np.concatenate(terms),
            self._variant.unordered(patient, horizons),
            weight / weight.sum(),
            self._asked,
            tuple(opaque),
        )

    def _opaque(
        self,
        member: CustomMember,
        share: Floats,
        patient: FeatureMatrix,
        background: FeatureMatrix,
    ) -> BlackBoxMember:
        """Custom member with the player of each of its columns."""
        owner = np.array([FIXED if name == TIME else self._owner[name] for name in member.columns])
        owner[np.isin(owner, self._absent(patient))] = self._players.index(MEASUREMENT)
        own, others = member.inputs(patient), member.inputs(background)
        return BlackBoxMember(member, share, owner, own, others)

    def _absent(self, patient: FeatureMatrix) -> list[int]:
        """Players without any value of the patient."""
        return [
            self._players.index(player)
            for player, columns in self._values.items()
            if np.isnan(patient.values[0, columns]).all()
        ]

    def _without_absent(self, subsets: Bools, patient: FeatureMatrix) -> Bools:
        """Assign terms of players without a value to the player ``measurement``."""
        absent = self._absent(patient)
        result = subsets.copy()
        result[:, self._players.index(MEASUREMENT)] |= subsets[:, absent].any(axis=1)
        result[:, absent] = False
        return result

    def _linear(
        self, member: LinearMember, patient: FeatureMatrix, background: FeatureMatrix
    ) -> Floats:
        """One term per player, shape (n_players, n_horizons, n_prototypes)."""
        change = member.column_log_odds(patient) - member.column_log_odds(background)
        result = np.zeros((len(self._players), len(self._horizons), len(change)))
        for column, name in enumerate(member.design.columns):
            result[self._owner[name.rstrip("?")]] += change[:, column]
        if member.design.grade is not None:
            own = member.context_log_odds(patient, self._query(1))
            others = member.context_log_odds(background, self._query(len(change)))
            others = others.reshape(len(change), len(self._horizons), -1)
            result[self._players.index(STATE)] += (own - others).sum(axis=2).T
        return result

    def _query(self, count: int) -> StackedRows:
        return query(count, self._horizons, self._threshold)

    def _read(self, member: BoosterMember) -> PlayerTrees:
        player_of = [FIXED if name == TIME else self._owner[name] for name in member.columns]
        distance = FIXED if member.grade is None else self._players.index(STATE)
        return player_trees(
            member.booster, (*player_of, FIXED, FIXED, distance), len(self._players)
        )
