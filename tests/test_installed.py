"""The wheel in a virtual environment of its own, used as a notebook would, outside the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOK = """
import sys
import cytocast
import pandas as pd
from sklearn.model_selection import GroupKFold, cross_val_score

assert cytocast.__file__.startswith(sys.prefix), cytocast.__file__
quick = {
    "outcomes": {"icans": {"scale": "icans", "threshold": 1, "label": "ICANS"}},
    "features": {"analytes": ["crp", "ferritin"]}, "landmarks": {"last_hours": 72},
    "model": {"booster_rounds": 2, "inner_folds": 2, "horizons_hours": [72]},
    "evaluation": {"folds": 2, "repeats": 1, "bootstrap": 20},
}
cohort = cytocast.simulate(24, seed=1)
assert len(cohort.rejects) and set(cohort.flags.columns) == set(cohort.rejects.columns)
X, y, groups = cytocast.landmarks(cohort, "icans", horizon_hours=72)
features = cytocast.LabFeatures(cohort).set_output(transform="pandas").fit_transform(X)
assert isinstance(features, pd.DataFrame) and len(features) == len(X)
risk = cytocast.RiskEstimator("icans", 72, quick, cohort=cohort)
assert len(cross_val_score(risk, X, y, groups=groups, cv=GroupKFold(2))) == 2
cytocast.train(cohort, quick, out="bundle")
bundle = cytocast.load_bundle("bundle")
batch = cytocast.read_batch(cytocast.simulate(4, seed=2, batch=True), bundle)
assert bundle.predict(batch)["patient_id"].nunique() >= 4
assert bundle.explain(batch, "icans").values.ndim == 2
assert cytocast.audit(cohort).to_frame()["code"].str.startswith("CHK").all()
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """Interpreter of an environment with the wheel, beside the packages that are installed here."""
    root = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(root)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = root.glob("cytocast-*.whl")
    venv.create(root / "venv", with_pip=False)
    interpreter = root / "venv" / "bin" / "python"
    site = subprocess.run(
        [interpreter, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # requirements only: a path in this file is not searched for the links of an editable install
    (Path(site) / "requirements.pth").write_text(sysconfig.get_path("purelib") + "\n")
    install = ["install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter)]
    subprocess.run([*pip, *install], check=True)
    return interpreter


def test_a_notebook_reads_features_cross_validates_predicts_and_explains(python, tmp_path):
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        # importing shap raises the one kind of warning that is left out
        [python, "-Werror", "-Wignore::PendingDeprecationWarning", "-c", NOTEBOOK],
        cwd=tmp_path,
        env=clean,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_command_is_installed(python):
    done = subprocess.run(
        [python.parent / "cytocast", "--version"], check=True, capture_output=True, text=True
    )
    import pipeline

    assert pipeline.__version__ in done.stdout
