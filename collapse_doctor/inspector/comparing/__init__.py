"""Comparisons as they happen: the operands that meet, and what they have to do with each other."""
