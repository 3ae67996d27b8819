"""Work on values that waits: until they came over from the device, and until there is time.

Reading a number from a device stops the training until everything queued before it is done. So
nothing is read at once: values are copied to pinned memory behind the work that makes them, an
event marks when they have arrived, and they are looked at some steps later, or at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

__all__ = ["Later", "Transfer", "is_here", "send"]

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
    """Copies in pinned memory, whole once the events of all devices have passed."""

    copies: list[Tensor]
    arrived: list[Any]

    def is_ready(self) -> bool:
        return all(event.query() for event in self.arrived)

    def read(self) -> list[Tensor]:
        for event in self.arrived:
            event.synchronize()
        return self.copies


class _Left(NamedTuple):
    """Tensors on a device that cannot copy behind the training's back: fetched between steps."""

    tensors: list[Tensor]

    def is_ready(self) -> bool:
        return True

    def read(self) -> list[Tensor]:
        return [tensor.cpu() for tensor in self.tensors]


def is_here(tensor: Tensor) -> bool:
    """Tell whether a tensor's values can be read without waiting: it is in the host's memory."""
    return tensor.device.type == "cpu"


def send(tensors: Sequence[Tensor]) -> Transfer:
    """Start to copy tensors to the host, without waiting for anything.

    The tensors must be nobody else's: on the host, and on devices without events, they are kept as
    they are.
    """
    kept = [tensor.detach() for tensor in tensors]
    devices = dict.fromkeys(tensor.device for tensor in kept if not is_here(tensor))
    if not devices:
        return _Here(kept)
    if any(device.type not in _STREAMING for device in devices):
        return _Left(kept)
    copies = [tensor if is_here(tensor) else _pinned(tensor) for tensor in kept]
    # The copy runs in the stream that is current on the tensor's device, which need not be the
    # current device: an event of the latter would say nothing of it.
    streams = [torch.get_device_module(device).current_stream(device) for device in devices]
    return _Pinned(copies, [stream.record_event() for stream in streams])


def _pinned(tensor: Tensor) -> Tensor:
    copy = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    return copy.copy_(tensor, non_blocking=True)


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
            Nobody else may write into them.
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
