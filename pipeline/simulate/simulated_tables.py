"""The five tables of the synthetic cohort, with row numbers and hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.simulate.assays import background_inflammation, report_results, true_levels
from pipeline.simulate.bedside_chart import chart_observations
from pipeline.simulate.lab_orders import order_samples, plan_rounds
from pipeline.simulate.latent_history import History
from pipeline.simulate.simulated_patients import People
from pipeline.simulate.simulation_settings import named

Tables = dict[str, pd.DataFrame]
Generators = Mapping[str, np.random.Generator]


def build_tables(
    people: People, history: History, settings: Mapping[str, Any], random: Generators
) -> Tables:
    """Build the five tables of simulated patients.

    Parameters
    ----------
    people : People
        Simulated patients.
    history : History
        Their courses.
    settings : mapping
        ``simulation.yaml``.
    random : mapping of str to numpy.random.Generator
        From :func:`~pipeline.simulate.simulation_settings.generators`.

    Returns
    -------
    dict of str to DataFrame
        The five tables; ``patient`` is the row number, times are ``*_hours``.

    Examples
    --------
    >>> from pipeline.simulate.latent_history import simulate_history
    >>> from pipeline.simulate.simulated_patients import draw_people
    >>> from pipeline.simulate.simulation_settings import generators, load
    >>> settings, random = load(), generators(1)
    >>> time = {**settings["time"], "follow_up_hours": 96}
    >>> crp = {"crp": settings["analytes"]["crp"]}
    >>> settings = {**settings, "analytes": crp, "time": time}
    >>> people = draw_people(1, settings, random["people"])
    >>> history = simulate_history(people, settings, random["course"])
    >>> tables = build_tables(people, history, settings, random)
    >>> tables["labs"][["analyte", "value", "unit"]].head(2).to_numpy().tolist()
    [['crp', '34.7', 'mg/L'], ['crp', '244', 'mg/L']]
    """
    assessed = _assessed(history, random["bedside"])
    return {
        "patients": _patients(people, history, settings),
        "labs": _labs(people, history, settings, random),
        "treatments": _treatments(people, history, settings),
        "observations": chart_observations(assessed, people.site, settings, random["bedside"]),
        "assessments": _assessments(assessed),
    }


def _patients(people: People, history: History, settings: Mapping[str, Any]) -> pd.DataFrame:
    products = settings["products"]
    names = np.array(list(products), dtype=object)
    diseases = np.array([item["disease"] for item in products.values()], dtype=object)
    sites = np.array(list(named(settings["sites"])), dtype=object)
    return pd.DataFrame(
        {
            "patient": np.arange(len(people)),
            "product": names[people.product],
            "site": sites[people.site],
            "age_years": people.age.astype(np.int64),
            "sex": np.where(people.female, "F", "M"),
            "disease": diseases[people.product],
            "dose_cells": (np.round(people.dose_cells / 1e6) * 1e6).astype(np.int64),
            "n_prior_lines": pd.Series(people.prior_lines).astype("Int64"),
            "record_end_hours": history.record_end,
            "followed_until_hours": np.minimum(history.followed_until, history.final.died),
            "death_hours": np.where(history.final.alive, np.nan, history.final.died),
        }
    )


def _labs(
    people: People, history: History, settings: Mapping[str, Any], random: Generators
) -> pd.DataFrame:
    rounds = plan_rounds(people, history, settings, random["orders"])
    background = background_inflammation(people, settings, random["markers"])
    parts = []
    for key in settings["analytes"]:
        patient, hours = order_samples(key, people, history, rounds, settings, random["orders"])
        level = true_levels(
            key, patient, hours, people, history, background, settings, random["markers"]
        )
        parts.append(report_results(key, patient, hours, level, people, settings, random["assays"]))
    rows = pd.concat(parts, ignore_index=True)
    # a result after death or the end of follow-up is not exported
    until = np.minimum(history.followed_until, history.final.died)[rows["patient"].to_numpy()]
    kept = rows["resulted_hours"].isna() | (rows["resulted_hours"] < until)
    exported: pd.DataFrame = rows.loc[kept].sort_values(
        ["patient", "collected_hours", "analyte", "resulted_hours", "status"],
        kind="stable",
        ignore_index=True,
    )
    return exported


def _treatments(people: People, history: History, settings: Mapping[str, Any]) -> pd.DataFrame:
    parts = []
    for drug, given in history.doses.items():
        step, patient = np.nonzero(given)
        dose, unit, route = settings["policies"]["doses"][drug]
        early = ~(history.tracks["crs"][step, patient] + history.tracks["icans"][step, patient] > 0)
        parts.append(
            pd.DataFrame(
                {
                    "patient": patient,
                    "drug": drug,
                    "given_hours": history.hours[step] + 0.75,
                    "dose": dose,
                    "unit": unit,
                    "route": route,
                    "intent": np.where(early, "prophylaxis", "therapy"),
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.loc[rows["given_hours"] < history.final.died[rows["patient"].to_numpy()]]
    order_by = ["patient", "given_hours", "drug"]
    ordered: pd.DataFrame = rows.sort_values(order_by, kind="stable", ignore_index=True)
    return ordered


def _assessed(history: History, random: np.random.Generator) -> pd.DataFrame:
    step, patient = np.nonzero(history.assessed)
    hours = history.hours[step]
    minutes = np.round(random.uniform(0, 30, len(step))) / 60.0
    treated = hours > history.tracks["first_toci"][step, patient]
    rows = pd.DataFrame(
        {
            "patient": patient,
            "hours": hours + minutes,
            "crs": history.tracks["crs"][step, patient],
            "icans": history.tracks["icans"][step, patient],
            "treated": treated,
        }
    )
    until = np.minimum(history.followed_until, history.final.died)
    rows = rows.loc[rows["hours"] < until[patient]]
    return rows.sort_values(["patient", "hours"], kind="stable", ignore_index=True)


def _assessments(assessed: pd.DataFrame) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "patient": assessed["patient"],
                "scale": scale,
                "grade": assessed[scale],
                "assessed_hours": assessed["hours"],
                "grading_system": "astct",
            }
        )
        for scale in ("crs", "icans")
    ]
    return pd.concat(parts, ignore_index=True).sort_values(
        ["patient", "assessed_hours", "scale"], kind="stable", ignore_index=True
    )
