"""CAR-T products by any name: one product is one category; unknown ones stay unchanged."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.cohort.analytes import normalise_name
from pipeline.cohort.ledger import Ledger
from pipeline.cohort.product_names import (
    product_codes,
    product_index,
    product_named,
    read_products,
    respelled,
)
from pipeline.resources import schema_yaml
from tests.exported import codes, conserved, read, write_export

PRODUCTS = schema_yaml("products.yaml")["products"]


@pytest.mark.parametrize(
    ("text", "product"),
    [
        ("Yescarta", "axi-cel"),
        ("YESCARTA®", "axi-cel"),
        ("Yescarta™", "axi-cel"),
        ("axicabtagene ciloleucel", "axi-cel"),
        ("Axicabtagene-Ciloleucel", "axi-cel"),
        ("axicel", "axi-cel"),
        ("KTEC19", "axi-cel"),
        ("Q2041", "axi-cel"),
        ("Kymriah", "tisa-cel"),
        ("CTL-019", "tisa-cel"),
        ("Tecartus (brexucabtagene autoleucel)", "brexu-cel"),
        ("JCAR 017", "liso-cel"),
        ("bb2121", "ide-cel"),
        ("JNJ-68284528", "cilta-cel"),
        ("LCAR-B38M", "cilta-cel"),
        ("AUTO1", "obe-cel"),
        ("Carteyva", "relma-cel"),
        ("CT103A", "eque-cel"),
        ("CT-053", "zevor-cel"),
        ("CNCT19", "inati-cel"),
        ("NexCAR19", "tali-cel"),
        ("actaly-cel", "tali-cel"),
        ("ARI-0001", "var-cel"),
        ("Yescarta or Kymriah", ""),
        ("CD19 CAR-T, in house", ""),
        ("cel", ""),
        ("-", ""),
        ("", ""),
    ],
)
def test_a_name_means_its_product(text, product):
    assert product_named(text) == product


def test_no_name_or_code_is_claimed_by_two_products():
    owners: dict[str, set[str]] = {}
    for key, entry in PRODUCTS.items():
        parts = ("brands", "codes", "hcpcs", "icd10pcs", "atc")
        for name in (key, entry["generic"], *(name for part in parts for name in entry[part])):
            owners.setdefault(normalise_name(name).replace("_", ""), set()).add(key)
        assert entry["source"]
        assert entry["target"]
    assert {name: keys for name, keys in owners.items() if len(keys) > 1} == {}
    assert len(product_codes()) >= 20
    assert product_codes()["Q2042"] == "tisa-cel"
    assert set(product_index().values()) == set(PRODUCTS)


def patients(*products):
    return [
        ("patient_id", "product"),
        *((chr(65 + place), text) for place, text in enumerate(products)),
    ]


def test_in_training_each_product_is_one_category_and_an_unknown_one_stays(tmp_path):
    names = ("Yescarta", "axi-cel", "Axi Cel", "CTL019", "Kymriah, lot 7", "our own CAR", "")
    labs = [("patient_id", "analyte", "value", "unit", "collected_hours", "resulted_hours")]
    labs += [(chr(65 + place), "CRP", 5, "mg/L", 1, 2) for place in range(len(names))]
    result = read(write_export(tmp_path, patients=patients(*names), labs=labs))
    conserved(result)
    assert codes(result) == []
    spelled = result.cohort.patients["product"].fillna("").map(normalise_name).tolist()
    assert spelled == ["axi_cel"] * 3 + ["tisa_cel"] * 2 + ["our_own_car", ""]
    assert result.flags["patients.csv"] == {"product_synonym": 2, "product_in_text": 1}
    assert result.notes["value"].tolist() == ["Yescarta", "CTL019", "Kymriah, lot 7"]


@pytest.mark.parametrize(
    ("known", "text", "meant"),
    [
        (["yescarta"], "axi-cel", "yescarta"),
        (["yescarta"], "Axicabtagene ciloleucel", "yescarta"),
        (["yescarta"], "Yescarta", "Yescarta"),
        (["axi_cel"], "Yescarta", "axi-cel"),
        (["axi_cel", "yescarta"], "KTE-C19", "axi-cel"),
        (["axi_cel"], "Kymriah", "tisa-cel"),
        (["our_own_car"], "our own CAR batch 2", "our-own-car"),
        (["axi_cel"], "another CAR", "another CAR"),
    ],
)
def test_a_batch_is_matched_with_training_however_either_spells_a_product(known, text, meant):
    raw = pd.DataFrame({"product": [text], "_line": [2]}, dtype="str")
    ledger = Ledger(live=True)
    assert read_products(raw, "patients.csv", known, ledger)["product"].tolist() == [meant]
    assert len(ledger.notes()) == (text != meant)
    assert respelled(raw["product"], known).map(normalise_name).tolist() == [normalise_name(meant)]
