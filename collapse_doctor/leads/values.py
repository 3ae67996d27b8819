"""Numbers that are settled in the source: what an expression is in every run, and who wrote it."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from collapse_doctor.leads.bindings import Site, definitions
from collapse_doctor.leads.program import Program, name_of

__all__ = ["Known", "Word", "settled_at", "truth_of", "value_of"]

DEEPEST = 8
"""Names between an expression and the number: more are not followed."""

_BINARY: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}
_PLAIN: Mapping[str, Callable[..., float]] = {
    "int": int,
    "float": float,
    "bool": bool,
    "abs": abs,
    "round": round,
    "max": max,
    "min": min,
    "tensor": float,
}


class Known(NamedTuple):
    """What is settled, and the line on which it is written; ``far`` if a name was followed."""

    value: float
    line: int
    far: bool = False


class Word(NamedTuple):
    """A text that is settled, as a :class:`Known` number is."""

    value: str
    line: int
    far: bool = False


def value_of(program: Program, site: Site) -> Known | None:
    """Return the number an expression always is, as far as that can be read; None if it is not.

    What is counted up, or given several values, is no setting.
    """
    found = settled_at(program, site)
    return found if isinstance(found, Known) else None


def truth_of(program: Program, site: Site, test: ast.expr) -> tuple[bool, Known | Word] | None:
    """Return how a test always falls out, and the setting by which it does; None if not known."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = truth_of(program, site, test.operand)
        return None if inner is None else (not inner[0], inner[1])
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        compare = _COMPARISONS.get(type(test.ops[0]))
        one = settled_at(program, site._replace(node=test.left, part=False))
        other = settled_at(program, site._replace(node=test.comparators[0], part=False))
        if compare is None or one is None or other is None or type(one) is not type(other):
            return None
        told = one if one.far else other
        return (compare(one.value, other.value), told) if told.far else None
    known = settled_at(program, site._replace(node=test, part=False))
    return (bool(known.value), known) if known is not None and known.far else None


def settled_at(program: Program, site: Site, left: int = DEEPEST) -> Known | Word | None:
    """Return the number or text that an expression always is; see :func:`value_of`."""
    node = site.node
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            return Word(node.value, node.lineno)
        plain = isinstance(node.value, int | float)
        return Known(float(node.value), node.lineno) if plain else None  # type: ignore[arg-type]
    if left == 0 or site.part:
        return None
    if isinstance(node, ast.UnaryOp):
        return _unary(program, site, node, left)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _joined(program, site, [node.left, node.right], _BINARY[type(node.op)], left)
    plain_call = isinstance(node, ast.Call) and node.args and not node.keywords
    if isinstance(node, ast.Call) and plain_call and name_of(node.func) in _PLAIN:
        return _joined(program, site, node.args, _PLAIN[name_of(node.func)], left)
    if _is_rebound(program, node):
        return None
    found = definitions(program, site)
    if isinstance(node, ast.Call) and not found:
        return None
    known = [settled_at(program, one, left - 1) for one in found]
    values = {one.value for one in known if one is not None}
    if None in known or len(values) != 1 or known[0] is None:
        return None
    return known[0]._replace(far=True)


def _is_rebound(program: Program, node: ast.expr) -> bool:
    """Tell whether a name is given several values in its function: which one holds is not known."""
    scope = program.scope(node)
    while isinstance(node, ast.Name):
        texts = {ast.unparse(one.value) for one in program.names.get((scope, node.id), ())}
        if texts or scope is program.tree:
            return len(texts) > 1
        scope = program.scope(scope)
    return False


def _unary(program: Program, site: Site, node: ast.UnaryOp, left: int) -> Known | None:
    inner = settled_at(program, site._replace(node=node.operand), left)
    if not isinstance(inner, Known):
        return None
    if isinstance(node.op, ast.Invert | ast.UAdd):
        return inner if isinstance(node.op, ast.UAdd) else None
    value = -inner.value if isinstance(node.op, ast.USub) else float(not inner.value)
    return inner._replace(value=value)


def _joined(
    program: Program,
    site: Site,
    nodes: list[ast.expr],
    function: Callable[..., float],
    left: int,
) -> Known | None:
    """Return what comes of several numbers, at the line of one that a name was followed to."""
    known = [settled_at(program, site._replace(node=node), left) for node in nodes]
    found = [one for one in known if isinstance(one, Known)]
    if len(found) < len(known):
        return None
    try:
        value = float(function(*(one.value for one in found)))
    except (ArithmeticError, ValueError, TypeError):
        return None
    told = next((one for one in found if one.far), found[0])
    return Known(value, told.line, told.far)
