"""Margin of a booster for every coalition of players, in closed form.

A leaf of a tree is reached if every condition on its path holds. Each condition uses one column,
so a leaf is a product of one 0/1 factor per player. The margin of a coalition is a sum of terms
of at most as many players as the tree is deep, and the trees need not be evaluated for every
coalition (as in interventional TreeSHAP, Lundberg et al., 10.1038/s42256-019-0138-9).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.arrays import Bools, Floats, Ints

if TYPE_CHECKING:
    import xgboost

FIXED = -1
_Path = list[tuple[int, bool]]


@dataclass(frozen=True)
class _Group:
    """Leaves whose terms use the same choice of slots, sorted by term."""

    chosen: tuple[bool, ...]
    leaf: Ints
    start: Ints
    term: Ints


@dataclass(frozen=True)
class PlayerTrees:
    """The trees of a booster as products over players.

    Attributes
    ----------
    feature, cut, missing_left : ndarray, shape (n_nodes,)
        Inner nodes: ``value < cut`` goes left.
    node, left, slot_start : ndarray
        Conditions, ordered by slot; a slot holds all conditions of one leaf on one player.
    weight : ndarray, shape (n_leaves,)
    slots : ndarray, shape (n_leaves, n_slots_of_a_leaf)
        Slots of the players of each leaf; the number of slots means "always true".
    fixed : ndarray, shape (n_leaves,)
        Slot of the columns without a player.
    groups : tuple of _Group
    subsets : ndarray of bool, shape (n_terms, n_players)
        Players of each term.
    """

    feature: Ints
    cut: np.typing.NDArray[np.float32]
    missing_left: Bools
    node: Ints
    left: Bools
    slot_start: Ints
    weight: Floats
    slots: Ints
    fixed: Ints
    groups: tuple[_Group, ...]
    subsets: Bools

    def terms(
        self, patient: np.typing.NDArray[np.float32], background: np.typing.NDArray[np.float32]
    ) -> Floats:
        """Return the margin of each term, shape (n_terms, n_background, n_patient).

        Parameters
        ----------
        patient : ndarray, shape (n_patient, n_columns)
            Inputs of one patient, one row per query; rows differ in fixed columns only.
        background : ndarray, shape (n_background, n_columns)
            Inputs of the background.
        """
        own, other = self._holds(patient), self._holds(background)
        weight = np.where(own[:, self.fixed], self.weight, 0.0)
        absent = other[:, self.slots].astype(float)
        change = own[0, self.slots].astype(float) - absent
        result = np.zeros((len(self.subsets), len(background), len(patient)))
        for group in self.groups:
            factor = np.ones((len(background), len(group.leaf)))
            for slot, chosen in enumerate(group.chosen):
                factor *= (change if chosen else absent)[:, group.leaf, slot]
            for query in range(len(patient)):
                added = factor * weight[query, group.leaf]
                result[group.term, :, query] += np.add.reduceat(added, group.start, axis=1).T
        return result

    def _holds(self, inputs: np.typing.NDArray[np.float32]) -> Bools:
        """Whether every condition of a slot holds, shape (n_rows, n_slots + 1)."""
        if len(self.node) == 0:
            return np.ones((len(inputs), 1), dtype=bool)
        value = inputs[:, self.feature]
        goes_left = np.where(np.isnan(value), self.missing_left, value < self.cut)
        met = goes_left[:, self.node] == self.left
        slots = np.logical_and.reduceat(met, self.slot_start, axis=1)
        return np.hstack([slots, np.ones((len(inputs), 1), dtype=bool)])


def player_trees(
    booster: xgboost.Booster, player_of: tuple[int, ...], n_players: int
) -> PlayerTrees:
    """Read the trees of a booster.

    Parameters
    ----------
    booster : xgboost.Booster
        Fitted booster.
    player_of : tuple of int
        Player of each input column; ``FIXED`` for a column without a player.
    n_players : int
        Number of players.
    """
    content = json.loads(bytes(booster.save_raw("json")))
    feature: list[int] = []
    cut: list[float] = []
    missing: list[bool] = []
    weight: list[float] = []
    paths: list[_Path] = []
    for tree in content["learner"]["gradient_booster"]["model"]["trees"]:
        offset = len(feature)
        feature += tree["split_indices"]
        cut += tree["split_conditions"]
        missing += [bool(flag) for flag in tree["default_left"]]
        pending: list[tuple[int, _Path]] = [(0, [])]
        while pending:
            node, path = pending.pop()
            low, high = tree["left_children"][node], tree["right_children"][node]
            if low == -1:
                weight.append(tree["split_conditions"][node])
                paths.append(path)
                continue
            pending.append((low, [*path, (offset + node, True)]))
            pending.append((high, [*path, (offset + node, False)]))
    owners = [_by_player(path, feature, player_of) for path in paths]
    return _assemble(feature, cut, missing, weight, owners, n_players)


def _by_player(path: _Path, feature: list[int], player_of: tuple[int, ...]) -> dict[int, _Path]:
    result: dict[int, _Path] = {}
    for node, left in path:
        result.setdefault(player_of[feature[node]], []).append((node, left))
    return result


def _assemble(
    feature: list[int],
    cut: list[float],
    missing: list[bool],
    weight: list[float],
    owners: list[dict[int, _Path]],
    n_players: int,
) -> PlayerTrees:
    conditions: _Path = []
    slot_start: list[int] = []
    players = [[player for player in owner if player != FIXED] for owner in owners]
    width = max((len(item) for item in players), default=0)
    n_slots = sum(len(owner) for owner in owners)
    slots = np.full((len(owners), width), n_slots, dtype=np.intp)
    fixed = np.full(len(owners), n_slots, dtype=np.intp)
    for leaf, owner in enumerate(owners):
        for player, path in owner.items():
            if player == FIXED:
                fixed[leaf] = len(slot_start)
            else:
                slots[leaf, players[leaf].index(player)] = len(slot_start)
            slot_start.append(len(conditions))
            conditions += path
    groups, terms = _groups(players, width)
    subsets = np.zeros((len(terms), n_players), dtype=bool)
    for term, members in enumerate(terms):
        subsets[term, list(members)] = True
    return PlayerTrees(
        np.array(feature, dtype=np.intp),
        np.array(cut, dtype=np.float32),
        np.array(missing, dtype=bool),
        np.array([node for node, _ in conditions], dtype=np.intp),
        np.array([left for _, left in conditions], dtype=bool),
        np.array(slot_start, dtype=np.intp),
        np.array(weight, dtype=float),
        slots,
        fixed,
        groups,
        subsets,
    )


def _groups(
    players: list[list[int]], width: int
) -> tuple[tuple[_Group, ...], list[frozenset[int]]]:
    """Every choice of slots with its leaves, and the distinct sets of players."""
    terms: dict[frozenset[int], int] = {}
    groups = []
    for mask in range(1, 2**width):
        chosen = tuple(bool(mask >> slot & 1) for slot in range(width))
        pairs = []
        for leaf, owned in enumerate(players):
            if mask >> len(owned) == 0:
                members = frozenset(item for item, flag in zip(owned, chosen, strict=False) if flag)
                pairs.append((terms.setdefault(members, len(terms)), leaf))
        if not pairs:
            continue
        table = np.array(sorted(pairs), dtype=np.intp)
        term, start = np.unique(table[:, 0], return_index=True)
        groups.append(_Group(chosen, table[:, 1], start.astype(np.intp), term))
    return tuple(groups), list(terms)
