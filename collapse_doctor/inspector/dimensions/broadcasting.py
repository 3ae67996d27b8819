"""Which shapes spread along each other, and how the operands that did were written."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.comparing.names import written
from collapse_doctor.inspector.comparing.provenance import Known
from collapse_doctor.inspector.comparing.vocabulary import COMPARATORS
from collapse_doctor.inspector.source.callsite import call_at, user_frame
from collapse_doctor.recording.observations import Operand

__all__ = [
    "expressions_of",
    "is_column",
    "is_square",
    "is_written_here",
    "may_spread",
    "name_of",
    "operand_of",
]

WRITING = ("None", "unsqueeze", "view", "reshape", "newaxis")
"""How a dimension of 1 is asked for."""


def may_spread(low: Tensor, high: Tensor) -> bool:
    """Tell whether (n, …) meets (k, 1, …), so that each is spread along the other."""
    return (
        low.dim() > 0
        and high.dim() == low.dim() + 1
        and low.shape[0] > 1
        and high.shape[0] > 1
        and high.shape[1] == 1
        and low.shape[1:] == high.shape[2:]
    )


def is_square(tensor: Tensor, count: int) -> bool:
    """Tell whether a tensor is of all pairs of ``count`` things: (n, n, …)."""
    return tensor.dim() >= 2 and count > 1 and tensor.shape[0] == tensor.shape[1] == count


def is_column(tensor: Tensor, count: int) -> bool:
    """Tell whether a tensor has one number for each of ``count`` rows."""
    return tuple(tensor.shape) in ((count,), (count, 1))


def is_written_here(func: Callable[..., Any], operands: Sequence[Tensor], high: Tensor) -> bool:
    """Tell whether the dimension of 1 is written in the very expression of the operation."""
    frame = user_frame()
    if frame is None:
        return True
    names = expressions_of(frame, func, len(operands))
    text = next((name for t, name in zip(operands, names, strict=True) if t is high), "")
    return any(word in text for word in WRITING)


def expressions_of(frame: FrameType, func: Callable[..., Any], count: int) -> list[str]:
    """Return how operands are written: in arithmetic, in a call, or as a method of the first."""
    names = written(frame, func, [str(place) for place in range(count)])
    node = call_at(frame)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return names
    name = node.func.attr
    if getattr(Tensor, name, None) is not func or (node.args and not any(names)):
        return names  # no method of a tensor, or one that was called by something else
    own = [ast.unparse(part) for part in (node.func.value, *node.args)]
    return (own + [""] * count)[:count]


def name_of(func: Callable[..., Any]) -> str:
    """Return what a function is called in a report."""
    known = COMPARATORS.get(func)
    return known.name if known is not None else getattr(func, "__name__", str(func)).strip("_")


def operand_of(tensor: Tensor, expression: str, known: Known | None = None) -> Operand:
    """Return what is recorded of one operand."""
    return Operand(
        expression=expression,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        requires_grad=tensor.requires_grad,
        origin=known.origin if known is not None else None,
    )
