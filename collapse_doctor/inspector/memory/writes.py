"""What was written into memory that outputs lie in: by later forward passes, and in place.

Memory is known by its address, which means something only while it lives: a storage, or a tensor
over foreign memory (a NumPy array), is held weakly beside each address.
"""

from __future__ import annotations

import itertools
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional as F

from collapse_doctor.recording.observations import CallSite, Origin

if TYPE_CHECKING:
    from collapse_doctor.inspector.comparing.provenance import Known

__all__ = ["WRITERS", "Slots", "Write", "Writes", "replaces", "span", "target_of"]

MOST_WRITES = 16
"""Writes into one memory that are remembered."""
MOST_RECENT = 64
"""Writes into all memory that are remembered until the end of the step."""

_HARMLESS = frozenset(
    {"detach_", "requires_grad_", "share_memory_", "rename_", "resize_", "resize_as_", "set_"}
)
_ACTIVATIONS = {"relu": 1, "silu": 1, "selu": 1, "leaky_relu": 2, "elu": 2, "dropout": 3}
"""Functions that write where they are told to, with the place of the argument that tells."""


def _writers() -> dict[Callable[..., Any], str]:
    """Return the functions that write into their first argument, by what they are called."""
    found: dict[Callable[..., Any], str] = {Tensor.__setitem__: "__setitem__"}
    for owner in (Tensor, torch, F):
        for name in dir(owner):
            in_place = name.endswith("_") and not name.startswith("_") and name not in _HARMLESS
            function = getattr(owner, name, None) if in_place else None
            if callable(function):
                found[function] = name
    for name in _ACTIVATIONS:  # where they are told to
        found[getattr(F, name)] = name
    return found


WRITERS = _writers()


@dataclass(frozen=True)
class Write:
    """One in-place operation. ``before`` is what was known of the target, ``source`` of the rest.

    ``whole`` is true where every element of the target was replaced by something that does not
    depend on it; ``number`` where that was a number. ``target`` is the identity of the object;
    ``lent`` is true where a function changed what its caller lent it. ``cut`` is true where the
    target was a detached alias, ``even`` where no row was changed but in its length.
    """

    operation: str
    site: CallSite
    serial: int
    target: int
    begin: int
    end: int
    whole: bool
    number: bool
    before: Known | None
    source: Known | None
    lent: bool = False
    cut: bool = False
    even: bool = False


class Writes:
    """A weak memory of writes, ordered by numbers that also order what was made in between."""

    def __init__(self) -> None:
        self._spots: dict[int, tuple[StorageWeakRef, deque[Write]]] = {}
        self._count = itertools.count(1)
        self._recent: deque[Write] = deque(maxlen=MOST_RECENT)

    def now(self) -> int:
        """Return the next number in the order of things."""
        return next(self._count)

    def note(self, tensor: Tensor, write: Write) -> None:
        """Remember a write into the memory of a tensor."""
        storage = tensor.untyped_storage()
        held = self._spots.get(storage.data_ptr())
        if held is None or held[0].expired():
            held = (StorageWeakRef(storage), deque(maxlen=MOST_WRITES))
            self._spots[storage.data_ptr()] = held
        held[1].append(write)
        self._recent.append(write)

    def recent(self) -> tuple[Write, ...]:
        """Return the writes of the present step, into whatever memory, oldest first."""
        return tuple(self._recent)

    def into(self, tensor: Tensor) -> list[Write]:
        """Return the writes that covered all of a tensor's elements, oldest first."""
        held = self._spots.get(tensor.untyped_storage().data_ptr()) if self._spots else None
        if held is None or held[0].expired():
            return []
        begin, end = span(tensor)
        return [write for write in held[1] if write.begin <= begin and end <= write.end]

    def onto(self, tensor: Tensor) -> list[Write]:
        """Return the writes that may have changed some of a tensor's elements, oldest first."""
        held = self._spots.get(tensor.untyped_storage().data_ptr()) if self._spots else None
        if held is None or held[0].expired():
            return []
        begin, end = span(tensor)
        return [write for write in held[1] if write.begin < end and begin < write.end]

    def sweep(self) -> None:
        """Forget what was written into memory that is gone. Called once a step."""
        self._recent.clear()
        for key, (storage, _) in list(self._spots.items()):
            if storage.expired():
                self._spots.pop(key, None)


class Slots:
    """Where outputs lie, to see when a later one is put where an earlier one still lives."""

    def __init__(self) -> None:
        self._taken: dict[int, tuple[weakref.ref[Tensor], StorageWeakRef, int, Origin]] = {}

    def take(self, tensor: Tensor, origin: Origin) -> Origin | None:
        """Take note of an output; return the living one of an earlier pass in its place, if any."""
        address, size = tensor.data_ptr(), tensor.numel()
        if not address or not size:
            return None
        before = self._taken.get(address)
        storage = StorageWeakRef(tensor.untyped_storage())
        self._taken[address] = (weakref.ref(tensor), storage, size, origin)
        if before is None or before[2] != size or (before[0]() is None and before[1].expired()):
            return None
        passes = {(one.step, one.forward) for one in (before[3], origin)}
        return before[3] if len(passes) == 2 and before[3].model == origin.model else None

    def sweep(self) -> None:
        """Forget what lives no more."""
        for key, (tensor, storage, _, _) in list(self._taken.items()):
            if tensor() is None and storage.expired():
                self._taken.pop(key, None)


def target_of(operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """Return the tensor that a call of a writer writes into; None if it was not told to."""
    target = args[0] if args else kwargs.get("input", kwargs.get("self"))
    if operation in _ACTIVATIONS:
        told = args[_ACTIVATIONS[operation] :][:1] or (kwargs.get("inplace"),)
        if told[0] is not True:
            return None
    return target if isinstance(target, Tensor) else None


def replaces(operation: str, args: tuple[Any, ...]) -> bool:
    """Tell whether a writer replaces all of its target, whatever it held."""
    if operation == "__setitem__":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        return all(map(_is_everything, index))
    return operation in ("copy_", "fill_", "zero_")


def _is_everything(part: Any) -> bool:
    if isinstance(part, slice):  # by identity: its ends may be tensors
        return part.start is None and part.stop is None and part.step is None
    return part is Ellipsis


def span(tensor: Tensor) -> tuple[int, int]:
    """Return the first address of a tensor's elements, and that behind the last."""
    steps = zip(tensor.shape, tensor.stride(), strict=True)
    last = sum((size - 1) * stride for size, stride in steps)
    begin = tensor.data_ptr()
    return begin, begin + (last + 1) * tensor.element_size()
