"""Rewrites wide sheets, OMOP and FHIR exports as the tables of a cohort."""
