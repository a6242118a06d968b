"""Other shapes of export, rewritten as the tables that ``reading`` reads."""
