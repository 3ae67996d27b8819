"""Work on values that waits: until they came over from the device, and until there is time.

Reading a number from a device stops the training until everything queued before it is done. So
nothing is read at once: values are copied to pinned memory behind the work that makes them, an
event marks when they have arrived, and they are looked at some steps later, or at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

__all__ = ["Later", "send"]

_STREAMING = ("cuda", "xpu")  # devices with pinned memory and events


class Transfer(Protocol):
    """Tensors on their way to the host."""

    def is_ready(self) -> bool:
        """Tell, without waiting, whether they have arrived."""

    def read(self) -> list[Tensor]:
        """Return them on the host; waits for them if need be."""


class _Here(NamedTuple):
    """Tensors that are on the host already."""

    tensors: list[Tensor]

    def is_ready(self) -> bool:
        return True

    def read(self) -> list[Tensor]:
        return self.tensors


class _Pinned(NamedTuple):
    """Copies in pinned memory, whole once the event has passed."""

    copies: list[Tensor]
    arrived: torch.Event

    def is_ready(self) -> bool:
        return bool(self.arrived.query())

    def read(self) -> list[Tensor]:
        self.arrived.synchronize()
        return self.copies


class _Left(NamedTuple):
    """Tensors on a device that cannot copy behind the training's back: fetched between steps."""

    tensors: list[Tensor]

    def is_ready(self) -> bool:
        return True

    def read(self) -> list[Tensor]:
        return [tensor.cpu() for tensor in self.tensors]


def send(tensors: Sequence[Tensor]) -> Transfer:
    """Start to copy tensors of one device to the host, without waiting for anything.

    The tensors must be nobody else's: on the host, and on devices without events, they are kept as
    they are.
    """
    kept = [tensor.detach() for tensor in tensors]
    device = kept[0].device.type if kept else "cpu"
    if device == "cpu":
        return _Here(kept)
    if device not in _STREAMING:
        return _Left(kept)
    copies = [torch.empty(t.shape, dtype=t.dtype, pin_memory=True) for t in kept]
    for copy, tensor in zip(copies, kept, strict=True):
        copy.copy_(tensor, non_blocking=True)
    arrived = torch.Event(device)
    arrived.record()
    return _Pinned(copies, arrived)


class _Task(NamedTuple):
    values: Transfer
    then: Callable[[list[Tensor]], object]
    size: int


class Later:
    """A queue of values to be looked at, first in, first out."""

    def __init__(self) -> None:
        self._tasks: deque[_Task] = deque()
        self._held = 0
        self._pace = 0.0  # seconds that one task takes, for a start unknown

    @property
    def held(self) -> int:
        """Bytes of all values that wait."""
        return self._held

    @property
    def pace(self) -> float:
        """Seconds that the next task will take, as far as the last ones tell."""
        return self._pace

    def __len__(self) -> int:
        """Return how many tasks wait."""
        return len(self._tasks)

    def put(self, tensors: Sequence[Tensor], then: Callable[[list[Tensor]], object]) -> None:
        """Let ``then`` have these tensors once they are on the host.

        Parameters
        ----------
        tensors
            All of one device; nobody else may write into them.
        then
            Called with the tensors on the host, in the thread that works or drains.
        """
        size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
        self._tasks.append(_Task(send(tensors), then, size))
        self._held += size

    def work(self) -> float | None:
        """Do the oldest task if its values have arrived; return the seconds it took, or None."""
        if not self._tasks or not self._tasks[0].values.is_ready():
            return None
        return self._do()

    def work_off(self) -> None:
        """Do all tasks whose values have arrived."""
        while self.work() is not None:
            pass

    def drain(self) -> None:
        """Do all tasks, waiting for their values."""
        while self._tasks:
            self._do()

    def _do(self) -> float:
        task = self._tasks.popleft()
        self._held -= task.size
        begun = perf_counter()
        task.then(task.values.read())
        took = perf_counter() - begun
        self._pace = max(took, 0.8 * self._pace + 0.2 * took)  # rather too much than too little
        return took
