"""Noticing that steps have become others: more forward passes, or fewer, than any before."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Rhythm"]

MOST_COUNTS = 8
"""Different numbers of passes after which their number means nothing in this training."""


class Counting(Protocol):
    """Something that counts forward passes."""

    passes: int


class Rhythm:
    """Tells when a step had a number of forward passes that no step before it had.

    A warm-up that is over, a second view that is left out, a target that is no longer computed:
    such a training does something else from that step on, and is looked at anew.

    Parameters
    ----------
    counter
        Counts the forward passes of all models together.
    """

    def __init__(self, counter: Counting) -> None:
        self._counter = counter
        self._over = 0
        self._counts: set[int] = set()
        self._asked = (-1, False)

    def is_new(self, step: int) -> bool:
        """Tell it of ``step``, which is over. To be asked at every step; asking again is free."""
        if step != self._asked[0]:
            over = self._counter.passes
            count, self._over = over - self._over, over
            new = count not in self._counts and len(self._counts) < MOST_COUNTS
            if new:
                self._counts.add(count)
            self._asked = (step, new)
        return self._asked[1]
