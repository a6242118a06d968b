"""Output folders and files: written completely or not at all, marked and locked."""
