"""A uniform sample of rows that stays uniform when two of them are merged."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from collapse_doctor.accumulators.scaling import scaled

__all__ = ["Reservoir", "RowSample"]


class RowSample(NamedTuple):
    """A uniform sample: ``rows`` (k, d) float32, ``places`` (k,) int64, ``labels`` (k,).

    Places count the rows in the order they came, those that were not finite included; the sample
    is sorted by them. Labels are as they were given, None for a row without one; None altogether
    if there were none.
    """

    rows: Tensor
    places: NDArray[np.int64]
    labels: NDArray[np.object_] | None


@dataclass
class Reservoir:
    """At most ``size`` rows, each subset of the ``count`` rows seen being equally likely.

    ``rows`` (k, d) keep their own dtype, ``places`` (k,) count from the first row seen, and
    ``labels`` (k,) are objects, None where a row had no label. Nothing is random until the first
    row has to be left out.
    """

    size: int
    count: int
    rows: Tensor
    places: NDArray[np.int64]
    labels: NDArray[np.object_]

    @classmethod
    def of(
        cls, rows: Tensor, places: NDArray[np.int64], labels: Sequence[Hashable] | None, size: int
    ) -> Self:
        """Return the reservoir of one block, all rows of it; merging brings it down to size."""
        objects: NDArray[Any] = np.full(len(rows), None, dtype=object)
        if labels is not None:
            objects = np.fromiter(labels, dtype=object, count=len(rows))
        return cls(size, len(rows), rows, places, objects)

    @property
    def complete(self) -> bool:
        """Whether every row seen is still here."""
        return len(self.places) == self.count

    def merge(self, other: Self, seed: Sequence[int], offset: int = 0) -> None:
        """Take in the rows that ``other`` has seen.

        Parameters
        ----------
        other
            It stays as it is. If it has left rows out, no more than it still holds are kept.
        seed
            Non-negative integers the draw depends on.
        offset
            Added to the places of ``other``'s rows.
        """
        places = other.places + offset
        if not len(self.places):  # the first rows decide where the sample lives
            self.rows = self.rows.to(other.rows.device)
        if self.count + other.count <= self.size and self.complete and other.complete:
            self._append(other.rows, places, other.labels)
        else:
            # the k smallest keys of all are known only if no part has lost one of them
            short = [len(part.places) for part in (self, other) if not part.complete]
            self.size = min([self.size, *short])
            self._draw(other, places, np.random.default_rng(list(seed)))
        self.count += other.count

    def scaled(self, exponent: int) -> Self:
        """Return the same sample of the rows times 2^exponent."""
        return dataclasses.replace(self, rows=scaled(self.rows, exponent))

    def in_order(self) -> RowSample:
        """Return what is held, in the order it came."""
        order = np.argsort(self.places)
        labelled = any(label is not None for label in self.labels)
        rows = _take(self.rows, order).to(torch.float32)
        return RowSample(rows, self.places[order], self.labels[order] if labelled else None)

    def _append(self, fresh: Tensor, places: NDArray[np.int64], labels: NDArray[Any]) -> None:
        self.rows = torch.cat([self.rows, fresh.to(self.rows.device)])
        self.places = np.concatenate([self.places, places])
        self.labels = np.concatenate([self.labels, labels])

    def _draw(self, other: Self, places: NDArray[np.int64], random: np.random.Generator) -> None:
        # Every row ever seen, kept or not, gets a random key; the smallest keys stay. The keys of
        # a reservoir are drawn afresh: which of its rows were kept says nothing about them.
        held = len(self.places)
        keys = [_smallest_keys(held, self.count, random)]
        keys.append(_smallest_keys(len(other.places), other.count, random))
        chosen = np.argsort(np.concatenate(keys))[: self.size]
        staying, entering = chosen[chosen < held], chosen[chosen >= held] - held
        fresh = _take(other.rows, entering)
        if len(chosen) > held or held > self.size:
            self.rows, self.places = _take(self.rows, staying), self.places[staying]
            self.labels = self.labels[staying]
            self._append(fresh, places[entering], other.labels[entering])
            return
        # full before and after: few rows change, so the others are not copied
        leaving = np.setdiff1d(np.arange(held), staying, assume_unique=True)
        self.rows = self.rows.to(torch.promote_types(self.rows.dtype, fresh.dtype))
        at = torch.from_numpy(leaving).to(self.rows.device)
        self.rows[at] = fresh.to(self.rows)
        self.places[leaving], self.labels[leaving] = places[entering], other.labels[entering]


def _take(rows: Tensor, which: NDArray[np.int64]) -> Tensor:
    return rows[torch.from_numpy(which).to(rows.device)]


def _smallest_keys(kept: int, count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Draw the ``kept`` smallest of ``count`` exponential keys, in random order.

    Gaps between the order statistics of n exponentials are exponential with rates n, n - 1, …
    (Rényi 1953), so the keys of rows no longer held need not be drawn.
    """
    gaps = random.exponential(size=kept) / (count - np.arange(kept))
    return random.permutation(np.cumsum(gaps))
