"""Ids that outputs cannot show are rejected, and different ids stay different."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cohort.files import raw_from_csv, raw_from_frame
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.patient_ids import UNUSABLE, shown_id

UNSEEN = [
    "a\rb", "a\x00b", "a\x1b[31mb", "\u202eb", "a\u200bb", "a\u2028", "\ufeffa", "a\x85", "a\xa0",
    "a\u3164", "a\ufe0f", "a\U000e0041", "a\x7f", "a\u2066b", "a\tb", "a\ufffd",
    "a\xad", r"a\u{d}b",
]  # fmt: skip
SEEN = ["P-1", "a b", "ä", "=1+1", "<script>", "é", "e\u0301", "患者1", "..", "a/b", "A" * 300]


@pytest.mark.parametrize("name", UNSEEN)
def test_a_row_with_an_id_that_does_not_print_is_refused_under_a_name_that_does(name):
    ledger = Ledger()
    table = raw_from_frame(pd.DataFrame({"patient_id": [name, "a", "b"], "value": "1"}), "labs")
    kept = table.record_in(ledger)
    assert kept["patient_id"].tolist() == ["a", "b"]
    rejects = ledger.frame()
    assert rejects["code"].tolist() == [UNUSABLE]
    assert rejects["value"].tolist() == [*ledger.refused_ids] == [shown_id(name)]
    assert shown_id(name).isprintable()
    assert ledger.counts({})["labs"]["rejected"] == 1


@pytest.mark.parametrize("name", SEEN)
def test_other_ids_are_kept_as_they_are(name):
    ledger = Ledger()
    text = pd.DataFrame({"patient_id": [f"  {name} "], "value": "1"})
    assert raw_from_frame(text, "labs").record_in(ledger)["patient_id"].tolist() == [name]
    assert ledger.frame().empty


@given(st.lists(st.text(max_size=6) | st.text("\\u{}5cd\r\x00", max_size=9), unique=True))
def test_different_ids_are_shown_differently(names):
    assert len({shown_id(name) for name in names}) == len(names)


def test_only_plain_spaces_are_cut_off_an_id():
    content = "patient_id,value\nA,1\n A ,2\nA\u2028,3\nA\x85,4\nA\xa0,5\nA\x1c,6\n".encode()
    table = raw_from_csv(content, "labs.csv")
    assert table.frame["patient_id"].nunique() == 5
    ledger = Ledger()
    assert table.record_in(ledger)["value"].tolist() == ["1", "2"]
    assert len(ledger.refused_ids) == 4
