"""The pulse of a training: how far apart its outputs lie, at every step, for next to nothing."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from collapse_doctor.inspector.pacing.later import Later, is_here

__all__ = ["Pulse"]

Place = tuple[str, str]

ROWS = 64
COLUMNS = 256
"""Values of an output that its spread is read from: 64 rows of 256, evenly taken."""
CHANGE = math.log(2.0)
UNUSUAL = 6.0
"""A change is a factor of two, and six times what is usual from step to step. It only makes us
look closer for a while, so neither bound need be exact."""
SETTLED = 16
"""Beats from which on it is known what is usual."""
FORGETS = 1 / 16
MOST_WAITING = 64
"""Numbers on their way that are left to the end of a step, which may never come."""
MOST_HELD = 1024
"""Numbers on their way beyond which no more are sent: the device has none that arrive."""


@dataclass
class _Rhythm:
    """The running mean of the logarithm of a spread, and how far a beat usually lies from it."""

    level: float = 0.0
    usual: float = 0.0
    beats: int = 0

    def breaks_at(self, spread: float) -> bool:
        """Take in one more spread; tell whether it is out of the ordinary."""
        value = math.log(max(spread, 1e-12))
        away = abs(value - self.level) if self.beats else 0.0
        unusual = self.beats >= SETTLED and away > max(CHANGE, UNUSUAL * self.usual)
        weight = max(FORGETS, 1 / (self.beats + 1))
        self.level += weight * (value - self.level)
        self.usual += weight * (away - self.usual)
        self.beats += 1
        return unusual


class Pulse:
    """Feels every output, and calls when one is no longer finite or changes its spread.

    Parameters
    ----------
    later
        Where numbers of other devices than the host wait until they have come over.
    changed
        Called when something out of the ordinary was felt.
    """

    def __init__(self, later: Later, changed: Callable[[], None]) -> None:
        self._later = later
        self._changed = changed
        self._broken: set[Place] = set()
        self._rhythms: dict[Place, _Rhythm] = {}

    def feel(self, place: Place, tensor: Tensor, *, spread: bool = True) -> bool:
        """Feel one output, (B, ...); tell whether it holds NaN or infinity for the first time.

        Of an output on another device that is not known at once: it is told by ``changed``.
        Without ``spread`` only that is looked for: it must not be missed, and costs one sum.
        """
        if place in self._broken or tensor.numel() == 0 or len(self._later) >= MOST_HELD:
            return False
        total = tensor.detach().sum(dtype=torch.float32)
        beat = torch.stack([total, *_sizes(tensor)]) if spread else total[None]
        if is_here(beat):
            return self._heard(place, [beat])
        self._later.put([beat], functools.partial(self._heard, place))
        if len(self._later) > MOST_WAITING:
            self._later.work_off()
        return False

    def _heard(self, place: Place, values: list[Tensor]) -> bool:
        total, *sizes = values[0].tolist()
        if not math.isfinite(total):
            self._broken.add(place)
            self._changed()
            return True
        if sizes:
            length, centre = sizes
            spread = 1 - (centre / length) ** 2 if length > 0 else 0.0
            if self._rhythms.setdefault(place, _Rhythm()).breaks_at(spread):
                self._changed()
        return False


def _sizes(tensor: Tensor) -> tuple[Tensor, Tensor]:
    """Return the length of some rows together, and that of their mean in place of each."""
    values = tensor.detach()
    rows = values if len(values) <= ROWS else values[:: -(-len(values) // ROWS)]
    rows = rows if rows.dim() == 2 else rows.flatten(1)
    rows = rows if rows.shape[1] <= COLUMNS else rows[:, :: -(-rows.shape[1] // COLUMNS)]
    rows = rows.float()
    length = torch.linalg.vector_norm
    return length(rows), length(rows.mean(0)) * len(rows) ** 0.5
