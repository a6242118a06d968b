"""Tables with stray and paired quotes, blank, repeated and ragged lines, for property tests."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

MARKS = [",", ";", "\t", "|"]
ENDS = ["\n", "\r\n", "\r"]
KINDS = ["clean"] * 6 + ["quoted", "lines", "open", "close", "tube", "blank", "bare", "header",
                         "short", "long", "doubled", "chance"]  # fmt: skip


@st.composite
def lines_of_table(draw, names: Sequence[str], cells: Sequence[str], mark: str) -> list[str]:
    """Lines below a header; a line may hold line ends of its own."""
    kinds = draw(st.lists(st.sampled_from(KINDS), max_size=14))
    return [_line(kind, list(cells), list(names), mark, draw(st.integers(0, 9))) for kind in kinds]


def _line(kind: str, cells: list[str], names: list[str], mark: str, number: int) -> str:
    place = number % len(cells)
    other = {
        "blank": "",
        "bare": mark * (len(cells) - 1),
        "header": mark.join(names),
        "short": mark.join(cells[:-1]),
        "long": mark.join([*cells, "x"]),
    }
    if kind in other:
        return other[kind]
    cells[place] = {
        "clean": cells[place],
        "quoted": f'"{cells[place]}{mark}x"',
        "lines": f'"{cells[place]}\nsecond{mark} line\n\n"',
        "open": f'"{cells[place]}',
        "close": f'{cells[place]}"',
        "tube": f'5" {cells[place]}',
        "doubled": f'"{cells[place]} ""x"" "',
        "chance": f'"x\n{mark.join("abcdefghijkl"[: len(cells)])}\ny"',
    }[kind]
    return mark.join(cells)
