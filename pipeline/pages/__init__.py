"""Everything that people read as HTML and SVG."""
