"""YAML that repeats keys, multiplies itself, or nests without end is refused within seconds."""

from __future__ import annotations

from itertools import pairwise

import pytest

from pipeline.errors import UsageError
from pipeline.resources import read_yaml

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
)
HOSTILE = {
    "billion laughs": LAUGHS,
    "laughs of mappings": "a: &a {k: v}\n"
    + "".join(f"{c}: &{c} {{x: *{p}, y: *{p}}}\n" for p, c in pairwise("abcdefghijklmnopqrstuv")),
    "holds itself": "a: &a [*a]\n",
    "repeated key": "seed: 1\nseed: 2\n",
    "repeated key within": "cohort: {name: a, name: b}\n",
    "repeated in another spelling": "1: a\n0x1: b\n",
    "deep": "[" * 20_000,
    "deep mappings": "{a: " * 500 + "1" + "}" * 500,
    "large integer": f"seed: {'9' * 1_000_000}\n",
    "large hexadecimal": f"seed: 0x{'f' * 100_000}\n",
    "sexagesimal": f"seed: 1{':59' * 5000}\n",
    "no such day": "seed: 2024-13-45\n",
    "unhashable key": "{[a]: {b: 1}, ? {c: d} : 1}\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_yaml_is_a_usage_error_with_its_path(name, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(HOSTILE[name])
    with pytest.raises(UsageError, match=r"own\.yaml"):
        read_yaml(path)


def test_a_few_references_and_merged_keys_are_read(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\nd: '" + "9" * 200 + "'\n")
    read = read_yaml(path)
    assert (read["b"], read["c"], len(read["d"])) == ({"x": 1, "y": 3}, {"x": 1, "y": 2}, 200)
