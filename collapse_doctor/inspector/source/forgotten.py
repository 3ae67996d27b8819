"""Inputs that never arrive where they belong, read in the source.

``return self.encode(a), self.encode(a)`` in a ``forward(self, a, b)``: one of two inputs is used
twice, the other never. ``text_tower(batch["image"])`` beside ``image_tower(batch["image"])``: one
tower is given what by its name belongs to the other.
"""

from __future__ import annotations

import ast
import functools
import linecache
import re
from types import CodeType, NoneType

from collapse_doctor.inspector.source.callsite import function_of, tree_of_file
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = ["is_of_the_other", "repeated_call"]

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def repeated_call(code: CodeType) -> CallSite | None:
    """Return the second of two equal calls in a function that leaves one of its inputs unused.

    Parameters
    ----------
    code
        Of the function: a model's ``forward``.
    """
    tree = tree_of_file(code.co_filename)
    scope = function_of(tree, code.co_name, code.co_firstlineno) if tree is not None else None
    if not isinstance(scope, ast.FunctionDef):
        return None
    nodes = [node for line in scope.body for node in ast.walk(line)]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    inputs = [one.arg for one in (*scope.args.args[1:], *scope.args.kwonlyargs)]
    inputs = [name for name in inputs if not name.startswith("_")]
    if not 0 < len(used & {*inputs}) < len(inputs):
        return None
    seen: set[str] = set()
    for call in sorted(_calls_of(nodes, used & {*inputs}), key=lambda call: call.lineno):
        text = ast.unparse(call)
        if text in seen:
            return _site(code, call.lineno)
        seen.add(text)
    return None


@reading(bool)
def is_of_the_other(mine: str, other: str, argument: str) -> bool:
    """Tell whether an argument is named after another callee, and not after the one it was given.

    Parameters
    ----------
    mine, other
        The callee that was given it, and the one of the other input, as they are written.
    argument
        How the argument is written.

    Examples
    --------
    >>> is_of_the_other("text_tower", "image_tower", "batch['image']")
    True
    >>> is_of_the_other("student", "teacher", "x")
    False
    """
    here, there, given = (_words(text) for text in (mine, other, argument))
    return bool((there - here) & given) and not (here - there) & given


def _words(text: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(text))


def _calls_of(nodes: list[ast.AST], names: set[str]) -> list[ast.Call]:
    """Return the calls that are given one of these names as it is."""
    return [
        node
        for node in nodes
        if isinstance(node, ast.Call)
        and any(isinstance(one, ast.Name) and one.id in names for one in node.args)
    ]


def _site(code: CodeType, line: int) -> CallSite:
    text = linecache.getline(code.co_filename, line).strip()
    return CallSite(code.co_filename, line, code.co_qualname, text)
