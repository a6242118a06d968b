"""Splits by patient: repeated and stratified, by site, by time; never by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.arrays import Ints
from pipeline.errors import InputError
from pipeline.evaluate.evaluation_phrases import evaluation_phrase

_MIN_SITE_PATIENTS = 5


@dataclass(frozen=True)
class Split:
    """One train/test split of landmarks; no patient is on both sides."""

    repeat: int
    fold: int
    train: Ints
    test: Ints


def patient_folds(stratum: Ints, *, folds: int, repeats: int, seed: int) -> Ints:
    """Assign patients to folds at random in each repeat, every stratum evenly.

    Parameters
    ----------
    stratum : ndarray of int, shape (n_patients,)
        For example the outcomes of a patient; strata with a high number are assigned first.

    Returns
    -------
    ndarray of int, shape (repeats, n_patients)

    Raises
    ------
    InputError
        If there are fewer patients than folds.

    Examples
    --------
    >>> table = patient_folds(np.array([1, 1, 0, 0]), folds=2, repeats=1, seed=0)
    >>> sorted(table[0, :2].tolist()), sorted(table[0, 2:].tolist())
    ([0, 1], [0, 1])
    """
    count = len(stratum)
    if count < folds:
        raise InputError(
            f"{count} patients cannot be split into {folds} folds; lower evaluation.folds or add "
            "patients"
        )
    table = np.empty((repeats, count), dtype=np.intp)
    for repeat in range(repeats):
        random = np.random.default_rng(seed * 1000 + repeat)
        offset = 0
        for value in np.unique(stratum)[::-1]:
            chosen = random.permutation(np.flatnonzero(stratum == value))
            table[repeat, chosen] = (np.arange(len(chosen)) + offset) % folds
            offset += len(chosen)
    return table


def splits_of(patient: Ints, table: Ints) -> list[Split]:
    """Splits of landmarks from a table of patient folds.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)
        Column of ``table``.
    table : ndarray of int, shape (repeats, n_patients)
        Fold of each patient; -1 for training only.
    """
    splits = []
    for repeat, fold_of in enumerate(table):
        number = fold_of[patient]
        for fold in range(int(fold_of.max(initial=-1)) + 1):
            test = number == fold
            splits.append(Split(repeat, fold, np.flatnonzero(~test), np.flatnonzero(test)))
    return splits


def repeated_patient_folds(
    patient: Ints, event: NDArray[np.bool_], *, folds: int, repeats: int, seed: int
) -> list[Split]:
    """Repeated k-fold over patients, with event patients spread evenly over the folds.

    Parameters
    ----------
    patient : ndarray of int, shape (n_landmarks,)
    event : ndarray of bool, shape (n_landmarks,)
        True on landmarks of patients who have the outcome.

    Raises
    ------
    InputError
        If there are fewer patients than folds.
    """
    unique, code = np.unique(patient, return_inverse=True)
    stratum = np.zeros(len(unique), dtype=np.intp)
    np.maximum.at(stratum, code, event.astype(np.intp))
    table = patient_folds(stratum, folds=folds, repeats=repeats, seed=seed)
    return splits_of(code, table)


def site_folds(patients: pd.DataFrame) -> tuple[Ints, tuple[str, ...]] | str:
    """Leave one site out: each site is scored by a model of the others.

    Sites with fewer than five patients are tested together as ``other sites``.

    Returns
    -------
    tuple or str
        Table of one repeat and the name of each fold, or the reason why there is none.
    """
    if "site" not in patients:
        return evaluation_phrase("reasons", "no_site")
    name = patients["site"].astype("object").where(patients["site"].notna(), "").astype(str)
    name = name.str.strip().replace("", "unknown site")
    size = name.map(name.value_counts())
    name = name.where(size >= _MIN_SITE_PATIENTS, "other sites")
    levels, code = np.unique(name.to_numpy(dtype=str), return_inverse=True)
    if len(levels) < 2:
        return evaluation_phrase("reasons", "one_site")
    return code[None, :].astype(np.intp), tuple(str(level) for level in levels)


def temporal_fold(patients: pd.DataFrame, test_share: float) -> Ints | str:
    """Train on earlier patients, test on the share treated last.

    Returns
    -------
    ndarray or str
        Table of one repeat (0 test, -1 training), or the reason why there is none.
    """
    start = patients["infusion_time"]
    if start.isna().any():
        return evaluation_phrase("reasons", "no_infusion_time")
    moment = start.rank(method="min").to_numpy(dtype=float)
    late = moment > np.quantile(moment, 1.0 - test_share)
    if late.all() or not late.any():
        return evaluation_phrase("reasons", "same_infusion_time")
    return np.where(late, 0, -1).astype(np.intp)[None, :]
