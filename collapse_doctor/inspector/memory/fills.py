"""Memory that one line filled several times within a step, though nobody had read it in between.

The address of what was filled last, who holds it, and whether it was read since.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from collapse_doctor.inspector.memory.writes import span
from collapse_doctor.inspector.outputs import is_plain

__all__ = ["FILLING", "Fill", "Memory", "escapes", "filled", "reads", "tensors_among"]

FILLING: frozenset[Callable[..., Any]] = frozenset({Tensor.copy_, Tensor.__setitem__})
"""Functions that put what is given into a tensor, beside all that are told ``out=``."""
MOST_FILLS = 64
"""Parts of one memory that are followed; a ring of more is nobody's output buffer."""
MOST_LISTED = 64

_ASKING = frozenset(
    {"size", "dim", "numel", "nelement", "stride", "is_contiguous", "storage_offset", "get_device"}
    | {"element_size", "is_floating_point", "is_complex", "is_pinned", "is_shared", "ndimension"}
    | {"__len__", "__hash__", "is_signed", "is_inference", "is_same_size", "requires_grad_"}
    | {"register_hook", "retain_grad"}
)
"""Methods that ask for something else than values."""
_EMPTYING = frozenset({"zero_", "fill_"})
"""What neither reads a memory nor puts a result there: a clean sheet."""
_ESCAPING = frozenset(
    {"numpy", "__array__", "__dlpack__", "data_ptr", "untyped_storage", "storage"}
)
"""After these somebody may read who cannot be seen."""


@dataclass(eq=False)
class Fill:
    """One filling of one part of a memory: where, by which instruction, and who holds it.

    ``holders`` are the living tensors that were taken of it while it was there, ``target`` the one
    it was put into.
    """

    begin: int
    end: int
    place: tuple[object, int]
    target: weakref.ref[Tensor]
    is_read: bool = False
    holders: dict[int, weakref.ref[Tensor]] = field(default_factory=dict)

    def hold(self, tensor: Tensor) -> None:
        """Remember that a tensor was made over this part."""
        self.holders[id(tensor)] = weakref.ref(tensor)

    def is_over(self, before: Fill) -> bool:
        """Tell whether this one replaced all of an earlier one, or as much as it had to put."""
        covers = self.begin <= before.begin and before.end <= self.end
        return covers or self.begin == before.begin

    def touches(self, begin: int, end: int) -> bool:
        """Tell whether some of these addresses belong to it."""
        return self.begin < end and begin < self.end


class Memory:
    """The fillings of one storage in the present step."""

    def __init__(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        self.begin = storage.data_ptr()
        self.end = self.begin + storage.nbytes()
        self._storage = StorageWeakRef(storage)
        self.fills: list[Fill] = []

    @property
    def is_gone(self) -> bool:
        """Whether it lives no more: its addresses mean something else."""
        return bool(self._storage.expired())

    def take(self, fill: Fill) -> Fill | None:
        """Take in a filling; return the one that it put out of the world, unread, if it did."""
        over = [one for one in self.fills if fill.is_over(one)]
        self.fills = [*[one for one in self.fills if one not in over][-MOST_FILLS:], fill]
        same = (one for one in over if one.place == fill.place and not one.is_read)
        return next(same, None)

    def read(self, begin: int, end: int) -> None:
        """Take note that somebody read between two addresses."""
        for fill in self.fills:
            fill.is_read = fill.is_read or fill.touches(begin, end)

    def held(self, tensor: Tensor) -> None:
        """Take note of a tensor that was made over this memory."""
        begin, end = span(tensor)
        for fill in self.fills:
            if fill.touches(begin, end):
                fill.hold(tensor)


def filled(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    """Return the tensor, or a view of the part of it, that a call has filled, or None.

    Of what numbers, masks or lists choose it is not known which part that is. A parameter is no
    buffer, and of memory that NumPy may share (its storage cannot be resized) not all readers can
    be seen.
    """
    target = kwargs.get("out") if func not in FILLING else args[0] if args else None
    if not isinstance(target, Tensor) or not is_plain(target) or not target.numel():
        return None
    is_weight = isinstance(target, nn.Parameter) or (target.requires_grad and target.is_leaf)
    if is_weight or not target.is_floating_point() or not target.dim():
        return None
    if not target.untyped_storage().resizable():
        return None
    if func is not Tensor.__setitem__:
        return target
    index = args[1] if isinstance(args[1], tuple) else (args[1],)
    if len(args) < 3 or not isinstance(args[2], Tensor) or not all(map(_is_place, index)):
        return None
    part = target.detach()[args[1]] if any(map(_chooses, index)) else target
    return part if part.numel() else None


def _is_place(part: Any) -> bool:
    if isinstance(part, slice):
        ends = (part.start, part.stop, part.step)
        return all(end is None or type(end) is int for end in ends)
    return part is Ellipsis or type(part) is int


def _chooses(part: Any) -> bool:
    whole = isinstance(part, slice) and part == slice(None)
    return not (whole or part is Ellipsis)


def reads(func: Any, args: tuple[Any, ...], result: Any) -> tuple[Any, ...] | None:
    """Return those arguments of a call whose values it reads, or None if it reads none."""
    name = getattr(func, "__name__", "")
    if name in _ASKING or name in _EMPTYING:
        return None
    if name == "__get__" and not isinstance(result, Tensor):
        return None  # a shape, a type
    return args[1:] if func in FILLING else args


def escapes(func: Any) -> bool:
    """Tell whether after a call somebody may read a memory who cannot be seen."""
    return getattr(func, "__name__", "") in _ESCAPING


def tensors_among(values: Any) -> Iterator[Tensor]:
    """Yield the tensors that are given to a function, as they are or in a list."""
    for value in values:
        if isinstance(value, Tensor):
            if is_plain(value):
                yield value
        elif type(value) in (list, tuple):
            yield from (t for t in value[:MOST_LISTED] if isinstance(t, Tensor) and is_plain(t))
