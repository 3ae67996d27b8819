"""What is read of calls that took or were given the same thing: the index, the one argument."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from types import NoneType

from collapse_doctor.inspector.source.callsite import function_around, tree_of_file
from collapse_doctor.inspector.source.lastnames import last_assignment
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = ["index_line", "narrowed"]

_TAKING = frozenset({"gather", "index_select", "take", "take_along_dim"})


@reading(NoneType)
def index_line(site: CallSite) -> CallSite | None:
    """Return the line of the same function that made the index by which a line takes rows.

    None unless the line has one index that is a plain name, and that name was given a value before.
    """
    tree = tree_of_file(site.file)
    if tree is None:
        return None
    scope = function_around(tree, site.line)
    names = set(_indices(tree, site.line))
    if len(names) != 1:
        return None
    line = last_assignment(scope, names.pop(), site.line)
    if line is None:
        return None
    return CallSite(site.file, line, site.function, linecache.getline(site.file, line).strip())


@reading(lambda: ("", ""))
def narrowed(one: str, other: str) -> tuple[str, str]:
    """Return what two calls that are written alike differ in, the expressions as they are if not.

    >>> narrowed("joined(a, b)", "joined(a, c)")
    ('b', 'c')
    """
    first, second = (ast.parse(text, mode="eval").body for text in (one, other))
    while isinstance(first, ast.Call) and isinstance(second, ast.Call):
        if ast.unparse(first.func) != ast.unparse(second.func):
            break
        pairs = zip(first.args, second.args, strict=False)
        apart = [pair for pair in pairs if ast.unparse(pair[0]) != ast.unparse(pair[1])]
        if len(apart) != 1 or len(first.args) != len(second.args):
            break
        first, second = apart[0]
    return ast.unparse(first), ast.unparse(second)


def _indices(tree: ast.Module, line: int) -> Iterator[str]:
    """Yield the plain names by which a line takes some of something."""
    for node in ast.walk(tree):
        if getattr(node, "lineno", None) != line:
            continue
        given: list[ast.expr] = []
        if isinstance(node, ast.Subscript):
            given = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _TAKING:
            given = node.args[1:]
        yield from (each.id for each in given if isinstance(each, ast.Name))
