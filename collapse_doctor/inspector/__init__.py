"""Observe: the only part that touches a live model."""
