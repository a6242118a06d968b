"""The audit: numbered checks that ask of an export what has fooled published work."""
