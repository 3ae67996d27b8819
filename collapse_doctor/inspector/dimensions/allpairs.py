"""A weak memory of tensors of all pairs, and of how they came to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.dimensions.broadcasting import is_square
from collapse_doctor.inspector.dimensions.elementwise import version_of
from collapse_doctor.recording.observations import CallSite, Spread

__all__ = ["AllPairs", "Pairs", "joined"]


@dataclass(frozen=True)
class Pairs:
    """A tensor (n, n, …) of all pairs, and the call that made it so.

    ``spread`` is None for a matrix that was asked for and has met no labels yet. ``asked`` is true
    where the dimension of 1 was written at the call. ``signs`` tells which labels it has met:
    ``y`` (False), ``1 - y`` (True). ``roots`` stand for the rows of a matrix, ``made`` is the line
    that made it. ``latent`` are pairs of given numbers, as rewards in a column and values in a row:
    no mistake before one number a row, which learns, is held against them.
    """

    count: int
    spread: Spread | None = None
    asked: bool = False
    signs: frozenset[bool] = frozenset()
    roots: frozenset[int] = frozenset()
    made: CallSite | None = None
    latent: bool = False
    hinged: bool = False
    version: int = 0

    @property
    def is_matrix(self) -> bool:
        """Whether it is all pairs on purpose, as far as can be seen."""
        return self.spread is None

    @property
    def is_outer(self) -> bool:
        """Whether numbers met that had not been pairs before."""
        return self.spread is not None and self.spread.kind == "outer"

    @property
    def is_mistaken(self) -> bool:
        """Whether all pairs were made where pairs were meant.

        A matrix that is multiplied with one number a row may be weighted, or masked. Of ``y`` and
        ``1 - y`` one is for pairs that belong together, the other for those that do not: a label
        for each pair, and not for each row of a matrix. In a hinge on the difference of two
        matrices row i is held against another row j twice, of which neither belongs to it.
        """
        if self.spread is not None and self.spread.kind == "margin":
            return self.hinged
        if self.latent:
            return False
        return (self.is_outer and not self.asked) or len(self.signs) == 2


class AllPairs:
    """Remembers tensors of all pairs by their identity, until somebody writes into them."""

    def __init__(self) -> None:
        self._trail: Trail[Pairs] = Trail()

    def put(self, tensor: Tensor, pairs: Pairs) -> None:
        """Remember a tensor."""
        self._trail.put(tensor, replace(pairs, version=version_of(tensor)))

    def of(self, tensor: Tensor) -> Pairs | None:
        """Return what is known of a tensor that nobody has written into since, or None."""
        found = self._trail.of(tensor)
        return found if found is not None and found.version == version_of(tensor) else None

    def reduced(self, pairs: Pairs, source: Tensor, result: Tensor) -> None:
        """Follow all pairs of rows to all pairs of numbers: (n, n, d) to (n, n)."""
        if is_square(result, pairs.count) and pairs.count not in source.shape[2:]:
            self.put(result, pairs)

    def sweep(self) -> None:
        """Forget what no longer exists."""
        self._trail.sweep()


def joined(known: Sequence[Pairs]) -> Pairs | None:
    """Return what is known of several tensors of all pairs that met entry by entry.

    None where numbers that are spread meet a matrix: then a matrix was meant, as where distances
    are computed from squares.
    """
    main = min(known, key=lambda one: (one.is_matrix, one.asked, one.latent))
    if any(one.count != main.count or (main.is_outer and one.is_matrix) for one in known):
        return None
    if main.is_matrix and len(known) > 1:
        main = replace(main, roots=frozenset())
    return replace(main, signs=frozenset().union(*(one.signs for one in known)))
