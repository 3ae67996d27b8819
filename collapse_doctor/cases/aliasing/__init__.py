"""Two things that are compared are one thing (CD1xx)."""
