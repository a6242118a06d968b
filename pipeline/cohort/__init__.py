"""The cohort: its tables, values, units and clocks, and the ledger of what is rejected."""
