"""Writes whose author takes what he holds for a copy: detached aliases, and results given back.

``drawn = z.detach()`` copies nothing: ``drawn.sub_(drawn.mean(0))`` centres ``z`` as well. What is
compared after that is not what the model gave, while gradients flow as if it were. And ``dropped =
z.masked_fill_(gone, 0)`` gives back ``z``, which has lost what was to be dropped from a copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from collapse_doctor.inspector.memory.writes import Write, span

if TYPE_CHECKING:
    from collapse_doctor.inspector.comparing.provenance import Known, Provenance

__all__ = ["changed_through_alias", "given_back", "is_cut", "is_even"]

_CUTS = frozenset({"detach", "data", "detach_"})
_LENGTHENING = frozenset({"mul_", "div_", "multiply_", "divide_", "true_divide_", "renorm_"})


def is_cut(known: Known) -> bool:
    """Tell whether a tensor was taken as a detached alias of an output.

    What is written into it may have brought it a graph since: ``z.data.sub_(z.mean(0))``.
    """
    return not _CUTS.isdisjoint(known.origin.path)


def is_even(operation: str, target: Tensor, other: Any) -> bool:
    """Tell whether an in-place operation multiplies each row by one number: its direction stays.

    Parameters
    ----------
    operation, target, other
        What was done, to which tensor, and by which tensor or number.
    """
    if operation not in _LENGTHENING:
        return False
    if not isinstance(other, Tensor) or not other.dim():
        return True
    return other.shape[-1] == 1 and other.dim() == target.dim()


def changed_through_alias(provenance: Provenance, tensor: Tensor, known: Known) -> Write | None:
    """Return what was last written into a tensor with a graph through a detached alias, or None.

    Or into what it was made of. Parameters have no graph of their own: to change them so is how
    weights are clipped and normalised, and a view of one is a parameter in this.
    """
    if known.changed is not None:
        return known.changed
    if not tensor.requires_grad or tensor.is_leaf or not provenance.knows(tensor):
        return None
    base = tensor._base
    if base is not None and base.is_leaf:
        return None
    for write in reversed(provenance.writes.onto(tensor)):
        if write.cut and write.serial > known.serial and write.target != id(tensor):
            return write if _is_within(write, tensor) else None
    return None


def given_back(
    writes: Iterable[Write], left: Known | None, right: Known | None
) -> tuple[Write, ...]:
    """Return the writes into what both of two operands were made of.

    What an in-place operation gives back is what it was given: where one operand was made of its
    result and the other of its argument, both were made of one thing.

    Parameters
    ----------
    writes
        Those of the present step.
    left, right
        What is known of the operands.
    """
    if left is None or right is None:
        return ()
    one, other = left.origin, right.origin
    place = (one.model, one.layer, one.step, one.forward)
    if place != (other.model, other.layer, other.step, other.forward):
        return ()
    found = []
    for write in writes:
        origin = write.before.origin if write.before is not None else None
        if origin is None or place != (origin.model, origin.layer, origin.step, origin.forward):
            continue
        begins = len(origin.path)
        if origin.path == one.path[:begins] == other.path[:begins]:
            found.append(write)
    return tuple(found)


def _is_within(write: Write, tensor: Tensor) -> bool:
    """Tell whether the alias lay within the tensor, or the other way round: no mere neighbour."""
    begin, end = span(tensor)
    inside = begin <= write.begin and write.end <= end
    return inside or (write.begin <= begin and end <= write.end)
