"""The feature matrix: columns by name, rows taken with their landmarks."""

import numpy as np
import pandas as pd
import pytest

from pipeline.features.build import feature_metas
from pipeline.features.matrix import FeatureMatrix
from tests.builders import at, make_spec

METAS = feature_metas(make_spec(analytes=("crp",), scales=("crs",), drugs=()))


@pytest.fixture
def matrix():
    values = np.arange(5.0 * len(METAS)).reshape(5, len(METAS))
    landmarks = at(*[(row, 24.0 * row) for row in range(5)])
    return FeatureMatrix(values, METAS, landmarks.set_index(pd.Index([7, 8, 9, 10, 11])))


def test_a_column_by_name_and_not_a_number_where_there_is_none(matrix):
    for number, name in enumerate(matrix.names):
        np.testing.assert_array_equal(matrix.column(name), matrix.values[:, number])
    assert np.isnan(matrix.column("ferritin__last")).all()
    assert matrix.column("ferritin__last").shape == (5,)


def test_rows_are_taken_in_the_given_order_with_their_landmarks(matrix):
    chosen = np.array([3, 0, 3])
    taken = matrix.take(chosen)
    np.testing.assert_array_equal(taken.values, matrix.values[chosen])
    assert taken.landmarks["patient"].tolist() == [3, 0, 3]
    assert taken.landmarks.index.tolist() == [0, 1, 2]
    assert len(matrix.take(np.array([], dtype=np.intp)).values) == 0


def test_the_frame_has_the_names_as_columns(matrix):
    frame = matrix.frame()
    assert frame.columns.tolist() == matrix.names
    np.testing.assert_array_equal(frame.to_numpy(), matrix.values)
