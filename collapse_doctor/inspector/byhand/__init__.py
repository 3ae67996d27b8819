"""Comparisons that are written by hand, recognised from the operations they are made of."""
