"""The feature matrix: one row per landmark, one named column per feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.arrays import Floats
from pipeline.features.names import FeatureMeta


@dataclass(frozen=True)
class FeatureMatrix:
    """Features of landmarks.

    Attributes
    ----------
    values : ndarray, shape (n_landmarks, n_features)
        NaN where not measured or not defined.
    metas : tuple of FeatureMeta
        One per column.
    landmarks : DataFrame
        ``patient, hours`` and whatever else the landmarks carried.
    """

    values: Floats
    metas: tuple[FeatureMeta, ...]
    landmarks: pd.DataFrame

    @property
    def names(self) -> list[str]:
        """Column names."""
        return [meta.name for meta in self.metas]

    def column(self, name: str) -> Floats:
        """One feature; NaN everywhere when the matrix has no such column."""
        names = self.names
        if name not in names:
            return np.full(len(self.values), np.nan)
        return self.values[:, names.index(name)]

    def take(self, rows: np.typing.NDArray[np.intp]) -> FeatureMatrix:
        """Return the given landmarks."""
        landmarks = self.landmarks.iloc[rows].reset_index(drop=True)
        return FeatureMatrix(self.values[rows], self.metas, landmarks)

    def frame(self) -> pd.DataFrame:
        """Features as a DataFrame."""
        return pd.DataFrame(self.values, columns=self.names)
