"""Largest inputs that are read, each with its reason; beyond them reading stops within seconds."""

from __future__ import annotations

MEBIBYTE = 2**20
# The whole text of a table is held in memory, and takes some ten times its size while it is read.
TABLE_BYTES = 4096 * MEBIBYTE
# A FHIR file is parsed as one text, and its objects take some ten times their size.
JSON_BYTES = 2048 * MEBIBYTE
# Compressed FHIR shrinks to a twentieth or thirtieth, and gzip reaches 1:1032 on nothing but zeros.
GZIP_RATIO = 250
# Below this size no ratio does harm, and a small file of blanks is legal.
GZIP_FREE_BYTES = 16 * MEBIBYTE
# The largest reviewed data file has some 100 kB, and a mapping of 2,000 codes as many.
YAML_BYTES = 4 * MEBIBYTE
# Settings nest five deep, and the parser of YAML is recursive.
YAML_DEPTH = 50
# A mapping of 2,000 codes has some 10,000 values; references can make billions of a few lines.
YAML_NODES = 200_000
# An integer of ten million digits takes minutes to read; no setting has more than sixteen.
YAML_DIGITS = 100
# The tables have some 20 columns each, wide sheets and exports of a registry a few thousand.
COLUMNS = 10_000
# A header of 10,000 names of 100 characters.
HEADER_CHARACTERS = 1_000_000
# A discharge letter inside a cell has some 20,000 characters, a scan as text a few million.
LINE_CHARACTERS = 5_000_000
# Cells of a Parquet table, which take some 50 bytes each as text.
PARQUET_CELLS = 500_000_000
# Cells per byte of a Parquet file: a run of one value takes no space, but no table is only that.
PARQUET_RATIO = 100
PARQUET_FREE_CELLS = 20_000_000
# Text of a Parquet table after decompression, by its own statement.
PARQUET_BYTES = 8192 * MEBIBYTE
