"""ASTCT 2019 grades of CRS and ICANS, derived from raw bedside observations."""
