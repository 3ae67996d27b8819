"""A weak memory of tensors: what is known of them for as long as they live, and no longer."""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

from torch import Tensor

__all__ = ["Trail"]

T = TypeVar("T")


class Trail(Generic[T]):
    """Remembers one thing of each of many tensors, by their identity.

    Identities are used again once an object is gone, so a weak reference is held beside each.
    Neither a tensor nor its graph is kept alive.
    """

    def __init__(self) -> None:
        self._objects: dict[int, tuple[weakref.ref[Tensor], T]] = {}

    def __len__(self) -> int:
        """Return how many tensors are remembered, gone ones included until swept."""
        return len(self._objects)

    def put(self, tensor: Tensor, what: T) -> None:
        """Remember ``what`` of a tensor; it replaces what was known."""
        self._objects[id(tensor)] = (weakref.ref(tensor), what)

    def of(self, tensor: Tensor) -> T | None:
        """Return what is known of this very object, or None."""
        if not self._objects:  # most trails are empty at most times
            return None
        found = self._objects.get(id(tensor))
        return found[1] if found is not None and found[0]() is tensor else None

    def drop(self, tensor: Tensor) -> None:
        """Forget what is known of a tensor."""
        self._objects.pop(id(tensor), None)

    def sweep(self) -> None:
        """Forget what no longer exists. Called once a step, which may be in another thread."""
        for key, (reference, _) in list(self._objects.items()):
            if reference() is None:
                self._objects.pop(key, None)
