"""A synthetic cohort with known course, observed data and true risk."""
