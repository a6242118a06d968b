"""Where a bundle comes from: digests, versions and counts, and nothing about one patient."""

import json
from importlib.metadata import version
from platform import python_version

import pandas as pd
import pytest

from pipeline.audit.runner import AuditReport
from pipeline.model.evaluation_report import EvaluatedCohort
from pipeline.train.provenance import provenance_of, versions
from tests.builders import make_config

SUMMARY = EvaluatedCohort(
    name="mini",
    sha256="a" * 64,
    n_patients=60,
    event_patients={"severe_crs": 12},
    n_landmarks=500,
    n_lab_rows=900,
    synthetic=True,
)
AUDIT = AuditReport((), (), (), {}, pd.DataFrame())


def test_installed_packages_are_named_with_their_version():
    found = versions()
    assert found["python"] == python_version()
    assert found["numpy"] == version("numpy")
    assert {"scipy", "pandas", "scikit-learn"} <= set(found)
    assert all(found.values())


@pytest.mark.parametrize("prior", [None, {}, {"bundle_sha256": "b" * 64}])
def test_content_is_plain_and_a_prior_is_named_only_where_there_is_one(prior):
    config = make_config()
    content = provenance_of(config, SUMMARY, AUDIT, prior)
    assert json.loads(json.dumps(content)) == content
    assert ("prior" in content) == bool(prior)
    assert content["cohort_sha256"] == SUMMARY.sha256
    assert content["config_sha256"] == config.sha256()
    assert content["event_patients"] == SUMMARY.event_patients
    assert content["audit"] == AUDIT.summary()


def test_another_setting_changes_the_digest_of_the_configuration():
    one, other = (
        provenance_of(make_config(booster_rounds=rounds), SUMMARY, AUDIT, None)["config_sha256"]
        for rounds in (25, 26)
    )
    assert one != other
