"""How a cohort folder says that its patients are simulated."""

from __future__ import annotations

import json
from pathlib import Path

REPORT = "report.json"


def is_simulated(folder: str | Path) -> bool:
    """Whether ``cytocast simulate`` wrote a folder: its ``report.json`` says so.

    A folder without that file is not marked, which does not prove that its patients are real.
    """
    try:
        report = json.loads((Path(folder) / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(report, dict) and report.get("synthetic") is True
