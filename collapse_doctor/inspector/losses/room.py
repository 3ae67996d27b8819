"""How much room embeddings have in a loss: how far any of them could bring its numbers.

A cosine lies between -1 and 1. What is made of cosines alone lies between bounds, too, whatever
the embeddings become, and a temperature says how near those are to each other. A softmax of
logits that differ by no more than w moves by no more than w from what it is for equal ones. What
is added to a loss, a constant or the log of a share of samples, gives it no room and takes none:
so the room is held against the size that the softmaxes themselves give, ln(n), never against
what the loss reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

__all__ = ["Room", "common"]


@dataclass(frozen=True)
class Room:
    """The room that embeddings have in each of some numbers.

    Attributes
    ----------
    width
        Between the largest and the least that a number can be; of what a softmax gave, how far
        from its value for equal logits.
    size
        What a softmax alone gave, with its sign: -ln(n) of logarithms of shares. 0 before one.
    grown
        Whether the numbers are exponentials: ``width`` is that of their logarithms then.
    shared
        Whether ``width`` and ``size`` are known but for a factor that both have: the numbers were
        weighted with given ones.
    """

    width: float
    size: float = 0.0
    grown: bool = False
    shared: bool = False

    @property
    def flat(self) -> float | None:
        """The room as a share of what softmaxes gave; None of what has no softmax in it."""
        if self.width == 0.0:
            return 0.0
        return self.width / abs(self.size) if self.size and not self.grown else None

    def scaled(self, factor: float) -> Room | None:
        """Return it after a product with a number."""
        if self.grown:
            return self if factor > 0 else None
        return replace(self, width=self.width * abs(factor), size=self.size * factor)

    def weighted(self, sign: int) -> Room | None:
        """Return it after a product with, or a division by, given numbers of one ``sign``."""
        if self.grown:
            return self if sign > 0 else None
        if not self.size:
            return None
        return replace(self, size=self.size * sign, shared=True) if sign else None

    def picked(self) -> Room:
        """Return it after some of the numbers were replaced by given ones."""
        return replace(self, shared=True) if self.size else self

    def raised(self, number: float) -> Room | None:
        """Return it after a number was added."""
        return None if self.grown and number < 0 else self

    def plus(self, other: Room) -> Room | None:
        """Return that of a sum."""
        if self.grown or other.grown:
            both = self.grown and other.grown
            return replace(self, width=max(self.width, other.width)) if both else None
        if not (self.shared or other.shared):
            return Room(self.width + other.width, self.size + other.size)
        # Of two whose sizes are not known the flatter one may be the smaller.
        if self.size * other.size <= 0:
            return None
        flat = max(one.width / abs(one.size) for one in (self, other))
        return Room(flat, math.copysign(1.0, self.size), shared=True)

    def over(self, other: Room) -> Room | None:
        """Return that of a quotient: of exponentials, which is one again."""
        if self.grown and other.grown:
            return replace(self, width=self.width + other.width)
        return None

    def exponential(self) -> Room | None:
        """Return that of the exponentials of these numbers."""
        return None if self.grown or self.size or self.shared else Room(self.width, grown=True)

    def logarithm(self, size: float) -> Room | None:
        """Return that of logarithms of exponentials, which are about ``size`` for now."""
        return Room(self.width, size) if self.grown and math.isfinite(size) else None

    def softmax(self, size: float) -> Room | None:
        """Return that of a softmax of these numbers as logits."""
        if self.grown or self.shared:
            return None
        # What a softmax gave lies to both sides of its own value.
        return Room(self.width * 2 if self.size else self.width, size)


def common(rooms: Sequence[Room | None]) -> Room | None:
    """Return the room of numbers of which each is of one of these kinds: selected, or joined."""
    known = [room for room in rooms if room is not None]
    if not known or len(known) < len(rooms):
        return None
    widest = max(known, key=lambda room: room.width)
    same = len({(room.size, room.grown, room.shared) for room in known}) == 1
    return widest if same else None
