"""A synthetic cohort whose truth is known: latent course, what the ward sees of it, and the risk."""
