"""Aliases that are born in a function and come out of it under two names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import NoneType

from collapse_doctor.inspector.comparing.births import birth_line, given_by
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import RelationKind

__all__ = ["returned_line"]


@reading(NoneType)
def returned_line(
    tree: ast.AST, scope: ast.AST, left: str, right: str, kind: RelationKind
) -> int | None:
    """Return the line of a function of the same file that returned one thing as two, or None.

    Parameters
    ----------
    tree, scope
        Syntax trees of the file, and of the function in which ``left`` and ``right`` got their
        values from a call.
    left, right, kind
        How they are written there, and how they turned out to be related.
    """
    for targets, call in _calls(scope):
        for function in _functions(tree, call):
            for back in _returns(function):
                given = given_by(targets, back.value, back.lineno) if back.value else {}
                one, other = given.get(left, ""), given.get(right, "")
                if one and one == other:
                    return back.lineno
                line = birth_line(function, one, other, kind, back.lineno)
                if line is not None:
                    return line
    return None


def _calls(scope: ast.AST) -> Iterator[tuple[list[ast.expr], ast.Call]]:
    for node in ast.walk(scope):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            yield node.targets, node.value


def _functions(tree: ast.AST, call: ast.Call) -> Iterator[ast.FunctionDef]:
    """Yield the functions, or methods of whatever class, that a call may mean by its name."""
    function = call.func
    own = isinstance(function, ast.Attribute) and ast.unparse(function.value) == "self"
    name = function.attr if isinstance(function, ast.Attribute) and own else ast.unparse(function)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            yield node


def _returns(function: ast.AST) -> Iterator[ast.Return]:
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.Return):
            yield child
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from _returns(child)
