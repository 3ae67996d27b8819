"""A lead: one line, and in a few words what is written there."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Lead"]


class Lead(NamedTuple):
    """A line of the file that a finding is in, and what to know of it.

    ``is_cause`` tells that by this line alone what was found had to come about, whatever the line
    says at which it came to light: a noise of 0, a branch that no setting takes, a key that is set
    to what another is. It is this line that has to be changed.
    """

    line: int
    note: str
    is_cause: bool = False
