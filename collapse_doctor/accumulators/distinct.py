"""How many different rows there are: exact up to a bound, a fair estimate beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["DistinctRows", "count_distinct", "row_hashes"]

LIMIT = 2**17
"""Different rows remembered at most; some 15 MB."""

# 64-bit constants of splitmix64 (Steele, Lea & Flood 2014)
_WEYL, _MIX_1, _MIX_2 = (
    np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def row_hashes(rows: Tensor) -> Tensor:
    """Return a 64-bit hash (n,) int64 of each float32 or float64 row (n, d).

    0.0 and -0.0 count as equal; equal values in the two precisions do not. Multilinear hashing of
    the 32-bit words, the upper halves of two sums with 64-bit weights: rows that differ share a
    hash with probability 2⁻⁶⁴ (Lemire & Kaser 2014, "Strongly universal string hashing is fast").
    """
    if rows.device.type == "cpu":
        bits = (rows.numpy() + 0.0).view(np.uint32).astype(np.uint64)
        sums = np.stack([np.einsum("ij,j->i", bits, w) for w in _weights(bits.shape[1])])
        high = torch.from_numpy(sums.view(np.int64))
    else:
        words = (rows + 0.0).view(torch.int32)
        weights = _weights(words.shape[1])
        unsigned = words.to(torch.int64) & 0xFFFFFFFF
        signed = torch.from_numpy(weights.view(np.int64)).to(rows.device)
        high = torch.stack([(unsigned * weight).sum(dim=1) for weight in signed])
    return (high[0] & ~0xFFFFFFFF) | ((high[1] >> 32) & 0xFFFFFFFF)


@lru_cache(maxsize=16)
def _weights(words: int) -> NDArray[np.uint64]:
    """Return two 64-bit weights for each word, (2, words)."""
    with np.errstate(over="ignore"):  # products wrap around, as intended
        mixed = np.arange(1, 2 * words + 1, dtype=np.uint64) * _WEYL
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
    return (mixed ^ (mixed >> np.uint64(31))).reshape(2, words)


def count_distinct(rows: Tensor) -> int:
    """Return how many different rows a float64 block (n, d) holds; 0.0 and -0.0 count as equal.

    Rows that are equal have equal sums of their bits. Only if some sums are equal are the rows
    hashed, which takes ten times as long.
    """
    sums = (rows + 0.0).view(torch.int64).sum(dim=1)  # wraps around, whatever the order
    different = len(set(sums.tolist()))
    return different if different == len(rows) else len(set(row_hashes(rows).tolist()))


class _Groups(NamedTuple):
    """Hashes (k,) int64, and how many rows had each (k,) int64."""

    hashes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def joined(cls, parts: Sequence[_Groups]) -> _Groups:
        """Return the groups of all parts, each hash once."""
        hashes = np.concatenate([part.hashes for part in parts])
        counts = np.concatenate([part.counts for part in parts])
        order = np.argsort(hashes)
        ordered = hashes[order]
        first = np.flatnonzero(np.diff(ordered, prepend=~ordered[:1]))
        return cls(ordered[first], np.add.reduceat(counts[order], first) if len(first) else counts)

    def at(self, level: int) -> _Groups:
        """Return the groups whose hash ends in ``level`` zeros."""
        if level == 0:
            return self
        kept = self.hashes & ((1 << level) - 1) == 0
        return _Groups(self.hashes[kept], self.counts[kept])


class DistinctRows:
    """Counts of equal rows, by hash.

    Beyond ``limit`` different rows only hashes whose last ``level`` bits are zero are kept, a
    uniform share of the different rows (adaptive sampling, Flajolet 1990). What is kept depends
    only on which rows were seen, not on their order or on how summaries were merged.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._level = 0
        self._kept = _Groups(np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._waiting: list[_Groups] = []

    def add(self, hashes: Tensor | NDArray[np.int64] | Sequence[int]) -> None:
        """Count rows by their hashes (n,)."""
        taken = np.array(hashes, dtype=np.int64)
        self._take(_Groups(taken, np.ones(len(taken), np.int64)))

    def merge(self, other: Self) -> None:
        """Take in the rows that ``other`` has counted."""
        parts = [other._kept, *other._waiting]  # as they lie: ``other`` stays as it is
        if other._level > self._level:
            self._settle()
            self._level = other._level
            self._kept = self._kept.at(self._level)
        for groups in parts:
            self._take(groups)

    @property
    def groups(self) -> _Groups:
        """The different hashes among the examined, ascending, and how often each was met."""
        self._settle()
        return self._kept

    @property
    def level(self) -> int:
        """Of the different rows, one in 2^level is examined."""
        self._settle()
        return self._level

    @property
    def distinct(self) -> int:
        """Different rows among the ``examined``."""
        return len(self.groups.hashes)

    @property
    def examined(self) -> int:
        """Rows counted: all of them while ``exact``, else a share chosen by hash."""
        return int(self.groups.counts.sum())

    @property
    def largest(self) -> int:
        """Size of the largest group of equal rows among the examined; 0 without rows."""
        return int(self.groups.counts.max(initial=0))

    @property
    def exact(self) -> bool:
        """Whether all rows were counted."""
        return self.level == 0

    def note(self) -> str:
        """Say what was estimated; empty while all rows were counted."""
        share = 2**self.level
        said = f"Duplicates were counted among one in {share} of the different rows, by hash."
        return "" if self.exact else said

    def _take(self, groups: _Groups) -> None:
        """Keep what came until there is enough of it to be worth sorting."""
        self._waiting.append(groups.at(self._level))
        if sum(len(waiting.hashes) for waiting in self._waiting) > self.limit:
            self._settle()

    def _settle(self) -> None:
        if not self._waiting:
            return
        self._kept = _Groups.joined([self._kept, *self._waiting]).at(self._level)
        self._waiting = []
        while len(self._kept.hashes) > self.limit:
            self._level += 1
            self._kept = self._kept.at(self._level)
