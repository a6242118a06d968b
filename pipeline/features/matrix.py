"""The feature matrix: one row per landmark, one named column per feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.features.names import FeatureMeta


@dataclass(frozen=True)
class FeatureMatrix:
    """Features of a set of landmarks.

    Attributes
    ----------
    values : ndarray, shape (n_landmarks, n_features)
        NaN where a feature is not measured or not defined.
    metas : tuple of FeatureMeta
        One per column.
    landmarks : DataFrame
        ``patient``, ``hours`` and any further columns of the landmarks.
    """

    values: Floats
    metas: tuple[FeatureMeta, ...]
    landmarks: pd.DataFrame

    @property
    def names(self) -> list[str]:
        """Column names."""
        return [meta.name for meta in self.metas]

    def column(self, name: str) -> Floats:
        """Values of one feature; all NaN if the matrix has no column of that name."""
        names = self.names
        if name not in names:
            return np.full(len(self.values), np.nan)
        return self.values[:, names.index(name)]

    def take(self, rows: np.typing.NDArray[np.intp]) -> FeatureMatrix:
        """Return a matrix of the given rows, in the given order."""
        landmarks = self.landmarks.iloc[rows].reset_index(drop=True)
        return FeatureMatrix(self.values[rows], self.metas, landmarks)

    def frame(self) -> pd.DataFrame:
        """Return the features as a DataFrame, one column per feature."""
        return pd.DataFrame(self.values, columns=self.names)
