"""Whether a name is given something anew in each round of a loop, read in the source.

One object that comes by in two rounds was taken for two things: ``for p, t in zip(ps, targets)``.
In ``for p in ps: … t …`` it is one thing that is held against many.
"""

from __future__ import annotations

import ast
from types import NoneType

from collapse_doctor.inspector.comparing.births import birth_line
from collapse_doctor.inspector.source.reading import reading

__all__ = ["are_two_names", "gone_through", "is_rebound", "operand_text", "repeats"]

_REPEATING = frozenset({"repeat", "cycle", "product", "permutations", "combinations"})
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)


@reading(bool)
def is_rebound(scope: ast.AST, text: str, line: int) -> bool:
    """Tell whether each round of the innermost loop around a line has an operand of its own.

    Parameters
    ----------
    scope, text, line
        Syntax tree of the function, and how the operand is written there in which line.
    """
    loop = _innermost(scope, line)
    if loop is None or not text:
        return False
    targets, _, body = loop
    own = {node.id for node in ast.walk(targets) if isinstance(node, ast.Name)}
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.Name) and node.id not in own:
        made = [a for a in body if isinstance(a, ast.Assign) and _gives(a, node.id)]
        node = made[-1].value if len(made) == 1 else node
    if isinstance(node, ast.Name):
        return node.id in own
    return isinstance(node, ast.Subscript) and any(
        isinstance(part, ast.Name) and part.id in own for part in ast.walk(node.slice)
    )


@reading(bool)
def are_two_names(scope: ast.AST, one: str, other: str) -> bool:
    """Tell whether a function gives both names their values, and none of them the other's."""
    first, second = (ast.parse(text, mode="eval").body for text in (one, other))
    if isinstance(first, ast.Subscript) and isinstance(second, ast.Subscript):
        constant = isinstance(first.slice, ast.Constant) and isinstance(second.slice, ast.Constant)
        return constant and ast.unparse(first.value) == ast.unparse(second.value) and one != other
    stored = {
        node.id
        for node in ast.walk(scope)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    if one == other or not {one, other} <= stored:
        return False
    return birth_line(scope, one, other, "same-object", 1 << 30) is None


@reading(NoneType)
def operand_text(call: ast.Call | ast.BinOp | None, place: int, count: int) -> str | None:
    """Return how one argument of a function of torch is written, or None if that is not known.

    Parameters
    ----------
    call
        What is written: a call, of a function or a method, or an operator.
    place, count
        Which argument, of how many.
    """
    if isinstance(call, ast.BinOp):
        return ast.unparse((call.left, call.right)[place]) if place < 2 else None
    if call is None or any(isinstance(arg, ast.Starred) for arg in call.args):
        return None
    given = list(call.args)
    if isinstance(call.func, ast.Attribute) and len(given) == count - 1:
        given.insert(0, call.func.value)
    return ast.unparse(given[place]) if len(given) == count and place < count else None


@reading(list)
def gone_through(scope: ast.AST, line: int) -> list[str]:
    """Return what the innermost loop around a line goes through, and the names in that."""
    loop = _innermost(scope, line)
    if loop is None:
        return []
    names = [node.id for node in ast.walk(loop[1]) if isinstance(node, ast.Name)]
    return [ast.unparse(loop[1]), *names]


@reading(bool)
def repeats(scope: ast.AST, text: str) -> bool:
    """Tell whether an expression, or what a name in a function holds, has one thing several times.

    Whoever writes ``[target] * 2`` or ``itertools.repeat(target)`` means it.
    """
    values: list[ast.AST] = [ast.parse(text, mode="eval").body] if text else []
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and _gives(node, text):
            values.append(node.value)
    return any(_repeats(part) for value in values for part in ast.walk(value))


def _repeats(node: ast.AST) -> bool:
    """Tell whether what is gone through brings one thing several times on purpose."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return True
    if isinstance(node, ast.List | ast.Tuple):
        texts = [ast.unparse(one) for one in node.elts]
        return len(set(texts)) < len(texts)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in _REPEATING


def _innermost(scope: ast.AST, line: int) -> tuple[ast.expr, ast.expr, list[ast.AST]] | None:
    """Return what the innermost loop around a line binds, to what, and what is in its body."""
    found: tuple[ast.expr, ast.expr, list[ast.AST]] | None = None
    size = 1 << 30
    for node in ast.walk(scope):
        if not isinstance(node, (ast.For, *_COMPREHENSIONS)):
            continue
        last = node.end_lineno or node.lineno
        # of two loops that are as long the inner one comes later
        if not node.lineno <= line <= last or last - node.lineno > size:
            continue
        size = last - node.lineno
        if isinstance(node, ast.For):
            body = [part for one in node.body for part in ast.walk(one)]
            found = node.target, node.iter, body
        else:
            last_one = node.generators[-1]
            found = last_one.target, last_one.iter, []
    return found


def _gives(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
