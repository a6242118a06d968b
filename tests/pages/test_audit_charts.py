"""Completeness is a tile per analyte and day; a few rejects are visible."""

from pipeline.pages.audit_charts import completeness_heatmap, reject_bars
from tests.pages.drawings import NS, drawing, texts


def test_tiles_are_darker_where_more_patients_have_a_result():
    shares = {"CRP": [0.0, 0.5, 1.0], "IL-6": [0.1, 0.1, 0.1]}
    root = drawing(completeness_heatmap([-1, 0, 1], shares, title="Any"))
    tiles = [float(tile.get("fill-opacity")) for tile in root.iter(f"{NS}rect")][:6]
    assert tiles[0] < tiles[1] < tiles[2] == 1.0
    assert {"CRP", "IL-6", "before", "0", "1"} <= set(texts(root))


def test_one_rejected_row_of_many_has_a_bar_and_none_has_not():
    root = drawing(reject_bars({"a.csv": (1, 90_000), "b.csv": (0, 5)}, title="Any"))
    bars = [bar for bar in root.iter(f"{NS}rect") if bar.get("fill") == "#b34700"]
    assert len(bars) == 1
    assert float(bars[0].get("width")) >= 1
    assert "1 of 90,000 (<1%)" in texts(root)
    assert "0 of 5 (none)" in texts(root)
