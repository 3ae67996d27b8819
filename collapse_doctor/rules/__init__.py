"""Diagnose: the catalogue, one rule a file."""
