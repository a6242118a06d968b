"""How good a model is: splits, metrics, intervals, comparators, and the report."""
