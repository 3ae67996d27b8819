"""Where a weight of a loss becomes 0 in the course of a training: the phase, branch or ramp."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from collapse_doctor.leads.bindings import Site
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.program import Program, name_of
from collapse_doctor.leads.slices import walked

__all__ = ["ended"]

_COUNTING = frozenset({"range", "randint", "arange", "zeros", "size", "sum", "mean", "var", "std"})


def ended(program: Program, starts: list[Site]) -> Iterator[Lead]:
    """Yield where what a term is multiplied by, or a test of it asks, is given as 0."""
    scopes: dict[ast.AST, None] = {}
    for reached in walked(program, starts, 5):
        scopes.setdefault(reached.function or program.scope(reached.site.node), None)
    for scope in scopes:
        for weight in _weights(program, scope):
            for reached in walked(program, [Site(weight)]):
                if not reached.steps:
                    continue
                zero = _zero(program, reached.site.node)
                if zero is not None:
                    yield Lead(zero.lineno, "a weight of the loss is 0 from here", is_cause=True)
                    break


def _weights(program: Program, scope: ast.AST) -> Iterator[ast.expr]:
    """Yield the names by which terms of a function are weighed, or that decide on them."""
    for node in ast.walk(scope):
        if program.scope(node) is not scope:
            continue
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            yield from (name for side in (node.left, node.right) for name in _named(side))
        elif isinstance(node, ast.If | ast.IfExp):
            yield from _named(node.test)


def _named(side: ast.expr) -> Iterator[ast.expr]:
    """Yield a plain name, one divided by a number, or a call that looks a weight up."""
    if isinstance(side, ast.BinOp) and isinstance(side.right, ast.Constant):
        side = side.left
    if isinstance(side, ast.Compare):
        side = side.left
    looked_up = isinstance(side, ast.Call) and not isinstance(side.func, ast.Attribute)
    if looked_up or isinstance(side, ast.Name | ast.Attribute | ast.Subscript):
        yield side


def _zero(program: Program, node: ast.AST) -> ast.Constant | None:
    """Return a 0 that is a value here: of a display, a branch or a bound, and no index."""
    for one in ast.walk(node):
        plain = isinstance(one, ast.Constant) and type(one.value) in (int, float)
        if plain and one.value == 0 and _is_value(program, one, node):  # type: ignore[attr-defined]
            return one  # type: ignore[return-value]
    return None


def _is_value(program: Program, number: ast.AST, top: ast.AST) -> bool:
    if number is top:
        return True
    above = program.parents.get(number)
    if isinstance(above, ast.Tuple | ast.List):
        first = above.elts[0] is number and len(above.elts) > 1
        # The first of several may be the step from which on it holds: (0, 1.0), (30, 0.0).
        return not first and not isinstance(program.parents.get(above), ast.Subscript)
    if isinstance(above, ast.Dict):
        return number in above.values
    if isinstance(above, ast.Call):
        return name_of(above.func) not in _COUNTING and number in above.args
    return isinstance(above, ast.IfExp) and number is not above.test
