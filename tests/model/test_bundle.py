"""Bundles on disk: loading restores them, and any changed file is detected."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import BundleError
from pipeline.model.bundle import as_prior, load_bundle, read_evaluation
from pipeline.model.manifest import MANIFEST, file_digests, read_manifest, write_manifest
from tests.builders import course_cohort
from tests.model.conftest import fit
from tests.model.test_custom_member import stored


def test_a_bundle_keeps_the_refits(tmp_path):
    own = fit(course_cohort(40), bootstrap_boosters=2)
    stored(own.model, tmp_path / "b")
    again = load_bundle(tmp_path / "b").models["crs"]
    for before, after in zip(
        own.model.interval(own.matrix, 3, (24.0, 72.0), 0.8),
        again.interval(own.matrix, 3, (24.0, 72.0), 0.8),
        strict=True,
    ):
        np.testing.assert_array_equal(before, after)


@pytest.fixture
def saved(fitted, tmp_path):
    """A bundle on disk and its digest."""
    return tmp_path / "bundle", stored(fitted.model, tmp_path / "bundle")


def test_the_digest_follows_the_content_and_names_every_file(saved, fitted, tmp_path):
    folder, digest = saved
    assert stored(fitted.model, tmp_path / "again") == digest
    manifest = read_manifest(folder)
    assert manifest["bundle_sha256"] == digest == load_bundle(folder).sha256
    files = {path.name for path in folder.iterdir()} - {MANIFEST}
    assert set(manifest["files"]) == files
    for name, expected in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected


def test_a_loaded_bundle_gives_the_same_risks(saved, fitted):
    loaded = load_bundle(saved[0]).models["crs"]
    for use_state in (True, False):
        asked = replace(fitted.model, show_state=use_state), replace(loaded, show_state=use_state)
        before, after = (model.risk(fitted.matrix, 3, (24.0, 60.0, 168.0)) for model in asked)
        np.testing.assert_array_equal(before, after)


@given(data=st.data())
@settings(
    max_examples=7, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_changed_or_missing_file_is_refused(saved, data):
    folder, _ = saved
    name = data.draw(st.sampled_from(sorted(path.name for path in folder.iterdir())))
    whole = (folder / name).read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = data.draw(
        st.sampled_from([None, whole[:place], whole[:place] + b"\x00" + whole[place + 1 :]])
    )
    if changed is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(changed)
    if changed != whole:
        with pytest.raises(BundleError):
            load_bundle(folder)
    (folder / name).write_bytes(whole)
    load_bundle(folder)


def test_another_format_is_refused(saved):
    path = saved[0] / MANIFEST
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "format": 1}))
    with pytest.raises(BundleError, match="format 1"):
        load_bundle(saved[0])


def test_a_prior_is_kept_without_prototypes_and_profile_and_with_its_digest(saved):
    bundle = load_bundle(saved[0])
    prior = as_prior(bundle)
    assert prior.reference.background == {}
    assert prior.reference.profile is None
    assert prior.provenance["bundle_sha256"] == saved[1]


def test_an_evaluation_is_optional(saved):
    assert read_evaluation(saved[0]) is None
    path = saved[0] / "evaluation.json"
    path.write_text('{"kind": "external"}')
    with pytest.raises(BundleError, match="does not list"):
        read_evaluation(saved[0])
    listed(saved[0])
    assert read_evaluation(saved[0]).kind == "external"
    for damaged in ('{"kind": ', '{"outcomes": {"icans": [1]}}'):
        path.write_text(damaged)
        with pytest.raises(BundleError, match="does not match"):
            read_evaluation(saved[0])
        listed(saved[0])
        with pytest.raises(BundleError, match=r"evaluation\.json is damaged"):
            read_evaluation(saved[0])


def listed(folder):
    """Write the manifest anew, with the evaluation among the reports."""
    write_manifest(folder, ["crs"], {"evaluation.json": file_digests(folder)["evaluation.json"]})
