"""Stores of outputs, such as a memory bank: when something was last written there.

``bank[rows] = z.detach()`` makes a store of a tensor that is no output itself. What is read from it
later is as old as the last write, and that there was none since is told by the version counter,
which counts writes in steps that nobody looks at, too. When such a write was is not known: it
counts as one of the step in which it is noticed, the latest that it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from collapse_doctor.recording.observations import CallSite

__all__ = ["Kept", "Stores"]

MOST_STORES = 64


class Kept(NamedTuple):
    """The steps of the first and of the last write into a store, and the line of the last seen.

    ``last`` is no earlier than the write was.
    """

    first: int
    last: int
    site: CallSite


class _Spot(NamedTuple):
    storage: StorageWeakRef
    version: int
    kept: Kept


class Stores:
    """A weak memory of stores, and of what was read from them."""

    def __init__(self) -> None:
        self._spots: dict[int, _Spot] = {}
        self._step: Callable[[], int] | None = None

    def follow(self, step: Callable[[], int]) -> None:
        """Be told of the present step; until then, a store that somebody wrote to is none."""
        self._step = step

    def written(self, target: Tensor, step: int, site: CallSite) -> None:
        """Take note that an output of ``step`` was just written into a tensor."""
        storage = target.untyped_storage()
        before = self._spots.get(storage._cdata)
        alive = before is not None and not before.storage.expired()
        first = before.kept.first if before is not None and alive else step
        if alive or len(self._spots) < MOST_STORES:
            self._put(target, Kept(first, step, site))

    def read(self, source: Tensor, results: Iterable[Tensor]) -> None:
        """Take note of tensors that were read from another one."""
        kept = self.of(source) if self._spots else None
        if kept is None:
            return
        for result in results:
            if result.untyped_storage()._cdata != source.untyped_storage()._cdata:
                self._put(result, kept)

    def of(self, tensor: Tensor) -> Kept | None:
        """Return when the memory of a tensor was written, or None if that is no store."""
        spot = self._spots.get(tensor.untyped_storage()._cdata) if self._spots else None
        if spot is None or spot.storage.expired():
            return None
        if spot.version == _version(tensor):
            return spot.kept
        if self._step is None:
            return None
        self._put(tensor, spot.kept._replace(last=self._step()))
        return self.of(tensor)

    def sweep(self) -> None:
        """Forget what no longer exists."""
        for key, spot in list(self._spots.items()):
            if spot.storage.expired():
                self._spots.pop(key, None)

    def _put(self, tensor: Tensor, kept: Kept) -> None:
        storage = StorageWeakRef(tensor.untyped_storage())
        self._spots[storage.cdata] = _Spot(storage, _version(tensor), kept)


def _version(tensor: Tensor) -> int:
    """Return how often a tensor was written to; inference tensors do not count it."""
    return -1 if tensor.is_inference() else tensor._version
