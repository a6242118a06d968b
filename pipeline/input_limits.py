"""Largest accepted inputs, each with its reason; reading stops within seconds beyond them."""

from __future__ import annotations

MEBIBYTE = 2**20
# The whole text of a table is held in memory; reading takes about ten times its size.
TABLE_BYTES = 4096 * MEBIBYTE
# A FHIR file is parsed as one text; its objects take about ten times its size.
JSON_BYTES = 2048 * MEBIBYTE
# Compressed FHIR shrinks 20 to 30 times; gzip reaches 1:1032 on zeros alone.
GZIP_RATIO = 250
# Below this size any ratio is harmless; a small file of blanks is accepted.
GZIP_FREE_BYTES = 16 * MEBIBYTE
# The largest reviewed data file has about 100 kB, as does a mapping of 2,000 codes.
YAML_BYTES = 4 * MEBIBYTE
# Settings nest five deep; the YAML parser is recursive.
YAML_DEPTH = 50
# A mapping of 2,000 codes has about 10,000 values; references can turn a few lines into billions.
YAML_NODES = 200_000
# An integer of ten million digits takes minutes to read; no setting has more than 16 digits.
YAML_DIGITS = 100
# The tables have about 20 columns each; wide sheets and registry exports have a few thousand.
COLUMNS = 10_000
# A header of 10,000 names of 100 characters.
HEADER_CHARACTERS = 1_000_000
# A discharge letter in a cell has about 20,000 characters, a scan as text a few million.
LINE_CHARACTERS = 5_000_000
# Cells of a Parquet table; each takes about 50 bytes as text.
PARQUET_CELLS = 500_000_000
# Cells per byte of a Parquet file: a run of one value takes no space, but real tables also vary.
PARQUET_RATIO = 100
PARQUET_FREE_CELLS = 20_000_000
# Text of a Parquet table after decompression, as its metadata state.
PARQUET_BYTES = 8192 * MEBIBYTE
