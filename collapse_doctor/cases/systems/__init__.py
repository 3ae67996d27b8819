"""Whole systems as people build them, each with the sickness it is known for."""
