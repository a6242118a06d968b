"""``tests/`` mirrors ``pipeline/``: a module has its test file, or a reason why it has none."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PIPELINE = TESTS.parent / "pipeline"

EXCEPTIONS = {
    "predict/loaded_bundle": "test_api, as a notebook uses it",
    "reading/exported_cohort": "test_api, as a notebook uses it",
    "explain/shap_explanation": "test_api, as a notebook uses it",
    "arrays": "types only",
    "audit/*_checks": "audit/test_checks plants a defect for every check of every module",
    "input_limits": "constants only",
    "model/fit_plan": "fields only",
    "commands/promote": "needs a tracked training: commands/test_train promotes one",
    "evaluate/recalibration_figures": "commands/test_recalibrate, against evaluate_bundle",
    "train/recalibrated_bundle": "commands/test_recalibrate, as a hospital uses it",
    "train/recalibration_evaluation": "commands/test_recalibrate, as a hospital uses it",
    "train/tracking": "needs a tracked training: commands/test_train reads what was logged",
    "train/logged_model": "needs a tracked training: commands/test_train reads what was logged",
}
OTHERS = {
    "test_docstrings": "sections of what other rooms and notebooks call",
    "test_installed": "the wheel in an environment of its own",
    "test_house": "size and names of all modules",
    "test_text_in_code": "text for readers is not in code",
    "test_mirror": "tests and modules together",
    "test_real_cohorts": "public cohorts, whole",
    "audit/test_browser": "the page in a browser",
    "audit/test_checks": "every check of every module",
    "audit/test_docs": "docs/audit.md",
    "audit/test_real_cohorts": "public cohorts, whole",
    "commands/test_evaluate_settings": "settings of a training, from configuration to cards",
    "commands/test_mlflow_server": "training, promotion and prediction with a server on PostgreSQL",
    "commands/test_predict_hostile_strings": "hostile strings, through every output of predict",
    "commands/test_predict_bad_input": "one bad row never loses a batch, for every command of it",
    "commands/test_train_bad_input": "bad input to a training, for every room",
    "commands/test_train_signed": "signed analytes, through every room",
    "commands/test_train_ungraded": "patients who were never graded, through every room",
    "data_schema/*": "the data files themselves",
    "evaluate/test_negative_control": "properties of the donors of evaluate/added_value",
    "faults/*": "promises of docs/reliability.md, attacked through every command",
    "features/test_leakage": "no feature looks ahead, for every part of the matrix",
    "features/test_leakage_everywhere": "no feature looks ahead, on a simulated cohort",
    "features/test_oracle": "lab statistics of kernel, series and statistics by a plain loop",
    "importers/test_imported_training": "an import trains as its original, through every room",
    "model/test_bundle_formats": "older formats, every byte, and what changes no identity",
    "pages/test_audit_sentences": "what an audit found, on the evaluation page",
    "pages/test_report_pages_browser": "evaluation, monitoring and card pages in a browser",
    "pages/test_patient_page_browser": "the page in a browser",
    "pages/test_ward_list_browser": "the page in a browser",
    "reading/test_conservation": "every row is accounted for, through reading and cohort",
    "reading/test_read_tables": "tables in memory as their files, through cohort and reading",
    "reading/test_reading_properties": "messy exports, through reading and cohort",
    "reading/test_table_places": "tables that are no files, for every command",
}


def modules() -> set[str]:
    """Modules of the package as paths without suffix."""
    paths = (path for path in PIPELINE.rglob("*.py") if path.name != "__init__.py")
    return {path.relative_to(PIPELINE).with_suffix("").as_posix() for path in paths}


def written() -> set[str]:
    """Test files as paths without suffix."""
    paths = TESTS.rglob("test_*.py")
    return {path.relative_to(TESTS).with_suffix("").as_posix() for path in paths}


def mirror(module: str) -> str:
    """The test file of a module."""
    room, slash, name = module.rpartition("/")
    return f"{room}{slash}test_{name}"


def without_reason(names: set[str], reasons: dict[str, str]) -> list[str]:
    """Names that no entry matches."""
    return sorted(name for name in names if not any(fnmatch(name, entry) for entry in reasons))


def test_every_module_has_its_test_file_or_a_reason():
    files = written()
    bare = {name for name in modules() if mirror(name) not in files}
    assert without_reason(bare, EXCEPTIONS) == []


def test_every_test_file_has_its_module_or_a_reason():
    others = written() - {mirror(name) for name in modules()}
    assert without_reason(others, OTHERS) == []


@pytest.mark.parametrize("entry", EXCEPTIONS)
def test_an_exception_names_modules_that_have_no_test_file(entry):
    named = {name for name in modules() if fnmatch(name, entry)}
    assert named
    assert not {mirror(name) for name in named} & written()


@pytest.mark.parametrize("entry", OTHERS)
def test_another_test_file_exists_and_mirrors_no_module(entry):
    named = {name for name in written() if fnmatch(name, entry)}
    assert named
    assert not named & {mirror(name) for name in modules()}


def test_the_exceptions_stay_few():
    assert len(EXCEPTIONS) <= 15
