"""Every patient of the input has a result; one mostly rejected has no estimate."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.explain.model_summary import summarise_model
from pipeline.predict.patient_results import patient_results
from pipeline.predict.prepare import prepare_batch, read_for
from pipeline.predict.score import score_batch
from tests.conftest import edit
from tests.predict.conftest import NAME


def test_a_patient_mostly_rejected_has_no_estimate_now_nor_earlier(mini, bundle, batch) -> None:
    first = mini.patients[0]

    def spoil(labs: pd.DataFrame) -> pd.DataFrame:
        mine = np.flatnonzero(labs["patient_id"] == first)
        chosen = np.isin(np.arange(len(labs)), mine[: int(0.8 * len(mine))])
        return labs.assign(unit=labs["unit"].mask(chosen, "furlong"))

    edit(batch / "labs.csv", spoil)
    prepared = prepare_batch(read_for(bundle, batch), bundle)
    assert list(prepared.mostly_rejected) == [first]
    result = score_batch(prepared, NAME)
    mine = result.predictions[result.predictions["patient_id"] == first]
    assert "ok" not in set(mine["status"])
    assert prepared.mostly_rejected[first] in set(mine["status_reason"])
    patients = patient_results(prepared, result, summarise_model(bundle, "m", "1", None))
    past = {item.record.patient_id: [each.past for each in item.estimates] for item in patients}
    assert not any(past.pop(first))
    assert any(map(any, past.values()))


def test_every_patient_of_the_input_has_a_result(mini, bundle, batch) -> None:
    first = mini.patients[0]
    edit(batch / "labs.csv", lambda labs: labs[labs["patient_id"] != first])
    prepared = prepare_batch(read_for(bundle, batch), bundle)
    result = score_batch(prepared, NAME)
    patients = patient_results(prepared, result, summarise_model(bundle, "m", "1", None))
    assert [item.record.patient_id for item in patients] == sorted(mini.patients)
    assert first not in set(prepared.patient_ids)
    assert patients[0].inputs is None
    assert patients[0].record.charted
    assert not patients[0].unknown
    assert result.unscored_patients() == 1
    shown = [item for each in patients for item in each.estimates if item.headline is not None]
    assert shown
    for item in shown:
        low, high = item.member_range
        assert 0 <= low <= high <= 1
    for each in patients:
        if each.measuring is not None:
            assert each.measuring.high - each.measuring.low >= 0.02
            assert each.measuring.outcome in {item.outcome for item in each.estimates}


def test_an_id_without_a_row_in_patients_is_unknown(mini, bundle, batch) -> None:
    first = mini.patients[0]
    edit(batch / "patients.csv", lambda table: table[table["patient_id"] != first])
    prepared = prepare_batch(read_for(bundle, batch), bundle)
    result = score_batch(prepared, NAME)
    patients = patient_results(prepared, result, summarise_model(bundle, "m", "1", None))
    assert [each.record.patient_id for each in patients if each.unknown] == [first]
