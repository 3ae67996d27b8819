"""How the operands of a comparison by hand are written, and whether they are one on purpose.

``(z * z).sum(1)`` is a squared length, and ``z @ z.T`` holds a batch against itself: what is
written twice as the same expression is meant to be one thing, whatever it turns out to be.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from typing import Any

from collapse_doctor.inspector.byhand.operations import METHODS
from collapse_doctor.inspector.comparing.names import may_be, outwards
from collapse_doctor.inspector.source.callsite import Still, call_at, called
from collapse_doctor.inspector.source.reading import reading

__all__ = ["are_meant_to_be_one", "texts"]

_TURNING = frozenset({"T", "mT", "H", "mH", "t", "transpose", "permute", "swapaxes", "adjoint"})
_SHAPING = frozenset({"unsqueeze", "squeeze", "view", "reshape", "flatten", "contiguous"})
_CUTTING = frozenset({"detach", "data", "clone"})
_SCALING = (ast.Div, ast.Mult, ast.Sub)


@reading(tuple)
def texts(frame: Still, function: Callable[..., Any], kind: str) -> tuple[str, ...]:
    """Return the operands as written where they met; ``("", "")`` where that cannot be known.

    Parameters
    ----------
    frame, function
        Where the user's program was, and what it called there.
    kind
        Of what kind the result is: turned and reshaped operands are named by what they were.
    """
    node = call_at(frame)
    if isinstance(node, ast.Call) and not may_be(called(frame), function):
        return "", ""
    return _texts(node, function in METHODS, kind) if node is not None else ("", "")


@functools.lru_cache(maxsize=256)
def _texts(node: ast.Call | ast.BinOp, is_method: bool, kind: str) -> tuple[str, ...]:
    operands = _operands(node, is_method, joins=kind == "joined")
    if kind == "joined" and len(operands) < 2:  # torch.cat(views): a list by its name
        return "", ""
    if any(isinstance(operand, ast.Starred) for operand in operands):
        return "", ""
    wanted = 1 if kind == "soft" else 2
    written = [ast.unparse(_bare(operand, kind)) for operand in operands[:wanted]]
    return (*written, *[""] * (wanted - len(written)))


def _operands(
    node: ast.Call | ast.BinOp, is_method: bool, *, joins: bool = False
) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    found: list[ast.expr] = list(node.args)
    if is_method and isinstance(node.func, ast.Attribute):
        found.insert(0, node.func.value)
    if found and isinstance(found[0], ast.Constant):  # the equation of an einsum
        found = found[1:]
    if found and isinstance(found[0], ast.List | ast.Tuple):  # torch.cat([a, b], 0)
        found = found[0].elts
    elif found and joins:  # torch.cat(views)
        found = [ast.Subscript(found[0], ast.Constant(number)) for number in range(2)]
    words = {word.arg: word.value for word in node.keywords}
    return found + [words[name] for name in ("input", "other", "mat2", "target") if name in words]


def _bare(node: ast.expr, kind: str) -> ast.expr:
    """Return what an expression was before it was turned, reshaped or scaled."""
    inner = _inner(node, kind) if kind in ("product", "table", "soft") else None
    return _bare(inner, kind) if inner is not None else node


def _inner(node: ast.expr, kind: str) -> ast.expr | None:
    changing = _TURNING | _SHAPING if kind != "soft" else frozenset[str]()
    if isinstance(node, ast.Attribute):
        return node.value if node.attr in changing else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr not in changing:
            return None
        of_torch = isinstance(node.func.value, ast.Name) and node.func.value.id == "torch"
        return node.args[0] if of_torch and node.args else node.func.value
    if isinstance(node, ast.Subscript):
        places = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return node.value if kind != "soft" and all(map(_keeps_all, places)) else None
    if kind == "soft" and isinstance(node, ast.BinOp) and isinstance(node.op, _SCALING):
        return node.left
    return _unscaled(node) if kind == "table" and isinstance(node, ast.BinOp) else None


def _unscaled(node: ast.BinOp) -> ast.expr | None:
    """Return what is written as multiplied with a number, or divided by one."""
    if isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Constant):
        return node.right
    scaled = isinstance(node.op, ast.Mult | ast.Div) and isinstance(node.right, ast.Constant)
    return node.left if scaled else None


def _keeps_all(place: ast.expr) -> bool:
    if isinstance(place, ast.Slice):
        return place.lower is place.upper is place.step is None
    return isinstance(place, ast.Constant) and place.value in (None, ...)


def are_meant_to_be_one(frame: Still, left: str, right: str, *, by_root: bool, levels: int) -> bool:
    """Tell whether both operands are written as one expression, here or where they were passed.

    Where it cannot be known they may be.

    Parameters
    ----------
    frame, left, right
        Where they met, and how they are written there.
    by_root
        Whether ``z`` and ``z.detach()`` are one on purpose, too.
    levels
        How many of the user's functions are asked, from where they met outwards.
    """
    if not left or not right:
        return True
    names: tuple[str, str] | None = (left, right)
    here: Still | None = frame
    for _ in range(levels):
        if here is None or names is None or not all(names):
            return False
        one, other = map(_root, names) if by_root else names
        if one in _factors(other) or other in _factors(one):
            return True
        here, names = outwards(here, names)
    return False


def _factors(text: str) -> set[str]:
    """Return a product's factors, and itself: ``z / 0.1`` is ``z``, as far as this goes."""
    found, left = {text}, [ast.parse(text, mode="eval").body]
    while left:
        node = left.pop()
        found.add(ast.unparse(node))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            left += [node.left, node.right]
    return found


def _root(text: str) -> str:
    node: ast.expr = ast.parse(text, mode="eval").body
    while True:
        if isinstance(node, ast.Attribute) and node.attr in _CUTTING:
            node = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr not in _CUTTING:
                return ast.unparse(node)
            node = node.func.value
        else:
            return ast.unparse(node)
