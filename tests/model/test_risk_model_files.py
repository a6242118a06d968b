"""Files of one risk model: complete, equal for an equal model, and refused without a variant."""

import json

import numpy as np
import pytest

from pipeline.model.risk_model_files import load_model, save_model


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_model_is_restored_from_its_files(fitted, tmp_path):
    save_model(fitted.model, tmp_path, "crs")
    loaded = load_model(contents(tmp_path), "crs")
    assert loaded.columns == fitted.model.columns
    for use_state in (True, False):
        before, after = (
            model.risk(fitted.matrix, 3, (24.0, 72.0), use_state=use_state)
            for model in (fitted.model, loaded)
        )
        np.testing.assert_array_equal(before, after)


def test_an_equal_model_gives_equal_files(fitted, tmp_path):
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
        save_model(fitted.model, folder, "crs")
    assert contents(folders[0]) == contents(folders[1])


def test_a_model_without_the_variant_without_state_is_refused(fitted, tmp_path):
    save_model(fitted.model, tmp_path, "crs")
    files = contents(tmp_path)
    content = {**json.loads(files["crs.json"]), "no_state": None}
    with pytest.raises(ValueError, match=r"crs\.json"):
        load_model({**files, "crs.json": json.dumps(content).encode()}, "crs")


def test_a_model_of_an_older_bundle_has_uncalibrated_comparators(fitted, tmp_path):
    save_model(fitted.model, tmp_path, "crs")
    files = contents(tmp_path)
    content = json.loads(files["crs.json"])
    assert content["comparators"]["calibrations"]
    del content["comparators"]
    older = load_model({**files, "crs.json": json.dumps(content).encode()}, "crs")
    assert older.comparators.plain is None
    before, after = (
        model.reference_risk(fitted.matrix, 3, (24.0,)) for model in (fitted.model, older)
    )
    assert not np.allclose(before, after)
