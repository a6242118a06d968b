"""The bundle of the mini cohort and prepared batches of it, shared by the tests of this room."""

from __future__ import annotations

import pytest

from pipeline.model.bundle import Bundle, load_bundle
from pipeline.predict.predictions_table import ModelName
from pipeline.predict.prepare import PreparedBatch, prepare_batch, read_for
from tests.conftest import Mini, edit

NAME = ModelName("m", "1")


@pytest.fixture(scope="session")
def bundle(mini: Mini) -> Bundle:
    return load_bundle(mini.bundle)


@pytest.fixture(scope="session")
def prepared(mini: Mini, bundle: Bundle) -> PreparedBatch:
    return prepare_batch(read_for(bundle, mini.batch), bundle)


@pytest.fixture(scope="session")
def mixed(mini: Mini, bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> PreparedBatch:
    """The batch, made uneven.

    One patient has no lab row, one unusable rows, one a single analyte, one ICANS since the first
    assessment, one a ferritin far above training.
    """
    folder = tmp_path_factory.mktemp("mixed")
    for path in mini.batch.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    none, unusable, single, present, high = mini.patients[:5]

    def spoil(labs):
        patient = labs["patient_id"]
        labs = labs.assign(unit=labs["unit"].mask(patient == unusable, "furlong"))
        crp = labs["analyte"] == "crp"
        ferritin = (patient == high) & (labs["analyte"] == "ferritin")
        labs = labs.assign(value=labs["value"].mask(ferritin, "900000"))
        return labs[(patient != none) & ((patient != single) | crp)]

    def chart(assessments):
        mine = (assessments["patient_id"] == present) & (assessments["scale"] == "icans")
        return assessments.assign(grade=assessments["grade"].mask(mine, "2"))

    edit(folder / "labs.csv", spoil)
    edit(folder / "assessments.csv", chart)
    return prepare_batch(read_for(bundle, folder), bundle)
