"""The documentation of the features is the catalogue of the code."""

from pathlib import Path

from pipeline.features.catalogue import catalogue
from pipeline.features.score_definitions import scores
from pipeline.features.statistics import STATISTICS

ROOT = Path(__file__).parents[2]


def test_the_documentation_lists_every_feature_as_the_code_has_it():
    assert catalogue() in (ROOT / "docs" / "features.md").read_text(encoding="utf-8")


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_statistic_and_score_has_one_row_and_every_row_its_columns():
    lines = [line for line in catalogue().splitlines() if line.startswith("|")]
    width, names = 0, []
    for above, line in zip(["", *lines], lines, strict=False):
        if set(line) <= set("|- "):
            width = len(cells(line))
            assert len(cells(above)) == width
            names.pop()
        else:
            names.append(cells(line)[0].strip("`"))
            assert not width or names[-1] == "name" or len(cells(line)) == width
    for item in STATISTICS:
        suffix = "_<hours>h" if item.windowed else ""
        assert names.count(f"<analyte>__{item.name}{suffix}") == 1
    for key, score in scores().items():
        assert names.count(f"score_{key}__{score.at}") == 1
