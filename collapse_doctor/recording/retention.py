"""What is kept when not everything can be: bounded lists, and which snapshots survive."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from collapse_doctor.recording.observations import (
    Activation,
    Comparison,
    Intake,
    Labels,
    Loss,
    Measure,
    Objective,
    Reach,
    Update,
)

__all__ = ["DENSE", "LIMITS", "Retention", "Series", "ThinnedList", "is_kept", "series_of"]

DENSE = 64  # the oldest entries that are never thinned: collapse often happens in the first steps

LIMITS: dict[type, int] = {
    Measure: 20_000,
    Comparison: 1_000,
    Intake: 1_000,
    Labels: 100_000,
    Loss: 100_000,
    Objective: 1_000,
    Reach: 1_000,
    Activation: 200,
    Update: 1_000,
}
"""Entries of one series that are kept: per layer, per call site, or of the whole training."""

Thinnable = Activation | Comparison | Intake | Labels | Loss | Measure | Objective | Reach | Update
Series = tuple[object, ...]
T = TypeVar("T")


def series_of(observation: Thinnable) -> Series:
    """Return the key of the observations that are thinned together; its first part is the type.

    Comparisons of one call site that show other relations form a series of their own: the first
    sight of a bug never falls between two that were kept.
    """
    match observation:
        case Measure(model=model, layer=layer):
            return (Measure, model, layer)
        case Comparison(site=site, function=function, relations=relations):
            kinds = frozenset(relation.kind for relation in relations)
            return (Comparison, site.file, site.line, function, kinds)
        case Intake(model=model):
            return (Intake, model)
        case Activation(model=model, layer=layer, number=number, kind=kind, site=site):
            return (Activation, model, layer, number, kind, None if site is None else site.line)
        case Reach(model=model, layer=layer):
            return (Reach, model, layer)
        case Update(model=model, optimizer=optimizer, number=number):
            return (Update, model, optimizer, number)
        case _:
            return (type(observation),)


def is_kept(ordinal: int, limit: int) -> bool:
    """Return whether the entry numbered ``ordinal`` (from 0) of an endless series is written.

    The first ``limit`` are; then every second until twice as many came, every fourth until four
    times as many, and so on: a file that cannot be thinned afterwards grows with the logarithm
    of the length of the training.
    """
    stride = 1
    while ordinal >= limit * stride:
        stride *= 2
    return ordinal % stride == 0


class ThinnedList(Generic[T]):
    """A list that keeps its first and its newest entries, and those between ever sparser.

    The first and the newest :data:`DENSE` entries all stay. Of those between, every one is kept
    as long as there is room, then every second, every fourth and so on: evenly over their whole
    history, whatever its length.

    Parameters
    ----------
    limit
        The largest number of entries kept, more than ``2 * DENSE + 1``.
    """

    def __init__(self, limit: int) -> None:
        if limit <= 2 * DENSE + 1:
            raise ValueError(f"expected a limit above {2 * DENSE + 1}, got {limit}")
        self.limit = limit
        self.seen = 0
        self._first: list[T] = []
        self._between: list[T] = []
        self._newest: deque[T] = deque()
        self._stride = 1
        self._passed = 0

    @property
    def items(self) -> list[T]:
        """The entries kept, oldest first. A new list."""
        return [*self._first, *self._between, *self._newest]

    @property
    def dropped(self) -> int:
        """How many entries were not kept."""
        return self.seen - len(self._first) - len(self._between) - len(self._newest)

    def append(self, item: T) -> None:
        """Add an entry at the end."""
        self.seen += 1
        if len(self._first) < DENSE:
            self._first.append(item)
            return
        self._newest.append(item)
        if len(self._newest) > DENSE:
            self._pass_on(self._newest.popleft())

    def _pass_on(self, item: T) -> None:
        if self._passed % self._stride == 0:
            self._between.append(item)
        self._passed += 1
        while len(self._between) > self.limit - 2 * DENSE:
            del self._between[1::2]
            self._stride *= 2


@dataclass(frozen=True)
class _Held:
    key: int
    size: int


class Retention:
    """Decides which snapshots stay when their bytes exceed a budget. It holds no rows itself.

    Of every layer the first and the newest snapshot stay, the newest quarter stays dense, and
    those between thin out to steps that grow geometrically, so that the early time, when most
    representations collapse, is seen as well as the late. The layer that holds the most bytes
    gives first.

    Parameters
    ----------
    budget
        Bytes of all snapshots together.
    """

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.used = 0
        self._layers: dict[tuple[str, str], list[_Held]] = {}
        self._steps: dict[tuple[str, str], array[int]] = {}
        self._sizes: dict[tuple[str, str], int] = {}

    def add(self, key: int, layer: tuple[str, str], step: int, size: int) -> list[int]:
        """Take in one snapshot and return the keys of those to drop, perhaps itself.

        Parameters
        ----------
        key
            Any number that names the snapshot.
        layer
            Model and layer it belongs to.
        step
            Step it was taken at, at least 0 and not below that of the layer's last one.
        size
            Its bytes.
        """
        if size > self.budget:
            return [key]
        self._layers.setdefault(layer, []).append(_Held(key, size))
        self._steps.setdefault(layer, array("q")).append(step)
        self._account(layer, size)
        dropped = []
        while self.used > self.budget:
            giver, position = self._victim() or (layer, len(self._layers[layer]) - 1)
            held = self._layers[giver].pop(position)
            del self._steps[giver][position]
            self._account(giver, -held.size)
            dropped.append(held.key)
            if held.key == key:
                break
        return dropped

    def _account(self, layer: tuple[str, str], size: int) -> None:
        self._sizes[layer] = self._sizes.get(layer, 0) + size
        self.used += size

    def _victim(self) -> tuple[tuple[str, str], int] | None:
        """Return the layer that gives and which of its snapshots, or None if none can."""
        givers = [layer for layer, held in self._layers.items() if len(held) > 2]
        if not givers:
            return None
        giver = max(givers, key=lambda layer: self._sizes[layer])
        steps = np.frombuffer(self._steps[giver], dtype=np.int64)
        recent = max(1, len(steps) // 4)
        end = max(2, len(steps) - recent)
        # Least is lost where the neighbours are closest, as a ratio of steps.
        ratios = (steps[2 : end + 1] + 1) / (steps[: end - 1] + 1)
        return giver, 1 + int(ratios.argmin())
