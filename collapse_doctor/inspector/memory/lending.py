"""Tensors that a function was lent and changed: its caller goes on with something else.

``def cosine(a, b): a.div_(a.norm()) …`` returns a number, and leaves its caller's tensors divided.
A function that gives its argument back, or says by its name that it works in place, means it.
"""

from __future__ import annotations

import ast
import itertools
from types import FrameType
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.source.callsite import scope_of
from collapse_doctor.inspector.source.reading import reading

__all__ = ["is_lent"]

MOST_ELEMENTS = 16
"""Elements of an argument that are looked at."""


@reading(bool)
def is_lent(frame: FrameType, target: Tensor) -> bool:
    """Tell whether a function that is writing into a tensor was only lent it, to compute with.

    Parameters
    ----------
    frame
        The user's frame that writes.
    target
        What it writes into.
    """
    code = frame.f_code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if not names or code.co_name.endswith("_"):
        return False
    held = frame.f_locals
    mine = {name for name in names if _is_of(held.get(name), target)}
    scope = scope_of(frame) if mine else None
    if scope is None:
        return False
    returned = [node.value for node in _own_nodes(scope) if isinstance(node, ast.Return)]
    values = [value for value in returned if value is not None]
    return bool(values) and not any(_gives_back(value, mine) for value in values)


def _is_of(value: Any, target: Tensor) -> bool:
    """Tell whether an argument is a tensor, or a list or dictionary that holds it."""
    if isinstance(value, list | tuple):
        return any(one is target for one in value[:MOST_ELEMENTS])
    if type(value) is dict:
        return any(one is target for one in itertools.islice(value.values(), MOST_ELEMENTS))
    return value is target


def _gives_back(value: ast.expr, names: set[str]) -> bool:
    """Tell whether what is returned is an argument itself, alone or beside other things."""
    parts = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return any(isinstance(part, ast.Name) and part.id in names for part in parts)


def _own_nodes(scope: ast.AST) -> list[ast.AST]:
    """Return the nodes of a function without those of functions inside it."""
    found: list[ast.AST] = []
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            found.append(node)
            waiting += ast.iter_child_nodes(node)
    return found
