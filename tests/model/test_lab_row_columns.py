"""Lab rows have the columns of labs in hours, and those of patients that features use."""

from pipeline.model.bundle import load_bundle
from pipeline.model.lab_row_columns import NOT_TAKEN, REQUIRED, optional_columns


def test_every_column_of_labs_in_hours_and_every_host_column_is_taken_once(mini):
    bundle = load_bundle(mini.bundle)
    optional = optional_columns(bundle)
    assert len(set(optional)) == len(optional)
    assert not set(optional) & {*REQUIRED, *NOT_TAKEN}
    assert {"resulted_hours", "specimen", "loinc", "lloq", "status"} <= set(optional)
    assert {column.name for column in bundle.reference.spec.host} <= set(optional)
