"""Messages are built for their reader: who may change the configuration, and how they type."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from pipeline.cli import main
from pipeline.cohort.analytes import dictionary
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.timestamps import parse_timestamps, reasons_for
from pipeline.cohort.units import conversion
from pipeline.cohort.values import parse_values
from pipeline.config import load_config
from pipeline.config_cohort import READING
from pipeline.errors import UsageError
from pipeline.remedy import MAKE_VARIABLES, Audience, Interface, Remedy, render, with_make

PACKAGE = Path(__file__).parent.parent / "pipeline"
SETTING = re.compile(r"cohort\.\w+")
OPTION = re.compile(rf"(?<![\w-])--({'|'.join(MAKE_VARIABLES)})(?![\w-])")
RAISED = ("UsageError", "InputError", "BundleError", "GateError", "SettingError")


def messages(*names: str) -> Iterator[tuple[str, ast.Call, str]]:
    """Place, call and literal text of every call of these classes in the package."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
                yield f"{path.name}:{node.lineno}", node, literal_text(node)


def literal_text(call: ast.Call) -> str:
    """String literals of the text arguments, in their order in the file."""
    texts = [*call.args, *(item.value for item in call.keywords if item.arg == "train")]
    parts = [
        part
        for text in texts
        for part in ast.walk(text)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    parts.sort(key=lambda part: (part.lineno, part.col_offset))
    return "".join(part.value for part in parts)


def stated_options(call: ast.Call) -> set[str]:
    """Names in the argument that states options."""
    return {
        part.value
        for item in call.keywords
        if item.arg in ("option", "options")
        for part in ast.walk(item.value)
        if isinstance(part, ast.Constant)
    }


def test_the_audience_chooses_the_text_and_the_interface_the_options() -> None:
    remedy = Remedy("Give --tz, or set a zone.", "Give --tz.", option=("tz",))
    assert render(remedy, Audience.TRAINING) == remedy.train
    assert render(remedy, Audience.SCORING) == remedy.operator
    for audience in Audience:
        text = render(remedy, audience, Interface.MAKE)
        assert text.endswith(f" (make: {MAKE_VARIABLES['tz']}).")


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("interface", Interface)
def test_a_plain_string_and_a_remedy_without_an_operator_are_the_same_for_all(
    audience: Audience, interface: Interface
) -> None:
    assert render("Give hours.", audience, interface) == "Give hours."
    assert render(Remedy("Give hours."), audience, interface) == "Give hours."


def test_options_become_variables_of_make_in_the_order_given() -> None:
    assert with_make("Choose --out or --force", ("out", "force")).endswith("(make: OUT=, FORCE=1)")
    assert with_make("Leave --emit out.", ("emit",)) == "Leave --emit out."


def test_a_message_states_the_options_that_its_text_names() -> None:
    named = 0
    for place, call, text in messages(*RAISED, "Remedy"):
        options = set(OPTION.findall(text))
        assert options <= stated_options(call), place
        named += bool(options)
    assert named > 40


def test_an_operator_reads_of_settings_only_those_that_predict_takes() -> None:
    advised = 0
    for place, call, _ in messages("Remedy"):
        for item in call.keywords:
            if item.arg == "operator":
                texts = [part.value for part in ast.walk(item.value) if hasattr(part, "value")]
                named = SETTING.findall(" ".join(text for text in texts if isinstance(text, str)))
                assert {name.removeprefix("cohort.") for name in named} <= set(READING), place
                assert not named or "config" in stated_options(call), place
                advised += 1
    assert advised > 5


def test_a_reason_differs_by_audience_where_a_setting_decides() -> None:
    for analyte in dictionary().values():
        for unit, reason in analyte.refused.items():
            texts = {audience: conversion(analyte, unit, audience)[1] for audience in Audience}
            assert not SETTING.search(texts[Audience.SCORING])
            differ = texts[Audience.TRAINING] != texts[Audience.SCORING]
            assert differ == isinstance(reason, Remedy)
    problems = {
        audience: parse_values(pd.Series(["1,5"]), audience=audience)["problem"][0]
        for audience in Audience
    }
    reason = parse_timestamps(pd.Series(["01/03/2026"]), None)[1]
    dates = {audience: reasons_for(reason, audience)[0] for audience in Audience}
    assert problems[Audience.TRAINING].startswith(problems[Audience.SCORING])
    for texts in (problems, dates):
        assert SETTING.search(texts[Audience.TRAINING])
    assert not SETTING.search(problems[Audience.SCORING])
    assert "with --config" in dates[Audience.SCORING]
    assert "--config" not in dates[Audience.TRAINING]


@pytest.mark.parametrize("live", [True, False])
def test_a_ledger_renders_for_its_reader(live: bool) -> None:
    ledger = Ledger(live=live)
    table = pd.DataFrame({"_line": [2], "x": ["7"]})
    remedy = Remedy("Set cohort.x, or give --tz.", "Give --tz.", option=("tz",))
    entry = {"file": "t.csv", "column": "x", "code": "bad", "reason": "Wrong.", "remedy": remedy}
    ledger.reject(table, [True], **entry)
    ledger.note(table, [True], **entry)
    for frame in (ledger.frame(), ledger.notes()):
        text = frame["remedy"][0]
        assert ("cohort.x" in text) != live
        assert text.endswith("(make: TZ_NAME=).")


def test_a_setting_that_names_an_option_hands_it_to_the_error(tmp_path: Path, capsys) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("model: {weights: {nothing: 1}}\n", encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        load_config([config])
    assert refused.value.options == ("prior",)
    command = ["audit", "--cohort", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main([*command, "--config", str(config)]) == 2
    assert capsys.readouterr().err.rstrip().endswith("(make: PRIOR=)")
