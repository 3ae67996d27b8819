"""What a name, an attribute or an element was given, and by whom: one step back."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from collapse_doctor.leads.program import Function, Given, Program, name_of, settled

__all__ = ["Call", "Site", "callees", "calls_of", "definitions", "nearest"]

MOST_CALLERS = 4
"""Calls of one function that are looked at: of a helper used everywhere none is told."""
_RUNNING = ("forward", "__call__")
_WRAPPING = ("partial", "vmap", "compile", "jit", "wraps")
_GETTING = ("get", "pop", "setdefault")


class Call(NamedTuple):
    """A call that was followed into a function of the file."""

    function: ast.AST
    node: ast.Call
    outer: Call | None = None


class Site(NamedTuple):
    """An expression, and the call by which its function was entered, where that is known.

    ``line`` is that of the statement that gave it, ``part`` that it is only a part of what was
    meant, and ``place`` which.
    """

    node: ast.expr
    call: Call | None = None
    line: int = 0
    part: bool = False
    place: int | None = None


def definitions(program: Program, site: Site) -> list[Site]:
    """Return what an expression was given, the nearest first; nothing if it is no name of any kind.

    Where a parameter is meant it is what the known call passed, else what each call in the file
    passes, else its default.
    """
    node = site.node
    if isinstance(node, ast.Name):
        return _of_name(program, site, node.id)
    if isinstance(node, ast.Attribute):
        return _of_attribute(program, node)
    if isinstance(node, ast.Subscript):
        return _of_element(program, site, node)
    if isinstance(node, ast.Call) and name_of(node.func) in _GETTING and node.args:
        key = node.args[0]
        outside = "environ" in ast.unparse(node.func)  # who knows what is said there
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str) or outside:
            return []
        default = [Site(one, site.call, one.lineno) for one in node.args[1:2]]
        return [*_sites(settled(program.keys.get(key.value, ()))), *default]
    if isinstance(node, ast.Call) and name_of(node.func) == "getattr" and len(node.args) > 1:
        word = node.args[1]
        if isinstance(word, ast.Constant) and isinstance(word.value, str):
            found = _sites(settled(program.keys.get(word.value, ())))
            return [*found, *(Site(one, site.call, one.lineno) for one in node.args[2:])]
    return []


def nearest(found: list[Given], line: int) -> list[Given]:
    """Return what was given above a line, the nearest first, else all: a loop comes round again."""
    above = sorted(
        (one for one in found if one.line < line + one.within), key=lambda one: -one.line
    )
    return above or sorted((one for one in found if one.line != line), key=lambda one: -one.line)


def _of_name(program: Program, site: Site, name: str) -> list[Site]:
    scope: ast.AST | None = program.scope(site.node)
    call, line = site.call, getattr(site.node, "lineno", 0)
    while scope is not None:
        found = program.names.get((scope, name))
        if found:
            inner = call if call is not None and call.function is scope else None
            near = nearest(found, line)
            given = _passed(program, scope, name, call) if isinstance(scope, Function) else []
            return [*_sites(near, inner), *given]
        if isinstance(scope, Function):
            if name in _parameters(scope):
                return _passed(program, scope, name, call)
            if call is not None and call.function is scope:
                call = call.outer
        scope = program.scope(scope) if scope is not program.tree else None
        line = 1 << 30
    return []


def _passed(program: Program, scope: Function, name: str, call: Call | None) -> list[Site]:
    """Return what a parameter was given: by the known call, or by each, or by default."""
    if name not in _parameters(scope):
        return []
    default = _default(scope, name)
    if call is not None and call.function is scope:
        known = _bound(program, scope, name, call.node)
        return [Site(known, call.outer, known.lineno)] if known is not None else default
    nodes = calls_of(program, scope)
    if not nodes:  # called from another file, or by means that are not read
        return []
    passed = [_bound(program, scope, name, node) for node in nodes[: MOST_CALLERS + 1]]
    if len(nodes) > MOST_CALLERS:
        return []
    given = [Site(one, None, one.lineno) for one in passed if one is not None]
    return given + (default if not given or None in passed else [])


def calls_of(program: Program, scope: Function) -> list[ast.Call]:
    """Return the calls in the file that may run a function."""
    if isinstance(scope, ast.Lambda):
        holder = program.parents.get(scope)
        names = [name_of(t) for t in holder.targets] if isinstance(holder, ast.Assign) else []
        return [one for name in names for one in program.calls.get(name, ())]
    holder = program.parents.get(scope)
    if isinstance(holder, ast.ClassDef) and scope.name in ("__init__", "__new__"):
        below = [one for one in program.classes.values() if name_of_bases(one, holder.name)]
        names = [holder.name, *(one.name for one in below)]
        found = [one for name in names for one in program.calls.get(name, ())]
        inits = [
            one for one in program.calls.get("__init__", ()) if "super" in ast.unparse(one.func)
        ]
        return found + [one for one in inits if program.kind(one) in below]
    if isinstance(holder, ast.ClassDef) and scope.name in _RUNNING:
        return _calls_of_instances(program, holder)
    return program.calls.get(scope.name, [])


def name_of_bases(kind: ast.ClassDef, name: str) -> bool:
    """Tell whether a class names another one as its base."""
    return any(name_of(base) == name for base in kind.bases)


def _calls_of_instances(program: Program, kind: ast.ClassDef) -> list[ast.Call]:
    """Return the calls of what is made of a class: ``net(x)`` after ``net = Net()``."""
    made = {
        name
        for table in (program.names, program.own)
        for (_, name), found in table.items()
        if any(_makes(one.value, kind.name) for one in found)
    }
    return [one for name in made for one in program.calls.get(name, ())]


def _makes(value: ast.expr, kind: str) -> bool:
    """Tell whether an expression makes an instance of a class, as ``Net().to(device)`` does."""
    while isinstance(value, ast.Call):
        if name_of(value.func) == kind:
            return True
        value = value.func.value if isinstance(value.func, ast.Attribute) else ast.Constant(None)
    return False


def _of_attribute(program: Program, node: ast.Attribute) -> list[Site]:
    kind = program.kind(node)
    while kind is not None and name_of(node.value) in ("self", "cls"):
        own = program.own.get((kind, node.attr))
        if own:
            return _sites(nearest(own, 1 << 30))
        bases = [program.classes.get(name_of(base)) for base in kind.bases]
        kind = next((base for base in bases if base is not None and base is not kind), None)
    given = settled(program.keys.get(node.attr, ()))
    return _sites(given or program.kept.get(node.attr, ()))


def _of_element(program: Program, site: Site, node: ast.Subscript) -> list[Site]:
    key = node.slice
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        found = _sites(settled(program.keys.get(key.value, ())))
        if found:
            return found
    base = definitions(program, site._replace(node=node.value))
    if isinstance(key, ast.Constant) and isinstance(key.value, int):
        parts = [
            one._replace(node=one.node.elts[key.value])
            for one in base
            if isinstance(one.node, ast.Tuple | ast.List) and -1 <= key.value < len(one.node.elts)
        ]
        if parts:
            return parts
    return [one._replace(part=True) for one in base]


def _sites(found: Sequence[Given] | None, call: Call | None = None) -> list[Site]:
    if found is None:
        return []
    return [Site(one.value, call, one.line, one.part, one.place) for one in found]


def callees(program: Program, site: Site) -> list[Call]:
    """Return the functions of the file that a call may run, each as entered by it."""
    node = site.node
    if not isinstance(node, ast.Call):
        return []
    found = dict.fromkeys(_meant(program, site._replace(node=node.func), 4))
    return [Call(function, _joined(node, held), site.call) for function, held in found]


def _joined(call: ast.Call, held: ast.Call | None) -> ast.Call:
    """Return a call with the arguments that a ``partial`` holds before its own."""
    if held is None:
        return call
    words = [*call.keywords, *held.keywords]
    return ast.copy_location(ast.Call(call.func, [*held.args[1:], *call.args], words), call)


def _meant(
    program: Program, site: Site, left: int, held: ast.Call | None = None
) -> Iterator[tuple[Function, ast.Call | None]]:
    """Yield the functions that calling an expression would run, and the ``partial`` around each."""
    node = site.node
    if left == 0:
        return
    if isinstance(node, ast.Lambda):
        yield node, held
    elif isinstance(node, ast.Call):
        yield from _made(program, site, node, left, held)
    elif isinstance(node, ast.Dict | ast.Tuple | ast.List):  # which of them is not known
        listed = node.values if isinstance(node, ast.Dict) else node.elts
        for value in listed[:MOST_CALLERS]:
            yield from _meant(program, site._replace(node=value), left - 1, held)
    else:
        functions = _named(program, node)
        yield from ((function, held) for function in functions)
        for one in definitions(program, site)[:3] if not functions else ():
            display = isinstance(one.node, ast.Dict | ast.Tuple | ast.List)
            if not one.part or (display and isinstance(node, ast.Subscript)):
                yield from _meant(program, one, left - 1, held)


def _made(
    program: Program, site: Site, node: ast.Call, left: int, held: ast.Call | None
) -> Iterator[tuple[Function, ast.Call | None]]:
    """Yield what runs when that is called which a call gave: an instance, a ``partial``."""
    kind = program.classes.get(name_of(node.func))
    if kind is not None:
        methods = [program.method(kind, name) for name in _RUNNING]
        yield from ((one, held) for one in methods if one is not None)
    elif name_of(node.func) in _WRAPPING:
        is_partial = name_of(node.func) == "partial"
        for argument in node.args[:1]:
            inner = site._replace(node=argument)
            yield from _meant(program, inner, left - 1, node if is_partial else held)
    elif isinstance(node.func, ast.Attribute):  # Net().to(device)
        yield from _meant(program, site._replace(node=node.func.value), left - 1, held)


def _named(program: Program, node: ast.expr) -> list[Function]:
    """Return the functions of a name, or the methods that an attribute may be."""
    name = name_of(node)
    functions = program.functions.get(name, [])
    if isinstance(node, ast.Name):
        return [one for one in functions if not isinstance(program.parents[one], ast.ClassDef)]
    if not isinstance(node, ast.Attribute):
        return []
    own = program.kind(node) if name_of(node.value) == "self" else None
    method = program.method(own, name) if own is not None else None
    if method is not None:
        return [method]
    methods = [one for one in functions if isinstance(program.parents[one], ast.ClassDef)]
    return list(methods[:2]) if own is None and name not in _RUNNING else []


def _parameters(scope: Function) -> list[str]:
    every = (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs)
    return [one.arg for one in every]


def _default(scope: Function, name: str) -> list[Site]:
    places = [*scope.args.posonlyargs, *scope.args.args]
    late = zip(reversed(places), reversed(scope.args.defaults), strict=False)
    pairs = [*late, *zip(scope.args.kwonlyargs, scope.args.kw_defaults, strict=True)]
    return [
        Site(value, None, value.lineno)
        for place, value in pairs
        if place.arg == name and value is not None
    ]


def _bound(program: Program, scope: Function, name: str, call: ast.Call) -> ast.expr | None:
    """Return what a call gives to a parameter, None if it says nothing of it."""
    for word in call.keywords:
        if word.arg == name:
            return word.value
    places = [one.arg for one in (*scope.args.posonlyargs, *scope.args.args)]
    if places[:1] in (["self"], ["cls"]) and isinstance(program.parents.get(scope), ast.ClassDef):
        places = places[1:]
    plain = call.args
    if any(isinstance(one, ast.Starred) for one in plain):
        return plain[0].value if isinstance(plain[0], ast.Starred) and name in places else None
    place = places.index(name) if name in places else len(plain)
    return plain[place] if place < len(plain) else None
