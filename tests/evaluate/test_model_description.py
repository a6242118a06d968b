"""Settings that shaped a model: those that differ from the defaults, by their name."""

from pipeline.config import load_config
from pipeline.evaluate.model_description import changed_settings


def test_settings_of_every_shape_are_named(tmp_path):
    path = tmp_path / "more.yaml"
    path.write_text(
        "cohort: {name: x, assume_units: {d_dimer: {mg/L: 'mg/L{FEU}'}}}\n"
        "landmarks: {extra_hours: [12]}\nmodel: {signs: false}\n"
    )
    changed = changed_settings(load_config([path]))
    assert changed == {
        "cohort.assume_units": {"d_dimer": {"mg/L": "mg/L{FEU}"}},
        "landmarks.extra_hours": [12.0],
        "model.signs": False,
    }
