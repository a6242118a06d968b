"""Numbers of object columns become text; other columns stay unchanged."""

from decimal import Decimal

import pandas as pd
import pytest

from pipeline.cohort.frame_numbers import numbers_as_text


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (["<5", 5.0, 7], ["<5", "5", "7"]),
        ([Decimal("7.50"), Decimal("1e2")], ["7.50", "100"]),
        (["a", 1e20], ["a", "1e+20"]),
    ],
)
def test_mixed_numbers_become_text(cells, text) -> None:
    assert numbers_as_text(pd.Series(cells, dtype=object)).tolist() == text


@pytest.mark.parametrize("cells", [["a", "b"], [1, 2], ["a", True], [1.5, None]])
def test_other_columns_stay(cells) -> None:
    given = pd.Series(cells, dtype=object)
    assert numbers_as_text(given) is given
