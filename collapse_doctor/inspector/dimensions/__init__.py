"""Shapes that broadcast, and work along the batch, where rows were meant."""
