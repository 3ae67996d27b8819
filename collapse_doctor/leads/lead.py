"""A lead: one line, and in a few words what is written there."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Lead"]


class Lead(NamedTuple):
    """A line of the file that a finding is in, and what to know of it."""

    line: int
    note: str
