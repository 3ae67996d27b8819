"""Where gradients are so uneven that the source is asked who made the layers so."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from collapse_doctor.inspector.source.layerlines import (
    drawn_at,
    gathered_at,
    saturated_at,
    squashed_at,
)
from collapse_doctor.inspector.wiring.parts import made_at
from collapse_doctor.recording.observations import Part, Update

__all__ = ["STEEP", "Steepness"]

STEEP = 1e3
"""A ratio of gradients from which on the source is read: no rule begins below a hundred times it,
and most trainings stay below."""
TINY = 1e-7
"""A gradient relative to its weights, likewise."""


class Steepness:
    """Adds to looks at uneven gradients the lines that may be to blame.

    ``noted`` are the models in whose blocks a gradient was seen to be lost or to grow on its way
    down, which that of their weights need not show.
    """

    def __init__(self) -> None:
        self._first: dict[str, float] = {}
        self.noted: set[str] = set()

    def told(self, update: Update, files: tuple[str, ...]) -> Update:
        """Return a look, with lines of the files of its model where its gradients call for some."""
        if not files or not (update.model in self.noted or self._is_steep(update)):
            return update
        return msgspec.structs.replace(
            update,
            made=update.made or made_at(update.optimizer, update.site),
            drawn=drawn_at(files),
            squashed=squashed_at(files),
            gathered=gathered_at(files),
            saturated=saturated_at(files),
        )

    def _is_steep(self, update: Update) -> bool:
        graded = [part for part in update.parts if part.graded]
        sizes = [part.gradient for part in graded]
        known = [size for size in sizes if size is not None]
        if len(known) < len(sizes):
            return True
        if not known:
            return False
        largest = max(known)
        first = self._first.setdefault(update.model, largest)
        return largest > STEEP * first or _is_uneven(graded)


def _is_uneven(parts: Sequence[Part]) -> bool:
    ratios = [(part.gradient or 0.0) / part.weight for part in parts if part.weight]
    return bool(ratios) and (min(ratios) < TINY or max(ratios) > STEEP * min(ratios))
