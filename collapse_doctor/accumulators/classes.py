"""Count, mean and spread of the rows of each class, for a bounded number of classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from collapse_doctor.accumulators.scaling import scaled

__all__ = ["ClassMoments"]

LIMIT = 1000
"""More different labels than this are taken for identifiers, and dropped."""


@dataclass
class ClassMoments:
    """Moments of K classes: ``counts`` (K,), ``means`` (K, d), ``squares`` (K,), all float64.

    ``squares`` is the sum over a class's rows of the squared distance to the class mean.
    ``labels`` maps a label to its row of these tensors, in order of first sight. ``dropped`` is
    true once there were more than ``limit`` labels; nothing is kept from then on.
    """

    labels: dict[Hashable, int]
    counts: Tensor
    means: Tensor
    squares: Tensor
    limit: int = LIMIT
    dropped: bool = False

    @classmethod
    def empty(cls, width: int, limit: int = LIMIT) -> Self:
        """Return the moments of no classes."""
        none = torch.zeros(0, dtype=torch.float64, device="cpu")
        return cls({}, none, none.reshape(0, width), none, limit)

    @classmethod
    def of(cls, rows: Tensor, labels: Sequence[Hashable]) -> Self:
        """Return the moments of a float64 block (n, d); a label None or NaN means no label."""
        places: dict[Hashable, int] = {}
        # NaN is the one value that differs from itself
        known = [label is not None and label == label for label in labels]
        named = [label for label, is_known in zip(labels, known, strict=True) if is_known]
        if not named:
            return cls.empty(rows.shape[1])
        ids = torch.tensor(
            [places.setdefault(label, len(places)) for label in named],
            dtype=torch.int64,
            device=rows.device,
        )
        if len(named) < len(labels):
            rows = rows[torch.tensor(known, device=rows.device)]
        counts = torch.bincount(ids, minlength=len(places)).to(torch.float64)
        sums = rows.new_zeros(len(places), rows.shape[1]).index_add_(0, ids, rows - rows[0])
        means = rows[0] + sums / counts[:, None]
        distances = (rows - means[ids]).square_().sum(dim=1)
        squares = rows.new_zeros(len(places)).index_add_(0, ids, distances)
        return cls(places, counts, means, squares)

    def merge(self, other: Self) -> None:
        """Take in the rows that ``other`` has seen, class by class."""
        if other.dropped or len(self.labels.keys() | other.labels.keys()) > self.limit:
            self._drop()
        if self.dropped or not other.labels:
            return
        self._make_room(other)
        device = self.means.device
        at = torch.tensor([self.labels[label] for label in other.labels], device=device)
        counts, extra = self.counts[at], other.counts.to(device)
        share = extra / (counts + extra)
        step = other.means.to(device) - self.means[at]
        spread = other.squares.to(device) + step.square().sum(dim=1) * counts * share
        self.squares = self.squares.index_add(0, at, spread)
        self.means = self.means.index_add(0, at, step * share[:, None])
        self.counts = self.counts.index_add(0, at, extra)

    def scaled(self, exponent: int) -> Self:
        """Return the moments of the rows times 2^exponent."""
        means, squares = scaled(self.means, exponent), scaled(self.squares, 2 * exponent)
        return dataclasses.replace(self, means=means, squares=squares)

    def note(self) -> str:
        """Say what was dropped; empty if nothing was."""
        said = (
            f"There are more than {self.limit} different labels: they were taken for "
            "identifiers, and nothing was measured per class."
        )
        return said if self.dropped else ""

    def _make_room(self, other: Self) -> None:
        held = len(self.labels)
        for label in other.labels:
            self.labels.setdefault(label, len(self.labels))
        new = len(self.labels) - held
        # an empty start lies on the CPU; the first rows decide where the tensors live
        device = self.means.device if held else other.means.device
        pad = torch.zeros(new, dtype=torch.float64, device=device)
        self.counts = torch.cat([self.counts.to(device), pad])
        self.squares = torch.cat([self.squares.to(device), pad])
        rows = pad[:, None].expand(-1, other.means.shape[1])
        self.means = torch.cat([self.means.to(device), rows])

    def _drop(self) -> None:
        empty = self.empty(self.means.shape[1])
        self.labels, self.counts = {}, empty.counts
        self.means, self.squares, self.dropped = empty.means, empty.squares, True
