"""What is known of tensors of one number a row, and how a dimension of 1 came to be."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.comparing.provenance import Provenance
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.dimensions.elementwise import FLIPPING, INSERTING

__all__ = ["Numbers", "Scores"]


@dataclass(frozen=True)
class Numbers:
    """What is known of a tensor.

    ``roots`` stand for the tensors it was computed of. ``scored`` is true when it was computed of
    embeddings. ``written`` is true when one of its dimensions of 1 was asked for (``unsqueeze``,
    ``None``, ``view``), and did not come with a layer, a data set or ``keepdim``. ``flipped`` is
    true for ``1 - y``. ``gathered`` is true of rows that were picked from a table,
    one for each index: the own class centre of each sample, say.
    """

    roots: frozenset[int]
    scored: bool = False
    written: bool = False
    flipped: bool = False
    gathered: bool = False


class Scores:
    """A weak memory of numbers that belong to rows.

    Whoever sees a comparison of paired rows may announce its result with :meth:`put`.
    """

    def __init__(self, provenance: Provenance) -> None:
        self._provenance = provenance
        self._trail: Trail[Numbers] = Trail()
        self._fresh = itertools.count()

    def put(self, result: Tensor) -> None:
        """Remember the result of a comparison of row i with row i."""
        self._trail.put(result, Numbers(frozenset({next(self._fresh)}), scored=True))

    def gathered(self, result: Tensor) -> None:
        """Remember rows that were picked from a table by an index for each row."""
        self._trail.put(result, Numbers(frozenset({next(self._fresh)}), gathered=True))

    def of(self, tensor: Tensor) -> Numbers:
        """Return what is known of a tensor; one that was never seen is a root of its own."""
        found = self._trail.of(tensor)
        if found is None:
            scored = self._provenance.of(tensor) is not None
            found = Numbers(frozenset({next(self._fresh)}), scored)
            self._trail.put(tensor, found)
        return found

    def carried(self, func: Callable[..., Any], source: Tensor, index: Any, result: Tensor) -> None:
        """Follow numbers through an operation on one tensor."""
        if result is source or not result.dim():
            return
        before = self.of(source)
        more = result.dim() > source.dim() or _has_none(index)
        self._trail.put(
            result,
            replace(
                before,
                written=before.written or (func in INSERTING and more),
                flipped=before.flipped != (func in FLIPPING),
            ),
        )

    def reduced(self, source: Tensor, result: Tensor) -> None:
        """Take note of one number a row: it is one of its own, and scored if the rows were."""
        if result.dim() and self.of(source).scored:
            self.put(result)

    def joined(self, tensors: Sequence[Tensor], result: Tensor) -> None:
        """Follow numbers through an operation on several tensors."""
        known = [self.of(tensor) for tensor in tensors if tensor.dim()]
        if not known:
            return
        self._trail.put(
            result,
            Numbers(
                frozenset().union(*(one.roots for one in known)),
                any(one.scored for one in known),
                any(one.written for one in known),
                known[0].flipped,
            ),
        )

    def sweep(self) -> None:
        """Forget what no longer exists."""
        self._trail.sweep()


def _has_none(index: Any) -> bool:
    return index is None or (isinstance(index, tuple) and any(part is None for part in index))
