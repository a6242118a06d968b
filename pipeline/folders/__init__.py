"""Output folders and files: complete or absent, owned by the command that wrote them, locked."""
