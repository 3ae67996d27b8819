"""Noticing that steps have become others: what they ran, and what they gave a gradient."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterable, Iterator
from typing import Protocol

from torch import nn

from collapse_doctor.inspector.pacing.signs import Signs

__all__ = ["Rhythm"]

MOST_KINDS = 8
"""Different kinds of steps after which a new one means nothing in this training."""
MOST_SAMPLES = 8
"""Parameters that are asked whether they have a gradient: the first and the last of each model."""


class Counting(Protocol):
    """Something that counts forward passes."""

    passes: int


class Rhythm:
    """Tells when a step was of a kind that no step before it was.

    A warm-up that is over, a second view that is left out, a loss that is cut off, weights that
    are frozen: from there on such a training does something else, and is looked at anew. The kind
    of a step is its number of forward passes; which parameters it left with a gradient; and, of
    steps in which no operation was seen, what else they left behind (:class:`Signs`).

    Parameters
    ----------
    counter
        Counts the forward passes of all models together.
    models
        Not kept alive.
    """

    def __init__(self, counter: Counting, models: Iterable[nn.Module]) -> None:
        self._counter = counter
        self.signs = Signs()
        self._over = 0
        self._models = [weakref.ref(model) for model in models]
        self._samples: list[weakref.ref[nn.Parameter]] | None = None  # chosen when first asked
        self._kinds: tuple[set[Hashable], ...] = (set(), set())
        self._asked = (-1, False)

    def is_new(self, step: int, *, unseen: bool = False) -> bool:
        """Tell it of ``step``, which is over. To be asked at every step; asking again is free.

        ``unseen`` tells that no operation was seen in it.
        To be asked where no function mode is on, for it reads attributes of parameters.
        """
        if step != self._asked[0]:
            over = self._counter.passes
            passes, self._over = over - self._over, over
            graded = tuple([_has_gradient(sample()) for sample in self._chosen()])
            new = [_adds(*kind) for kind in zip(self._kinds, (passes, graded), strict=True)]
            new.append(self.signs.is_new(unseen=unseen))
            self._asked = (step, any(new))
        return self._asked[1]

    def _chosen(self) -> list[weakref.ref[nn.Parameter]]:
        if self._samples is None:
            models = [
                model for model in (reference() for reference in self._models) if model is not None
            ]
            ends = [parameter for model in models for parameter in _ends(model)]
            self._samples = [weakref.ref(parameter) for parameter in ends[:MOST_SAMPLES]]
        return self._samples


def _adds(known: set[Hashable], kind: Hashable) -> bool:
    if kind in known or len(known) >= MOST_KINDS:
        return False
    known.add(kind)
    return True


def _has_gradient(parameter: nn.Parameter | None) -> bool:
    return parameter is not None and parameter.grad is not None


def _ends(model: nn.Module) -> Iterator[nn.Parameter]:
    """Yield the first and the last matrix of a model, if they are plain parameters that learn."""
    found = [p for p in model.parameters() if type(p) is nn.Parameter and p.requires_grad]
    matrices = [p for p in found if p.dim() > 1]
    yield from matrices[:1]
    yield from matrices[1:][-1:]
