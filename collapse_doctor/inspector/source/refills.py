"""The line that filled a buffer anew between two names for it, read in the source.

Writes into a NumPy array cannot be seen from torch. That two tensors lie over one memory is known
when they meet; that it was filled in between is read: ``a = from_numpy(b)``, ``b[...] = …``,
``c = from_numpy(b)``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import NoneType

from collapse_doctor.inspector.comparing.births import assignments
from collapse_doctor.inspector.source.reading import reading

__all__ = ["fills", "refill_line"]

_FILLING = frozenset({"copyto", "fill", "fill_", "copy_", "zero_"})


@reading(NoneType)
def refill_line(scope: ast.AST, left: str, right: str, before: int) -> int | None:
    """Return the line that wrote into what both names were made of, after the first was made.

    Parameters
    ----------
    scope
        Syntax tree of the function or module in which they were compared.
    left, right
        The two operands as written.
    before
        Line of the comparison.
    """
    made = {left: _sources(scope, left, before), right: _sources(scope, right, before)}
    lines = [line for sources in made.values() for line in sources.values()]
    shared = made[left].keys() & made[right].keys()
    if not shared or left == right:
        return None
    first, last = min(lines), max(lines)
    lines = [line for name, line in fills(scope) if name in shared and first < line <= last]
    return max(lines, default=None)


def _sources(scope: ast.AST, name: str, before: int) -> dict[str, int]:
    """Return the plain names that a name was last made of, with the line."""
    made = [a for a in assignments(scope) if a.target == name and a.line < before]
    last = max((a.line for a in made), default=0)
    return {a.source: a.line for a in made if a.line == last and "(" not in a.source}


def fills(scope: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the names whose elements are assigned to, with the lines."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Subscript):
                    yield ast.unparse(target.value), node.lineno
        elif isinstance(node, ast.Call):
            yield from ((name, node.lineno) for name in _filled_by(node))


def _filled_by(call: ast.Call) -> Iterator[str]:
    yield from (ast.unparse(word.value) for word in call.keywords if word.arg == "out")
    if isinstance(call.func, ast.Attribute) and call.func.attr in _FILLING:
        owner = call.args[0] if call.func.attr == "copyto" and call.args else call.func.value
        yield ast.unparse(owner)
