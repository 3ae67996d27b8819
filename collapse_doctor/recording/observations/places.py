"""Where something is: a line of the user's source, and the tensors and layers it speaks of."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

__all__ = ["CallSite", "Operand", "Origin", "Role"]

Role = Literal["output", "chosen", "logits", "block"]
"""``output``: what the model returns; ``chosen``: a layer the user asked for, judged like an
output; ``logits``: an output that was only ever fed to a classification loss; ``block``:
something inside the model."""


class CallSite(Struct, frozen=True, gc=False):
    """A place in the user's source. ``line`` is 1-based; ``source`` is that line's text."""

    file: str
    line: int
    function: str = ""
    source: str = ""


class Origin(Struct, frozen=True, gc=False):
    """Where a tensor came from: the watched layer, step and forward pass that made it.

    ``path`` names the operations between the layer and the tensor, oldest first, as far as they
    were seen: ``("detach", "clone")``.
    """

    model: str
    layer: str
    step: int
    forward: int
    path: tuple[str, ...] = ()


class Operand(Struct, frozen=True, gc=False):
    """One side of a comparison, named as the source names it (``""`` where it cannot be known).

    ``called`` is how the network that made it is written in the line that ran it.
    """

    expression: str
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    origin: Origin | None = None
    called: str = ""
