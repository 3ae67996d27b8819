"""Numbers that are none, or too coarse (CD4xx)."""
