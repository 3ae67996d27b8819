"""What one call leaves for the next: a dictionary for all calls, results that are remembered."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from collapse_doctor.leads.bindings import Site, callees
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.program import Function, Program, name_of
from collapse_doctor.leads.slices import results

__all__ = ["given_each_time", "remembered"]


def given_each_time(program: Program, nodes: list[ast.expr]) -> Iterator[Lead]:
    """Yield where a function gives back a container that is not its own, but there once for all."""
    for function in _called(program, nodes):
        for result in results(function):
            parts = result.elts if isinstance(result, ast.Tuple | ast.List) else [result]
            for part in parts:
                if isinstance(part, ast.Name | ast.Attribute) and _is_shared(program, part):
                    text = ast.unparse(part)
                    note = f"`{text}` is one thing for all calls: what it held before is replaced"
                    yield Lead(part.lineno, note, is_cause=True)


def _is_shared(program: Program, part: ast.Name | ast.Attribute) -> bool:
    """Tell whether a name stands for a container that is made once, outside of its function."""
    if isinstance(part, ast.Attribute):
        kind = program.kind(part)
        found = program.own.get((kind, part.attr), ()) if kind is not None else ()
        made = [one for one in found if getattr(program.scope(one.value), "name", "") == "__init__"]
        return bool(made) and len(made) == len(found) and all(_is_container(m.value) for m in made)
    scope = program.scope(part)
    if (scope, part.id) in program.names:
        return False
    while scope is not program.tree:
        scope = program.scope(scope)
        found = program.names.get((scope, part.id), ())
        if found:
            return len(found) == 1 and _is_container(found[0].value)
    return False


def _is_container(value: ast.expr) -> bool:
    called = name_of(value.func) if isinstance(value, ast.Call) else ""
    return isinstance(value, ast.Dict | ast.List) or called in ("dict", "list", "defaultdict")


def remembered(program: Program, nodes: list[ast.expr]) -> Iterator[Lead]:
    """Yield where a function, or what decorates it, gives out again what it has once computed."""
    for function in _called(program, nodes):
        around = [name_of(one) for one in getattr(function, "decorator_list", ())]
        wraps = [one for name in around for one in program.functions.get(name, ())]
        for one in (function, *wraps):
            for node in ast.walk(one):
                if isinstance(node, ast.If) and _asks_whether_known(node):
                    yield Lead(node.lineno, "what it gives is kept from here on", is_cause=True)


def _asks_whether_known(node: ast.If) -> bool:
    """Tell whether a test is ``if key not in known: known[key] = …``."""
    test = node.test
    if not isinstance(test, ast.Compare) or not isinstance(test.ops[0], ast.NotIn):
        return False
    store = ast.unparse(test.comparators[0])
    targets = [t for one in node.body if isinstance(one, ast.Assign) for t in one.targets]
    return any(isinstance(t, ast.Subscript) and ast.unparse(t.value) == store for t in targets)


def _called(program: Program, nodes: list[ast.expr]) -> Iterator[Function]:
    """Yield the functions of the file that some expressions call."""
    for node in nodes:
        for call in (one for one in ast.walk(node) if isinstance(one, ast.Call)):
            for way in callees(program, Site(call)):
                if isinstance(way.function, Function):
                    yield way.function
