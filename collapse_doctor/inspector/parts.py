"""The parts of a model that return what is compared, where the model itself does not.

``loss = system.training_step(batch)`` and ``z = model.encode(x)`` pass by the forward of what is
watched; and a forward that is a whole method, ``loss = method(first, second)``, keeps its
embeddings to itself. What the outermost parts return is then what is compared.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator, Set
from types import CodeType, FrameType
from typing import NamedTuple

from torch import Tensor, nn

from collapse_doctor.inspector.layers import public_name

__all__ = ["Part", "forward_of", "gives_loss", "is_running", "parts_of"]

MOST_PARTS = 64
DEPTH = 3
"""Names deep: people do not call by hand what lies deeper than ``system.model.encoder``."""
FRAMES = 64


class Part(NamedTuple):
    """A module inside a watched model, and the forwards of all modules around it."""

    name: str
    module: nn.Module
    around: frozenset[CodeType]

    def is_inside(self, whole: Set[CodeType] = frozenset()) -> bool:
        """Tell whether it runs just now as a part of something around it.

        Forwards that are a ``whole`` method, which gives its loss, have nothing else to tell.
        """
        return is_running(self.around - whole)


def gives_loss(tensors: Iterable[Tensor]) -> bool:
    """Tell whether there is a loss among what a forward returned: one number with a gradient."""
    return any(
        tensor.dim() == 0 and tensor.requires_grad and tensor.is_floating_point()
        for tensor in tensors
    )


def is_running(forwards: Set[CodeType]) -> bool:
    """Tell whether this thread is inside one of these functions just now."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(FRAMES):
        if frame is None:
            return False
        if frame.f_code in forwards:
            return True
        frame = frame.f_back
    return True  # too deep to know


def forward_of(module: nn.Module) -> frozenset[CodeType]:
    """Return the code of a module's forward: its class's, and its own where it has another."""
    forwards = (inspect.unwrap(each) for each in (type(module).forward, module.forward))
    codes = (getattr(forward, "__code__", None) for forward in forwards)
    return frozenset(code for code in codes if code is not None)


def parts_of(model: nn.Module) -> list[Part]:
    """Return the modules of a model that may be called by themselves, from the outside inwards."""
    found = sorted(_parts(model, "", frozenset(), 0), key=lambda part: part.name.count("."))
    first: dict[int, Part] = {}
    for part in found:
        first.setdefault(id(part.module), part)  # of several names the outermost
    return list(first.values())[:MOST_PARTS]


def _parts(module: nn.Module, name: str, around: frozenset[CodeType], depth: int) -> Iterator[Part]:
    if depth:
        yield Part(public_name(name), module, around)
    if depth < DEPTH:
        inside = around | forward_of(module)
        for child, part in module.named_children():
            yield from _parts(part, f"{name}.{child}" if name else child, inside, depth + 1)
