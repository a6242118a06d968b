import re

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.cohort.delimited import decode
from pipeline.cohort.table_lines import table_lines
from tests.cohort.strange_lines import ENDS, MARKS, lines_of_table

CELLS = ["P1", "CRP", "12.5", "mg/L"]
NAMES = ["patient_id", "analyte", "value", "unit"]


@settings(max_examples=75, deadline=None)
@given(st.data(), st.sampled_from(MARKS), st.sampled_from(ENDS))
def test_every_physical_line_is_a_row_rejected_blank_or_a_continuation(data, mark, end):
    lines = data.draw(lines_of_table(NAMES, CELLS, mark))
    text = end.join([mark.join(NAMES), *lines])
    read = table_lines(decode(text.encode()), 1, NAMES, NAMES, mark)
    physical = len(re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)) - 1
    counts = read.counts
    assert counts.total == physical
    assert physical == len(read.rows) + len(read.unreadable) + counts.blank + counts.continuation
    rejected = {item.line for item in read.unreadable}
    assert not read.rows.keys() & rejected
    clean = mark.join(CELLS)
    swallowed = [
        number
        for number, line in enumerate(decode(text.encode()).lines, start=1)
        if line.rstrip("\r\n") == clean and number not in rejected | read.rows.keys()
    ]
    assert swallowed == []


def test_a_clean_line_is_read_whatever_stands_around_it():
    text = 'a,b\n"x,1\n,,\n7,8\ny",2\na,b\n9\n'
    read = table_lines(decode(text.encode()), 1, ["a", "b"], ["a", "b"], ",")
    assert read.rows[4] == ["7", "8"]
    assert [item.code for item in read.unreadable][-2:] == ["repeated_header", "ragged_line"]
