"""How many different rows there are: exact up to a bound, a fair estimate beyond it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

import torch
from torch import Tensor

__all__ = ["DistinctRows", "count_distinct", "row_hashes"]

LIMIT = 2**17
"""Different rows remembered at most; some 15 MB."""

# 64-bit constants of splitmix64 (Steele, Lea & Flood 2014), written as signed numbers
_WEYL = 0x9E3779B97F4A7C15 - 2**64
_MIX_1 = 0xBF58476D1CE4E5B9 - 2**64
_MIX_2 = 0x94D049BB133111EB - 2**64


def row_hashes(rows: Tensor) -> Tensor:
    """Return a 64-bit hash (n,) of each float64 row (n, d); 0.0 and -0.0 count as equal.

    The sum over columns of a splitmix64 of each value and its column: rows that differ share a
    hash with probability about 2⁻⁶⁴.
    """
    words = (rows + 0.0).view(torch.int64)
    columns = torch.arange(1, rows.shape[1] + 1, dtype=torch.int64, device=rows.device)
    words.bitwise_xor_(columns * _WEYL)  # products wrap around, as intended
    words.bitwise_xor_((words >> 30) & (2**34 - 1)).mul_(_MIX_1)
    words.bitwise_xor_((words >> 27) & (2**37 - 1)).mul_(_MIX_2)
    words.bitwise_xor_((words >> 31) & (2**33 - 1))
    return words.sum(dim=1)


def count_distinct(rows: Tensor) -> int:
    """Return how many different rows a float64 block (n, d) holds; 0.0 and -0.0 count as equal.

    Rows that are equal have equal sums of their bits. Only if some sums are equal are the rows
    hashed, which takes ten times as long.
    """
    sums = (rows + 0.0).view(torch.int64).sum(dim=1)  # wraps around, whatever the order
    different = len(set(sums.tolist()))
    return different if different == len(rows) else len(set(row_hashes(rows).tolist()))


@dataclass
class DistinctRows:
    """Counts of equal rows, by hash.

    Beyond ``limit`` different rows only hashes whose last ``level`` bits are zero are kept, a
    uniform share of the different rows (adaptive sampling, Flajolet 1990). What is kept depends
    only on which rows were seen, not on their order or on how summaries were merged.
    """

    limit: int = LIMIT
    level: int = 0
    counts: Counter[int] = field(default_factory=Counter)

    def add(self, hashes: Iterable[int] | Mapping[int, int]) -> None:
        """Count rows by their hashes, or take over counts by hash."""
        self.counts.update(hashes)
        if self.level:
            self._keep_level()
        self._thin()

    def merge(self, other: Self) -> None:
        """Take in the rows that ``other`` has counted."""
        self.level = max(self.level, other.level)
        self.add(other.counts)

    @property
    def distinct(self) -> int:
        """Different rows among the ``examined``."""
        return len(self.counts)

    @property
    def examined(self) -> int:
        """Rows counted: all of them while ``exact``, else a share chosen by hash."""
        return self.counts.total()

    @property
    def largest(self) -> int:
        """Size of the largest group of equal rows among the examined; 0 without rows."""
        return max(self.counts.values(), default=0)

    @property
    def exact(self) -> bool:
        """Whether all rows were counted."""
        return self.level == 0

    def note(self) -> str:
        """Say what was estimated; empty while all rows were counted."""
        share = 2**self.level
        said = f"Duplicates were counted among one in {share} of the different rows, by hash."
        return "" if self.exact else said

    def _thin(self) -> None:
        while len(self.counts) > self.limit:
            self.level += 1
            self._keep_level()

    def _keep_level(self) -> None:
        mask = (1 << self.level) - 1
        self.counts = Counter({h: n for h, n in self.counts.items() if not h & mask})
