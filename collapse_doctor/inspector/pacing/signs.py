"""What a step leaves behind that tells, for next to nothing, whether it did something else.

Between two looks no operation is seen. But autograd numbers the nodes of its graphs, so the number
that a step has used up changes with what it computes. And who holds an output when the step is
over can be counted: ``target = z`` is one name more for the object, ``target = z.detach()`` one
tensor more over its memory.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Signs"]

CALM = 4
"""Steps in a row that have to be of known kinds before one that is not means anything: where no
step is like the one before it, as with sequences of any length, nothing has changed."""
MOST_KINDS = 8


def _none(*_: object) -> int:
    return 0


# Neither is public; without them there is one sign less.
_nodes: Callable[[], int] = getattr(torch._C._autograd, "_get_sequence_nr", _none)
_holders: Callable[[int], int] = getattr(torch._C, "_storage_Use_Count", _none)


class Signs:
    """The nodes that steps made in which no operation was seen, and who holds their last output.

    Other steps are left out, for those that see operations hold tensors for the time of a step.
    """

    def __init__(self) -> None:
        self._last: weakref.ref[Tensor] | None = None
        self._before = 0
        self._calm = -1  # of the first kind there is nothing to tell
        self._kinds: set[Hashable] = set()

    def gave(self, output: Any) -> None:
        """Take note of what a pass gave: of its first tensor, weakly."""
        while type(output) in (tuple, list) and output:
            output = output[0]
        self._last = weakref.ref(output) if type(output) is Tensor else None

    def is_new(self, *, unseen: bool) -> bool:
        """Tell, after each step, whether this one left what none before it did. Must not raise."""
        now = _nodes()
        nodes, self._before = now - self._before, now
        output = self._last() if self._last is not None else None
        self._last = None
        if not unseen:
            return False
        kind = (nodes, 0, 0) if output is None else (nodes, sys.getrefcount(output), _held(output))
        if kind in self._kinds:
            self._calm += 1
            return False
        calm, self._calm = self._calm, 0
        if len(self._kinds) >= MOST_KINDS:
            return False
        self._kinds.add(kind)
        return calm >= CALM


def _held(output: Tensor) -> int:
    """Return how many hold the memory of a tensor; 0 for one that has none, such as a sparse one.

    To be asked where no function mode is on.
    """
    try:
        return _holders(output.untyped_storage()._cdata)
    except Exception:  # a tensor of another kind: this sign is not to be had
        return 0
