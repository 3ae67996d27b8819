"""The last line above a comparison that gave a name what it holds."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from types import NoneType

from collapse_doctor.inspector.comparing.births import ELEMENT, known_assignments
from collapse_doctor.inspector.source.reading import reading

__all__ = ["innermost", "is_result_of", "last_assignment", "made_by", "refilled", "second_name"]


@reading(NoneType)
def last_assignment(scope: ast.AST, name: str, before: int) -> int | None:
    """Return the last line above ``before`` that gave a name its value, or None."""
    known = (a for a in known_assignments(scope) if a.target == name and a.line < before)
    lines = [a.line for a in known if not a.source.startswith(f"{ELEMENT}(")]
    return max(lines, default=None)


@reading(NoneType)
def second_name(scope: ast.AST, names: Iterable[str], before: int) -> int | None:
    """Return the last line above ``before`` that made one of the names another of something."""
    wanted = frozenset(names)
    known = (a for a in known_assignments(scope) if a.target in wanted and not a.through)
    return max((a.line for a in known if a.line < before and a.source.isidentifier()), default=None)


@reading(NoneType)
def made_by(scope: ast.AST, name: str, before: int) -> str | None:
    """Return the plain name of what was called to make what a name holds: ``net(x)``."""
    known = [a for a in known_assignments(scope) if a.target == name and not a.through]
    last = max((a for a in known if a.line < before), key=lambda a: a.line, default=None)
    call = ast.parse(last.source, mode="eval").body if last is not None else None
    plain = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    return call.func.id if plain else None  # type: ignore[union-attr]


@reading(bool)
def is_result_of(scope: ast.AST, name: str, function: str, before: int) -> bool:
    """Tell whether a name, above a line, was last given what a function or method returned.

    Parameters
    ----------
    scope, name, before
        Where it is used, by which name, in which line.
    function
        The function's qualified name.
    """
    known = [a for a in known_assignments(scope) if a.target == name and a.line < before]
    last = max(known, key=lambda a: a.line, default=None)
    call = ast.parse(last.source, mode="eval").body if last is not None else None
    if not isinstance(call, ast.Call):
        return False
    called = ast.unparse(call.func).rpartition(".")[2]
    return called == function.rpartition(".")[2]


def innermost(scope: ast.AST, line: int) -> ast.AST:
    """Return the innermost loop around a line of a scope, or the scope itself."""
    around = scope
    for node in ast.walk(scope):  # outer loops come first
        if isinstance(node, ast.For | ast.While) and node.lineno <= line <= (node.end_lineno or 0):
            around = node
    return around


@reading(NoneType)
def refilled(scope: ast.AST, name: str) -> int | None:
    """Return the last line that loads other weights into a network, or None."""
    calls = (node for node in ast.walk(scope) if isinstance(node, ast.Call))
    wanted = f"{name}.load_state_dict"
    return max((call.lineno for call in calls if ast.unparse(call.func) == wanted), default=None)
