"""From a cohort export to a bundle."""
