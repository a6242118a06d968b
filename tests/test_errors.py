"""Errors carry the exit code of the documentation; names of an input are shown safely."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import errors
from pipeline.errors import (
    BundleError,
    CytocastError,
    GateError,
    InputError,
    SettingError,
    UsageError,
    listed,
    shown,
)


@given(text=st.text(max_size=90), longest=st.integers(1, 80))
def test_a_text_is_shown_on_one_line_within_its_length(text, longest):
    result = shown(text, longest)
    assert result.isprintable()
    assert "\ufffd" not in result
    assert len(result) <= longest


@given(text=st.text(st.characters(categories=["L", "N"]), max_size=90), longest=st.integers(1, 90))
def test_a_printable_text_is_cut_only_where_it_is_too_long(text, longest):
    expected = text if len(text) <= longest else text[: longest - 1] + "…"
    assert shown(text, longest) == expected


@given(names=st.lists(st.sampled_from("abcdef"), max_size=9), most=st.integers(1, 9))
def test_listed_names_and_the_number_of_the_rest_add_up(names, most):
    head, _, rest = listed(names, most).partition(" and ")
    first = head.split(", ") if head else []
    assert first == names[:most]
    assert len(first) + int(rest.split()[0] if rest else 0) == len(names)


@pytest.mark.parametrize(
    ("kind", "code"),
    [(CytocastError, 1), (UsageError, 2), (InputError, 3), (BundleError, 5), (GateError, 6)],
)
def test_every_kind_has_its_exit_code_and_keeps_message_and_options(kind, code):
    error = kind("no --out", options=("out",))
    assert isinstance(error, CytocastError)
    assert (error.exit_code, str(error), error.options) == (code, "no --out", ("out",))
    assert kind("no option").options == ()


def test_no_two_kinds_share_an_exit_code():
    kinds = [
        item
        for item in vars(errors).values()
        if isinstance(item, type) and issubclass(item, CytocastError)
    ]
    assert len({kind.exit_code for kind in kinds}) == len(kinds)


def test_a_refused_setting_is_a_value_error_so_that_a_model_can_raise_it():
    error = SettingError("too few folds", options=("config",))
    assert isinstance(error, ValueError)
    assert not isinstance(error, CytocastError)
    assert error.options == ("config",)
