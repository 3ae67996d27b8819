"""Marks on the nodes of autograd's graph: what was seen of the tensor that a node made.

A node keeps a dict for whoever wants to note something of it (``Node.metadata``). It lives and
dies with the node, so a mark is found again from the loss, though the tensor itself is long gone,
and keeps nothing alive that the graph would not. Nothing of the training reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from collapse_doctor.recording.observations import CallSite, Party

__all__ = [
    "Bank",
    "Call",
    "Constant",
    "Cut",
    "Ends",
    "Given",
    "Learnt",
    "Mark",
    "Marks",
    "Met",
    "Node",
    "Output",
    "Weights",
]

Node = Any
"""A node of autograd's graph; torch gives it no public class in all versions."""


@dataclass(frozen=True)
class Output:
    """An output of a watched model."""

    model: str
    layer: str
    width: int


@dataclass(frozen=True)
class Constant:
    """A number that went into a sum or product: the number, or a copy of it on its device.

    ``site`` is the line of that.
    """

    value: float | Tensor
    site: CallSite | None = None


@dataclass(frozen=True)
class Weights:
    """Given numbers that a product weighs its other side with: labels, a mask."""

    values: Tensor


@dataclass(frozen=True)
class Ends:
    """The least and the greatest of given numbers that are too many to be copied."""

    ends: Tensor


@dataclass(frozen=True)
class Given:
    """Numbers that scores are held against, by a difference: their ends, and which side."""

    ends: Tensor
    place: int


@dataclass(frozen=True)
class Learnt:
    """A single number that takes a gradient itself, as a learnt temperature: what it is just now.

    ``place`` is the side of the product or quotient that it is.
    """

    value: Tensor
    place: int
    site: CallSite | None = None


@dataclass(frozen=True)
class Bank:
    """Given rows that a product meets: the length of the longest, on their device."""

    longest: Tensor


@dataclass(frozen=True)
class Cut:
    """The side of an operation that takes no gradient: which output that is, and which side.

    ``longest`` is the length of its longest row, on their device, where rows are multiplied.
    """

    place: int
    party: Party
    site: CallSite | None
    longest: Tensor | None = None


@dataclass(frozen=True)
class Met:
    """A line, and nothing more: of the mean or sum that a loss ends with, or where two tensors met.

    These are the sides of a difference or product that both take a gradient.
    """

    site: CallSite | None


@dataclass(frozen=True)
class Call:
    """One call of a function that says more than the nodes it made.

    ``inputs`` are the nodes of its operands, with the number of the output of that node; None for
    an operand that takes no gradient. ``cuts`` are those of them that are known nevertheless.
    ``numbers`` are its arguments by name; ``tensors`` copies of few values that are to be read.
    """

    name: str
    inputs: tuple[tuple[Node, int] | None, ...]
    cuts: tuple[Party | None, ...]
    numbers: dict[str, Any]
    tensors: tuple[Tensor, ...] = ()
    site: CallSite | None = None


Mark = Output | Constant | Weights | Ends | Given | Learnt | Bank | Cut | Met | Call


class Marks:
    """Puts marks, and finds them again; each has its own, for several watches may be open."""

    def __init__(self) -> None:
        self._key = f"collapse_doctor {id(self)}"

    def put(self, tensor: Tensor, what: Mark) -> None:
        """Put a mark on the node that made a tensor; on none if it takes no gradient."""
        node: Node = tensor.grad_fn
        if node is not None:
            node.metadata.setdefault(self._key, {})[tensor.output_nr] = what

    def of(self, node: Node, output: int) -> Mark | None:
        """Return the mark on one output of a node, or None."""
        found: Mark | None = node.metadata.get(self._key, {}).get(output)
        return found
