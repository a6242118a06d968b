"""Stray quotes that join rows, at every possible place."""

import pytest

from pipeline.cohort.files import raw_from_csv
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.quoted_lines import Span, holds_rows, reading_of, stray_quote_in_id
from pipeline.errors import InputError

HEADER = ["patient_id", "analyte", "value", "unit", "hours", "comment"]


def lines_read(*lines, mark=",", end="\n"):
    """Values by line, rejected lines with their code, and the ledger."""
    table = [mark.join(HEADER), *(line.replace("~", mark) for line in lines)]
    ledger = Ledger()
    frame = raw_from_csv(end.join(table).encode(), "labs.csv").record_in(ledger)
    rejects = ledger.frame()
    counts = ledger.counts({})["labs.csv"]
    total = counts.get("lines", counts["read"])
    assert total == len(lines)
    parts = ("accepted", "rejected", "blank_lines", "continuation_lines")
    assert total == sum(counts.get(part, 0) for part in parts)
    values = dict(zip(frame["_line"].tolist(), frame["value"].tolist(), strict=True))
    return values, rejects["row"].tolist(), ledger


ROWS = ["Q1~CRP~12~mg/L~70~", "Q1~LDH~220~U/L~70~", "Q2~Ferritin~9500~ng/mL~71~",
        "Q1~IL-6~2400~pg/mL~71~", "Q2~Platelets~40~10*9/L~71~", "Q1~Hb~9~g/dL~71~"]  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [",", ";", "|"])
def test_a_comment_that_opens_a_quote_and_one_that_closes_it_swallow_nothing(mark, end):
    rows = [*ROWS]
    rows[1] += '"haemolysis index 12'
    rows[4] += 'called to ward"'
    values, rejected, ledger = lines_read(*rows, mark=mark, end=end)
    assert rejected == [3]
    assert values == {2: "12", 4: "9500", 5: "2400", 6: "40", 7: "9"}
    assert any("3–6" in remark for remark in ledger.remarks)
    assert ledger.lost_patients == {"Q1": "ragged_line"}


def test_a_tab_has_one_reading_so_even_the_line_of_the_quote_is_read():
    rows = [*ROWS]
    rows[1] += '"haemolysis index 12'
    rows[4] += 'called to ward"'
    values, rejected, _ = lines_read(*rows, mark="\t")
    assert list(values) == [2, 3, 4, 5, 6, 7]
    assert rejected == []


def test_a_quote_in_another_tube_size_joins_nothing():
    values, rejected, _ = lines_read(
        'Q1~CRP~12~mg/L~70~5" tube', 'Q1~LDH~220~U/L~70~"5" tube', "Q1~IL-6~3~pg/mL~70~'seen",
        "Q2~IL-6~4~pg/mL~70~", "Q1~IL-6~5~pg/mL~71~seen'",
    )  # fmt: skip
    assert list(values.values()) == ["12", "220", "3", "4", "5"]
    assert rejected == []


@pytest.mark.parametrize(
    ("opened", "closed"),
    [
        ('"Q1~LDH~220~U/L~70~', 'Q2"~Platelets~40~10*9/L~71~'),
        ('Q1~"LDH~220~U/L~70~', 'Q2~Platelets"~40~10*9/L~71~'),
        ('Q1~LDH~220~"U/L~70~', 'Q2~Platelets~40~10*9/L"~71~'),
        ('Q1~LDH~220~U/L~70~"', 'Q2~Platelets~40~10*9/L~71~"'),
        ('Q1~LDH~220~U/L~70~"the ""red"" one', 'Q2~Platelets~40~10*9/L~71~x"'),
        ('Q1~"LDH, serum"~220~U/L~70~"x', 'Q2~Platelets~40~10*9/L~71~x"'),
    ],
)
def test_whatever_column_opens_and_closes_it_the_rows_between_are_read(opened, closed):
    values, rejected, _ = lines_read(ROWS[0], opened, ROWS[2], ROWS[3], closed, ROWS[5])
    assert {2: "12", 4: "9500", 5: "2400", 7: "9"}.items() <= values.items()
    assert 3 in rejected
    assert (6 in values) != (6 in rejected)


def test_a_quote_that_is_never_closed_costs_its_line():
    values, rejected, _ = lines_read(*ROWS[:2], ROWS[2] + '"x', *ROWS[3:], *ROWS * 20)
    assert rejected == [4]
    assert len(values) == 5 + 120


def test_a_row_with_too_few_fields_is_swallowed_neither():
    values, rejected, _ = lines_read(
        ROWS[0], ROWS[1] + '"x', "Q1~Ferritin~9500~ng/mL~71", ROWS[4] + 'y"'
    )
    assert rejected == [3, 4]
    assert list(values) == [2, 5]


def test_two_lines_are_a_span_as_well():
    values, rejected, _ = lines_read(ROWS[1] + '"x', ROWS[2] + 'y"')
    assert (values, rejected) == ({3: "9500"}, [2])


@pytest.mark.parametrize(
    "comment",
    [
        "first\nsecond",
        "seen, called,\nlater\n\nrepeat, at 14:05",
        'the ""red""\none',
        "\n",
        "a\nQ9",
    ],
)
def test_a_comment_of_several_lines_stays_one_cell(comment):
    lines = f'Q1,CRP,12,mg/L,70,"{comment}"'.split("\n")
    values, rejected, ledger = lines_read(*lines, ROWS[1])
    assert list(values.values()) == ["12", "220"]
    assert rejected == []
    assert ledger.remarks == []
    assert ledger.counts({})["labs.csv"]["continuation_lines"] == comment.count("\n")


def test_a_first_cell_and_a_middle_one_of_several_lines_stay_cells():
    content = b'name,CRP,at\n"two\nlines",12,70\nx,"5\n6",71\n'
    table = raw_from_csv(content, "sheet.csv", ()).frame
    assert table["name"].tolist() == ["two\nlines", "x"]
    assert table["CRP"].tolist() == ["12", "5\n6"]


def test_a_comment_with_the_separators_of_a_row_by_chance_is_rejected_line_by_line():
    values, rejected, ledger = lines_read(
        'Q1,CRP,12,mg/L,70,"seen', "a, b, c, d, e, f", "", 'called"', *ROWS[1:]
    )
    assert rejected == [2, 3, 5]
    assert list(values.values()) == ["220", "9500", "2400", "40", "9"]
    assert ledger.counts({})["labs.csv"]["blank_lines"] == 1
    assert any("2–5" in remark for remark in ledger.remarks)


def test_a_header_that_opens_a_quote_is_refused_and_one_of_two_lines_read():
    with pytest.raises(InputError, match=r"labs\.csv line 1: the header opens a quote"):
        raw_from_csv(b'patient_id,"analyte,value\nQ1,CRP,1\nQ1,LDH,"\n', "labs.csv")
    with pytest.raises(InputError, match="opens a quote"):
        raw_from_csv(b'patient_id,analyte,"value\nQ1,CRP,1\n', "labs.csv")
    table = raw_from_csv(b'id,"CRP\n(mg/L)",LDH\nQ1,1,2\n', "sheet.csv", ()).frame
    assert table.columns.tolist() == ["id", "CRP\n(mg/L)", "LDH", "_line"]
    assert table["_line"].tolist() == [3]


@pytest.mark.parametrize(
    ("lines", "reading"),
    [
        (['2024-03-01,5,"x', '2024-03-02,6,y"'], Span.ROWS),
        (['1001,5,"x', '1002,6,y"'], Span.ROWS),
        (['CRP,5,"x', 'LDH,6,y"'], Span.ROWS),
        (['north,,"x', 'south,,y"'], Span.UNCLEAR),
        (['A1,5,"12', '13, 14"'], Span.CELL),
        (['"A', 'B",5,6'], Span.CELL),
    ],
)
def test_rows_are_told_by_the_form_of_their_ids_numbers_and_times(lines, reading):
    assert reading_of(lines, 3, ",") is reading


def test_headers_and_ids_with_quotes():
    assert holds_rows(['a,"b', 'c,d"'], 2, ",")
    assert not holds_rows(['a,b,"c', 'c,d"'], 3, ",")
    assert stray_quote_in_id(["1", 'Q1"'], ["measurement_id", "person_id"])
    assert not stray_quote_in_id(['say "x"'], ["name"])
