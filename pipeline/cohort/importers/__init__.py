"""Other shapes of export, rewritten as the tables that the front door reads."""
