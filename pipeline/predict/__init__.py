"""From a lab batch to predictions."""
