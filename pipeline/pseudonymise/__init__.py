"""Tables to the same tables under keyed pseudonyms, without dates or identifiers."""
