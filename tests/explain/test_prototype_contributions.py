"""Prototypes are explained, never patients, and their contributions add up to the risk."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.explain.prototype_contributions import at_headline, explain_prototypes
from pipeline.model.bundle import load_bundle


@pytest.fixture(scope="module")
def bundle(mini):
    return load_bundle(mini.bundle)


def test_every_outcome_has_contributions_that_add_up(bundle):
    explained = explain_prototypes(bundle, 3)
    assert set(explained) == set(bundle.reference.background)
    for part in (item for by_horizon in explained.values() for item in by_horizon.values()):
        assert part.points.shape == part.values.shape == (3, len(part.players))
        assert part.largest_gap < 1e-9
        assert len(part.keys) == len(part.pathways) == len(part.players)
        assert ((part.reference > 0) & (part.reference < 100)).all()
        assert list(part.mean_size) == sorted(part.mean_size, reverse=True)
        assert part.mean_size.min() > 0
        assert not any("_" in name for name in part.players)


def test_rows_are_prototypes_of_several_patients(bundle):
    name, background = next(iter(bundle.reference.background.items()))
    part = at_headline(explain_prototypes(bundle, 3))[name]
    stored = {size for day in background.days.values() for size in day.patients}
    assert set(part.patients) <= stored
    assert part.patients.min() >= 5


def test_none_are_explained_where_none_are_wanted_or_stored(bundle):
    assert explain_prototypes(bundle, 0) == {}
    bare = replace(bundle, reference=replace(bundle.reference, background={}))
    assert explain_prototypes(bare, 3) == {}
    days = {
        name: replace(
            item,
            days={
                day: replace(part, values=np.full_like(part.values, np.nan))
                for day, part in item.days.items()
            },
        )
        for name, item in bundle.reference.background.items()
    }
    empty = replace(bundle, reference=replace(bundle.reference, background=days))
    assert explain_prototypes(empty, 3) == {}
