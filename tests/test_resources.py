"""The reviewed data files: found where they lie, and named where they are no YAML."""

import pytest
import yaml

from pipeline.errors import UsageError
from pipeline.resources import config_path, read_yaml, schema_json, schema_path, schema_yaml


def test_every_data_file_is_read_and_kept(tmp_path):
    names = sorted(path.name for path in schema_path("").iterdir() if path.is_file())
    assert {"analytes.yaml", "drugs.yaml", "labs.json"} <= set(names)
    for name in names:
        if name.endswith(".yaml"):
            assert schema_yaml(name) is schema_yaml(name)
            assert schema_yaml(name) == yaml.safe_load(schema_path(name).read_text("utf-8"))
        elif name.endswith(".json"):
            assert schema_json(name) is schema_json(name)


def test_the_configurations_are_beside_the_data_files():
    assert config_path("cohorts/synthetic.yaml").is_file()
    assert config_path("").parent == schema_path("").parent


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"a: \xff", "cannot read"),
        (b"a: [1\nb: 2\n", "line 2"),
        (b"a: !!python/object/apply:os.system [ls]", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_yaml_is_a_usage_error_with_its_path(tmp_path, content, message):
    path = tmp_path / "own.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as error:
        read_yaml(path)
    assert str(path) in str(error.value)
