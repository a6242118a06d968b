"""A synthetic cohort whose truth is known: its course, what the ward sees, and the true risk."""
