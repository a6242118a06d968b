"""Scores the body of a request with one bundle, and returns the predictions as JSON."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from pipeline.errors import InputError, UsageError
from pipeline.model.bundle import Bundle
from pipeline.model.lab_row_columns import optional_columns
from pipeline.predict.lab_rows import score_lab_rows
from pipeline.predict.predictions_table import ModelName
from pipeline.serve.lab_request import LabRequest, parse_request
from pipeline.serve.refusal import bad_request
from pipeline.serve.scoring_app import Answer
from pipeline.serve.service_limits import ServiceLimits


def answer_with(bundle: Bundle, name: ModelName, limits: ServiceLimits) -> Answer:
    """Create the function that scores the body of a request.

    Parameters
    ----------
    bundle : Bundle
    name : ModelName
        Name and version of the model, for the predictions.
    limits : ServiceLimits

    Returns
    -------
    callable
        Body of a request to the body of its answer; raises Refusal for a body that cannot be
        scored.

    Examples
    --------
    >>> from pipeline.model.bundle import empty_bundle
    >>> answer = answer_with(empty_bundle(), ModelName("cytocast", "1"), ServiceLimits())
    >>> answer(b'{"instances": []}')
    Traceback (most recent call last):
    pipeline.serve.refusal.Refusal: instances has no usable row; send at least one row
    """
    optional = optional_columns(bundle)

    def answer(body: bytes) -> bytes:
        request = parse_request(body, optional, limits)
        try:
            scored = score_lab_rows(
                request.rows,
                bundle,
                name,
                as_of=request.as_of,
                decimal_comma=request.decimal_comma,
            )
        except UsageError as error:
            raise bad_request(
                "as_of", "params.as_of is outside the dates of these rows; give another hour"
            ) from error
        except InputError as error:  # its message may quote values
            raise bad_request(
                "rows",
                "the rows cannot be read as laboratory results; use the columns of "
                "data_schema/labs.json",
            ) from error
        refuse_other_patients(request, scored)
        return to_json(scored)

    return answer


def refuse_other_patients(request: LabRequest, scored: pd.DataFrame) -> None:
    """Refuse to answer if reading has changed an id, or merged two ids.

    Raises
    ------
    Refusal
        400.

    Examples
    --------
    >>> table = pd.DataFrame({"patient_id": ["A", "A"]})
    >>> refuse_other_patients(LabRequest(table), table)
    """
    if request.patient_ids != set(scored["patient_id"]):
        raise bad_request(
            "patient_id",
            "reading merges the patient_id of two patients, or changes one; give ids of plain "
            "letters and digits",
        )


def to_json(scored: pd.DataFrame) -> bytes:
    """Write ``{"predictions": [...]}``, one object per row, null for an empty cell.

    Examples
    --------
    >>> to_json(pd.DataFrame({"patient_id": ["A"], "risk": [0.25]}))
    b'{"predictions": [{"patient_id": "A", "risk": 0.25}]}'
    """
    content = {"predictions": scored.to_dict("records")}
    return json.dumps(content, allow_nan=False, default=_plain_number).encode()


def _plain_number(value: Any) -> Any:
    return value.item()
