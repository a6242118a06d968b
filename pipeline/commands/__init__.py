"""One file per command: inputs, work, pages and files, exit code."""
