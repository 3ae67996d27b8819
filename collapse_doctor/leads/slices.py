"""Everything an expression was made of, as far as the file shows it: the nearest first."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from collapse_doctor.leads.bindings import Call, Site, callees, definitions
from collapse_doctor.leads.program import Function, Program, name_of

__all__ = ["Reached", "results", "walked"]

DEEPEST = 9
"""Steps back: names followed and functions entered."""
MOST = 400
"""Expressions looked at for one question."""


_GIVING = ("__getitem__", "__iter__", "__next__")
"""Methods by which what is made of a class gives out its elements."""


class Reached(NamedTuple):
    """An expression on the way back, or a whole function that was entered on it."""

    site: Site
    steps: int
    function: Function | None = None


def walked(
    program: Program, starts: list[Site], deepest: int = DEEPEST, shut: frozenset[str] = frozenset()
) -> Iterator[Reached]:
    """Yield what expressions were made of, breadth first, each once.

    A function that is called, or handed on, is told with what it gives back; those whose names are
    ``shut`` are not entered.
    """
    waiting = deque(Reached(start, 0) for start in starts)
    seen: set[tuple[int, int]] = set()
    while waiting and len(seen) < MOST:
        here = waiting.popleft()
        key = (id(here.site.node), id(here.site.call.node) if here.site.call else 0)
        if key in seen:
            continue
        seen.add(key)
        yield here
        if here.steps >= deepest:
            continue
        for below in _parts(program, here.site, shut):
            site = here.site._replace(node=below, part=False)
            for found in definitions(program, site)[:3]:
                waiting.append(Reached(found, here.steps + 1))
            for call in _entered(program, site):
                if getattr(call.function, "name", "") in shut:
                    continue
                place = here.site.place if below is here.site.node else None
                for result in results(call.function):
                    part = _element(result, place)
                    entered = Site(part, call, result.lineno)
                    waiting.append(Reached(entered, here.steps + 1, call.function))  # type: ignore[arg-type]


def _parts(program: Program, site: Site, shut: frozenset[str]) -> Iterator[ast.expr]:
    """Yield the names, elements and calls in an expression.

    What is passed to a function that is entered is met again as its parameter, if it matters.
    """
    waiting: deque[ast.AST] = deque([site.node])
    while waiting:
        here = waiting.popleft()
        if isinstance(here, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            yield here
        if isinstance(here, ast.Call):
            found = callees(program, site._replace(node=here))
            if found and all(getattr(one.function, "name", "") not in shut for one in found):
                waiting.append(here.func)
                continue
        waiting.extend(ast.iter_child_nodes(here))


def _entered(program: Program, site: Site) -> list[Call]:
    """Return the functions that an expression enters: by a call, or by handing them on."""
    found = callees(program, site)
    if isinstance(site.node, ast.Call):
        kind = program.classes.get(name_of(site.node.func))
        methods = [program.method(kind, name) for name in _GIVING] if kind is not None else []
        found += [Call(one, site.node, site.call) for one in methods if one is not None]
        words = [*site.node.args, *(word.value for word in site.node.keywords)]
        for one in words:
            if isinstance(one, ast.Name):
                free = program.functions.get(one.id, [])
                empty = ast.copy_location(ast.Call(one, [], []), one)
                found += [Call(function, empty, site.call) for function in free[:1]]
    return found


def results(function: ast.AST) -> list[ast.expr]:
    """Return what a function returns or yields, at all places."""
    if isinstance(function, ast.Lambda):
        return [function.body]
    found, waiting = list[ast.expr](), list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, Function | ast.ClassDef):
            continue
        if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) and node.value is not None:
            found.append(node.value)
        waiting.extend(ast.iter_child_nodes(node))
    return found


def _element(value: ast.expr, place: int | None) -> ast.expr:
    """Return the element of a display that is meant, else all of it."""
    if place is None or not isinstance(value, ast.Tuple | ast.List) or place >= len(value.elts):
        return value
    return value.elts[place]
