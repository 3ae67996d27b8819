"""The line that changes a number from step to step, looked for from the line that uses it."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterator
from types import NoneType

from collapse_doctor.inspector.source.callsite import tree_of_file
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = ["moved_at"]

_ARITHMETIC = (ast.Mult, ast.Div)
_MADE = (ast.Call, ast.BinOp, ast.IfExp, ast.Subscript)


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def moved_at(used: CallSite) -> CallSite | None:
    """Return the only line of a file that changes the number that a line multiplies or divides by.

    Of ``scores / self.tau`` it is ``self.tau *= 0.9``; of ``weight * loss`` it is
    ``weight = ramp(step)``. A name that is set more often is set where it is made of itself.
    """
    tree = tree_of_file(used.file)
    if tree is None:
        return None
    names = {name for node in ast.walk(tree) for name in _factors(node, used.line)}
    nodes = list(ast.walk(tree))
    for changes in (_itself, _anew):
        lines = {node.lineno for node in nodes if changes(node, names)}  # type: ignore[attr-defined]
        if len(lines) == 1:
            line = lines.pop()
            source = linecache.getline(used.file, line).strip()
            return CallSite(used.file, line, source=source)
    return None


def _factors(node: ast.AST, line: int) -> Iterator[str]:
    """Yield the names that stand as a factor or divisor in a product that a line is part of."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, _ARITHMETIC):
        return
    if not node.lineno <= line <= (node.end_lineno or node.lineno):
        return
    sides = [node.right] if isinstance(node.op, ast.Div) else [node.left, node.right]
    for side in sides:
        if isinstance(side, ast.Name | ast.Attribute):
            yield _last(side)


def _last(node: ast.expr) -> str:
    """Return a name, or the attribute of something: its owner may be called otherwise elsewhere."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _itself(node: ast.AST, names: set[str]) -> bool:
    """Tell whether a statement makes a number anew of what it was."""
    if isinstance(node, ast.AugAssign):
        return _last(node.target) in names
    if not isinstance(node, ast.Assign):
        return False
    targets = {_last(target) for target in node.targets} & names
    used = {_last(one) for one in ast.walk(node.value) if isinstance(one, ast.Name | ast.Attribute)}
    return bool(targets & used)


def _anew(node: ast.AST, names: set[str]) -> bool:
    """Tell whether a statement computes a number: a constant, or a name, does not change."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, _MADE):
        return False
    return any(_last(target) in names for target in node.targets)
