"""Inputs that were corrupted in place, and are compared as if they were whole.

``masked, hidden = mask(x)``, where ``mask`` writes into ``x``: what enters the network and what it
is to restore are one thing, with the same holes. It takes a line that draws what it hides, a pass
that was given this memory by one name, and a comparison that asks for it by another.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef

from collapse_doctor.inspector.comparing.births import made_of
from collapse_doctor.inspector.comparing.names import MOST_LEVELS, outwards
from collapse_doctor.inspector.comparing.passes import Call, Run, frames
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.memory.overwriting import Overwriting
from collapse_doctor.inspector.memory.writes import WRITERS, replaces, target_of
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.source.callsite import Still, call_at, site_of, still, user_frame
from collapse_doctor.inspector.source.drawn import is_drawn
from collapse_doctor.inspector.source.reading import reading

__all__ = ["Corrupted"]

MOST_NOTED = 16
"""Writes of one step that are looked at: weights that follow others are written by the hundred."""
_ADDING = frozenset({"add_", "sub_", "mul_", "multiply_"})
_HIDING = frozenset({"__setitem__", "masked_fill_", "dropout", "bernoulli_", "index_fill_"})


@dataclass(eq=False)
class _Spot:
    """Memory that was corrupted, and the calls that gave it to a watched model since."""

    storage: StorageWeakRef
    written: Overwriting
    calls: list[Call] = field(default_factory=list)


class Corrupted:
    """Follows what was corrupted in place through a step."""

    def __init__(self) -> None:
        self._spots: dict[int, _Spot] = {}
        self._made: Trail[_Spot] = Trail()
        self._noted = 0

    def end_step(self) -> None:
        """Forget it all."""
        self._spots.clear()
        self._made = Trail()
        self._noted = 0

    def seen(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Take note of a call in ``WRITERS``, if it hides or blurs a part of some data."""
        operation = WRITERS[func]
        if operation not in _HIDING and operation not in _ADDING:
            return
        target = target_of(operation, args, kwargs)
        if self._noted >= MOST_NOTED or target is None or not _is_data(target):
            return
        if replaces(operation, args) or not _is_of_each(operation, target, args, kwargs):
            return
        self._noted += 1
        frame = user_frame()
        here = still(frame, MOST_LEVELS) if frame is not None else None
        if here is None or not (operation == "dropout" or is_drawn(here)):
            return
        storage = StorageWeakRef(target.untyped_storage())
        self._spots[storage.cdata] = _Spot(storage, Overwriting(site_of(here), operation))

    def entered(self, run: Run, tensors: Iterable[Tensor]) -> None:
        """Take note of what went into a pass of a watched model."""
        if not self._spots or run.call is None:
            return
        for tensor in tensors:
            spot = self._at(tensor)
            if spot is not None:
                spot.calls.append(run.call)

    def carried(self, args: Sequence[Any], result: Any) -> None:
        """Take note of what was made of it, such as the cells that are hidden: ``x[hidden]``."""
        first = args[0] if self._spots and args else None
        spot = self._of(first) if isinstance(first, Tensor) else None
        if spot is not None and isinstance(result, Tensor):
            self._made.put(result, spot)

    def of(
        self, tensors: Sequence[Tensor | None], names: Sequence[str], frame: Still | None
    ) -> Overwriting | None:
        """Return what corrupted one of two operands that is asked for by a name of its own.

        Parameters
        ----------
        tensors, names
            The operands where they exist, and how they are written.
        frame
            Where they are compared.
        """
        if not self._spots or frame is None:
            return None
        for tensor, name in zip(tensors, names, strict=True):
            spot = self._of(tensor) if tensor is not None and not tensor.requires_grad else None
            if spot is not None and any(_are_two_names(call, frame, name) for call in spot.calls):
                return spot.written
        return None

    def _of(self, tensor: Tensor) -> _Spot | None:
        return self._made.of(tensor) or self._at(tensor)

    def _at(self, tensor: Tensor) -> _Spot | None:
        if not is_plain(tensor):
            return None
        spot = self._spots.get(tensor.untyped_storage()._cdata)
        return spot if spot is not None and not spot.storage.expired() else None


def _is_data(tensor: Tensor) -> bool:
    """Tell whether a tensor may be a batch of numbers: no weights, nothing with a gradient."""
    if isinstance(tensor, nn.Parameter) or not is_plain(tensor) or tensor.requires_grad:
        return False
    return tensor.dim() > 1 and tensor.is_floating_point() and tensor.numel() > 0


def _is_of_each(
    operation: str, target: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    """Tell whether each row is written differently: to centre or scale a batch hides nothing."""
    if operation in _HIDING:
        return True
    other = args[1] if len(args) > 1 else kwargs.get("other")
    if not isinstance(other, Tensor) or other.dim() != target.dim():
        return False
    return other.shape[0] == target.shape[0] and other.shape[-1] == target.shape[-1]


@reading(bool)
def _are_two_names(call: Call, frame: Still, name: str) -> bool:
    """Tell whether a pass was given something by another name than it is compared by."""
    here: Still | None = frame
    while here is not None and name:
        roots = {*made_of(name)}
        for there in frames(call):
            if there.f_code is here.f_code:
                given = [made_of(text) for text in _arguments(call, there)]
                return bool(given) and all(roots.isdisjoint(one) for one in given)
        caller, names = None, None
        for root in made_of(name):
            caller, names = outwards(here, (root, root))
            if names is not None:
                break
        here, name = caller, names[0] if names is not None else ""
    return False


def _arguments(call: Call, there: Still) -> tuple[str, ...]:
    """Return how the arguments are written at one level of the calls that led to a pass."""
    if there is call.frame:
        return call.arguments
    node = call_at(there)
    if not isinstance(node, ast.Call):
        return ()
    return tuple(ast.unparse(arg) for arg in (*node.args, *(word.value for word in node.keywords)))
