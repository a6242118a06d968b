"""What was changed, dropped or withheld, in counts and places; never a value of a patient."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.report.format import counted

# stands in place of a cell that may not be passed on; no column reads it as anything
WITHHELD = "unreadable"
_ROWS_TOLD = 5


@dataclass
class Account:
    """Collects what the summary tells.

    Attributes
    ----------
    lines : list of str
        Sentences, in the order in which things were done.
    """

    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Add one sentence."""
        self.lines.append(line)

    def withhold(
        self, table: pd.DataFrame, column: str, mask: pd.Series, *, file: str, why: str
    ) -> pd.DataFrame:
        """Replace masked cells of a column and say where they stood."""
        chosen = np.asarray(mask, dtype=bool)
        if not chosen.any():
            return table
        rows = table.loc[chosen, "_line"].tolist()
        told = ", ".join(map(str, rows[:_ROWS_TOLD])) + (" ..." if len(rows) > _ROWS_TOLD else "")
        place = f"{file}, column {column}, row {told}"
        self.say(f"withheld ('{WITHHELD}'): {place}: {counted(len(rows), 'cell')} {why}")
        return table.assign(**{column: table[column].mask(chosen, WITHHELD).astype("str")})
