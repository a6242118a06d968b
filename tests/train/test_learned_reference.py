"""What a training cohort teaches beside coefficients, each part from its own rule."""

import pytest

from pipeline.model.background import MIN_PATIENTS
from pipeline.model.cohort_profile import Profile
from pipeline.model.training_reference import base_rate_table, feature_ranges
from pipeline.train.learned_reference import learn_reference

PROFILE = Profile({}, {}, {}, {}, {}, {})


@pytest.fixture(scope="module")
def reference(steps):
    return learn_reference(steps.read, steps.task, steps.scales, PROFILE)


def test_base_rates_and_ranges_are_those_of_the_training_landmarks(steps, reference):
    part = steps.scales["crs"]
    table = base_rate_table(part.matrix, part.targets, 3, part.model.horizons)
    assert reference.base_rates == {"severe_crs": table}
    assert reference.ranges == feature_ranges(part.matrix)


def test_products_are_counted_by_patient(steps, reference):
    counts = steps.task.cohort.patients["product"].value_counts()
    assert sorted(reference.products.values()) == sorted(counts.tolist())
    assert sum(reference.products.values()) == len(steps.task.cohort)
    assert reference.n_patients == steps.task.cohort.n_patients


def test_every_prototype_averages_several_patients(steps, reference):
    (background,) = reference.background.values()
    assert set(background.columns) <= set(steps.scales["crs"].matrix.names)
    assert background.days
    assert all((day.patients >= MIN_PATIENTS).all() for day in background.days.values())


def test_ages_are_clipped_exactly_where_landmarks_stood_on_a_grid_only(steps, reference):
    sources = set(steps.scales["crs"].matrix.landmarks["source"])
    assert reference.clip_ages == (sources == {"grid"})


def test_what_was_read_is_kept_as_it_was(steps, reference):
    assert reference.limits == steps.task.limits
    assert reference.local == steps.read.local
    assert reference.spec == steps.task.spec
    assert reference.profile is PROFILE
