"""Finds the specimens of OMOP measurements by the links of the data model."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from pipeline.importers.records import first_filled, look_up
from pipeline.resources import schema_yaml


def specimens_of(
    measurement: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    concepts: Mapping[str, tuple[str, str, str]],
) -> pd.Series:
    """Specimen of each measurement, "" without a link.

    ``measurement_event_id`` takes precedence over ``fact_relationship``. Several linked specimens
    are joined, and reading resolves them. The same person and time do not make a link.

    Parameters
    ----------
    measurement : DataFrame
        Text cells with ``measurement_id``, ``measurement_event_id`` and
        ``meas_event_field_concept_id``.
    tables : mapping
        ``specimen`` and ``fact_relationship``, if the export has them.
    concepts : mapping
        Concept id to vocabulary, code and name.

    Returns
    -------
    Series of str
    """
    blank = pd.Series("", index=measurement.index, dtype="str")
    specimen = tables.get("specimen")
    if specimen is None:
        return blank
    names = {key: name for key, (_, _, name) in concepts.items()}
    texts = first_filled(
        look_up(specimen["specimen_concept_id"], names), specimen["specimen_source_value"]
    )
    text_of = dict(zip(specimen["specimen_id"], texts, strict=True))
    rules = schema_yaml("exchange.yaml")["omop"]["specimen_links"]
    field = look_up(measurement["meas_event_field_concept_id"], names).str.lower()
    event = measurement["measurement_event_id"].where(field == rules["event_field"], "")
    return first_filled(
        look_up(event, text_of),
        look_up(measurement["measurement_id"], _linked(tables.get("fact_relationship"), text_of)),
    )


def _linked(links: pd.DataFrame | None, text_of: Mapping[str, str]) -> dict[str, str]:
    """Measurement id to the texts of its specimens in ``fact_relationship``, either direction."""
    if links is None:
        return {}
    rules = schema_yaml("exchange.yaml")["omop"]["specimen_links"]
    domains = (rules["measurement_domain"], rules["specimen_domain"])
    parts = []
    for one, two in (("1", "2"), ("2", "1")):
        rows = (links[f"domain_concept_id_{one}"] == domains[0]) & (
            links[f"domain_concept_id_{two}"] == domains[1]
        )
        part = links.loc[rows, [f"fact_id_{one}", f"fact_id_{two}"]]
        parts.append(part.set_axis(["measurement", "specimen"], axis=1))
    pairs = pd.concat(parts, ignore_index=True)
    pairs = pairs.assign(text=look_up(pairs["specimen"], text_of))
    pairs = pairs.loc[pairs["text"] != ""].drop_duplicates(["measurement", "text"])
    joined: dict[str, str] = pairs.groupby("measurement")["text"].agg("; ".join).to_dict()
    return joined
