"""A clean simulated export in memory, and the audit of tables that never touch the disk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from pipeline.audit.export_context import AuditContext, open_export
from pipeline.audit.finding import Finding, NotApplicable
from pipeline.audit.runner import by_code
from pipeline.config import Config, load_config
from tests.planted.defects import simulated_tables

Tables = dict[str, pd.DataFrame]
ACCEPT_ALL = {"cohort": {"extra_analytes": "accept"}}


def settings(**changes) -> Config:
    """Default settings with whole sections replaced."""
    content = load_config().model_dump()
    for section, values in changes.items():
        content[section] = {**content[section], **values}
    return Config.model_validate(content)


def write(tables: Tables, folder) -> None:
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)


def in_memory(tables: Tables, config: Config | None = None) -> AuditContext:
    """Context of tables that are not on disk and are not read as a cohort."""
    raw = {
        name: table.astype("str").assign(_line=np.arange(len(table)) + 2)
        for name, table in tables.items()
    }
    return AuditContext(raw, {name: f"{name}.csv" for name in raw}, config or load_config())


def run(code: str, context: AuditContext) -> list[Finding]:
    """Findings of one check; none where it does not apply."""
    try:
        return by_code()[code]().check(context)
    except NotApplicable:
        return []


@pytest.fixture(scope="session")
def clean() -> Tables:
    return simulated_tables(240, 3)


@pytest.fixture
def opened(tmp_path) -> Callable[..., AuditContext]:
    """Write tables and open them as a user's export."""

    def open_tables(tables: Tables, config: Config | None = None) -> AuditContext:
        write(tables, tmp_path)
        return open_export(tmp_path, config or load_config())

    return open_tables
