"""Following an operand back through the source: what it was made of, where, at which line.

A tensor that is passed on, kept in a container or returned under two names leaves no trace at run
time. Here the source of the functions that were running, and of those of the same file that they
called, is read: a :class:`Point` is an expression in one of them.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from typing import NamedTuple

from collapse_doctor.inspector.births import (
    DESCENDING,
    Assignment,
    assignments,
    descend,
)
from collapse_doctor.inspector.callees import (
    Function,
    bound,
    functions_of,
    gives,
    kinds_of,
    methods,
    stored,
)
from collapse_doctor.inspector.callsite import Still, call_at, scope_of, tree_of
from collapse_doctor.inspector.displays import members

__all__ = ["Context", "Point", "Step", "beginning", "ways"]

MOST_POINTS = 400
"""Expressions that are looked at for one operand."""
MOST_STEPS = 14
"""Steps that an operand is followed back."""


class Context(NamedTuple):
    """A function while it runs: ``frame`` where it was seen to, ``call`` where it is only read of.

    ``side`` tells two calls that are written alike apart.
    """

    file: str
    tree: ast.Module
    scope: ast.AST
    frame: Still | None = None
    caller: Context | None = None
    call: ast.Call | None = None
    line: int = 0
    side: int = 0


class Point(NamedTuple):
    """An expression, and the line it stands at."""

    context: Context
    text: str
    line: int

    @property
    def key(self) -> tuple[object, ...]:
        """What is equal for one expression in one call of one function."""
        return id(self.context.scope), self.context.side, self.depth, self.text

    @property
    def depth(self) -> tuple[int, ...]:
        """The lines of the calls that are only read of, from the innermost outwards."""
        lines, context = [], self.context
        while context.caller is not None:
            lines.append(context.line)
            context = context.caller
        return tuple(lines)


class Step(NamedTuple):
    """One step back: by which ``line`` of which context, of what ``sort``, through what operation.

    The sorts: ``passed`` by a call that was running, ``bound`` by one that is read of, ``given``
    to a container, ``named`` by an assignment, ``made`` within an expression, ``kept`` on
    an object.
    """

    sort: str
    context: Context
    line: int
    through: str = ""


Way = tuple[Step, ...]


def beginning(frame: Still) -> Context | None:
    """Return the context of a function that was seen to run."""
    tree, scope = tree_of(frame), scope_of(frame)
    if tree is None or scope is None:
        return None
    return Context(frame.f_code.co_filename, tree, scope, frame)


def ways(start: Point, side: int) -> dict[tuple[object, ...], tuple[Point, Way]]:
    """Return every expression an operand may come from, with the shortest way to it.

    ``side`` is another for each operand where two calls that are written alike give two things.
    """
    found: dict[tuple[object, ...], tuple[Point, Way]] = {start.key: (start, ())}
    waiting = [(start, Way())]
    while waiting and len(found) < MOST_POINTS:
        point, way = waiting.pop(0)
        if len(way) >= MOST_STEPS:
            continue
        for step, source in _steps(point, side):
            if source.key not in found:
                found[source.key] = (source, (*way, step))
                waiting.append((source, (*way, step)))
    return found


def _steps(point: Point, side: int) -> Iterator[tuple[Step, Point]]:
    """Yield what an expression was made of: the nearest first."""
    node = _parsed(point.text)
    if node is None:
        return
    yield from _assigned(point, node)
    yield from _inner(point, node, side)


@functools.lru_cache(maxsize=2048)
def _parsed(text: str) -> ast.expr | None:
    try:
        return ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        return None


@functools.lru_cache(maxsize=64)
def _known(scope: ast.AST) -> tuple[Assignment, ...]:
    """Return the assignments of a scope that give a value as it is, or joined."""
    return tuple(a for a in assignments(scope) if set(a.through) <= {"stack", "cat"})


def _assigned(point: Point, node: ast.expr) -> Iterator[tuple[Step, Point]]:
    """Yield the values that a name, or an element of something, was given."""
    context = point.context
    found = [a for a in _known(context.scope) if _gives_to(a, point.text, node)]
    above = sorted((a for a in found if a.line < point.line), key=lambda a: -a.line)
    for a in [*above, *(a for a in found if a.line > point.line)]:
        sort = "named" if a.target == point.text else "given"
        yield Step(sort, context, a.line), Point(context, a.source, a.line)
    if found:
        return
    if point.text.startswith("self."):
        for method, a in stored(context.tree, context.scope):
            if _gives_to(a, point.text, node) and set(a.through) <= {"stack", "cat"}:
                home = Context(context.file, context.tree, method, caller=context)
                yield Step("kept", home, a.line), Point(home, a.source, a.line)
    elif isinstance(node, ast.Name):
        yield from _outside(point)


def _gives_to(a: Assignment, text: str, node: ast.expr) -> bool:
    """Tell whether an assignment gave a value to an expression, or to some element of its base."""
    if a.target == text:
        return True
    if not isinstance(node, ast.Subscript) or not a.target.endswith("]"):
        return False
    target = _parsed(a.target)
    return (
        isinstance(target, ast.Subscript)
        and ast.unparse(target.value) == ast.unparse(node.value)
        and not (isinstance(target.slice, ast.Constant) and isinstance(node.slice, ast.Constant))
    )


def _outside(point: Point) -> Iterator[tuple[Step, Point]]:
    """Yield what a caller passed for a parameter."""
    context, name = point.context, point.text
    if context.call is not None and context.caller is not None:
        value = bound(context.scope, context.call).get(name)  # type: ignore[arg-type]
        if value is not None:
            step = Step("bound", context.caller, context.line)
            yield step, Point(context.caller, ast.unparse(value), context.line)
        return
    if context.caller is not None:
        yield from _handed_in(point)
        return
    frame = context.frame
    caller, outer = frame.f_back if frame is not None else None, _caller(context)
    call = call_at(caller) if caller is not None else None
    if outer is None or caller is None or not isinstance(call, ast.Call):
        return
    if isinstance(context.scope, Function):
        value = bound(context.scope, call).get(name)
        if value is not None:
            line = caller.f_lineno
            yield Step("passed", outer, line), Point(outer, ast.unparse(value), line)


def _handed_in(point: Point) -> Iterator[tuple[Step, Point]]:
    """Yield what was passed to a method that keeps it: ``z`` of ``bank.write(index, z)``."""
    method, context = point.context.scope, point.context.caller
    while context is not None and isinstance(method, Function):
        for call in _calls_of(context.scope, method.name):
            value = bound(method, call).get(point.text)
            if value is not None:
                step = Step("given", context, call.lineno)
                yield step, Point(context, ast.unparse(value), call.lineno)
        context = context.caller or _caller(context)


def _caller(context: Context) -> Context | None:
    frame = context.frame.f_back if context.frame is not None else None
    return beginning(frame) if frame is not None else None


@functools.lru_cache(maxsize=256)
def _calls_of(scope: ast.AST, method: str) -> tuple[ast.Call, ...]:
    """Return the calls in a scope of a method of that name."""
    calls = (node for node in ast.walk(scope) if isinstance(node, ast.Call))
    attributes = (call for call in calls if isinstance(call.func, ast.Attribute))
    return tuple(call for call in attributes if call.func.attr == method)  # type: ignore[attr-defined]


def _inner(point: Point, node: ast.expr, side: int) -> Iterator[tuple[Step, Point]]:
    """Yield what is inside an expression: what a call returns, or the operand of an operation."""
    if isinstance(node, ast.BoolOp | ast.IfExp):
        several = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
        for one in several:
            yield _made(point, one, "")
        return
    base, suffix = _split(node)
    if isinstance(base, ast.Call):
        found = list(_returned(point, base, suffix, side))
        yield from found
        if found:
            return
        if suffix:
            yield from _selected(point, base, suffix)
    if suffix:
        yield from _of_base(point, base, suffix)
    if isinstance(node, ast.Attribute):
        yield from _property(point, node)
    if isinstance(node, ast.Call) and _is_get(node):
        yield _made(point, node.args[1], "")
    if not suffix or base is node:
        for inner, through in descend(node):
            yield _made(point, inner, through)


def _made(point: Point, node: ast.expr, through: str) -> tuple[Step, Point]:
    step = Step("made", point.context, point.line, through)
    return step, Point(point.context, ast.unparse(node), point.line)


def _is_get(call: ast.Call) -> bool:
    """Tell whether a call is ``d.get(key, default)``: the default comes out as it is."""
    named = isinstance(call.func, ast.Attribute) and call.func.attr in ("get", "pop", "setdefault")
    return named and len(call.args) == 2


def _split(node: ast.expr) -> tuple[ast.expr, str]:
    """Return an expression without the element or attribute it ends with, and that."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        inner, suffix = _split(node.value)
        return inner, f"{suffix}[{node.slice.value!r}]"
    if isinstance(node, ast.Attribute) and node.attr not in DESCENDING:
        inner, suffix = _split(node.value)
        return inner, f"{suffix}.{node.attr}"
    return node, ""


def _returned(point: Point, call: ast.Call, suffix: str, side: int) -> Iterator[tuple[Step, Point]]:
    """Yield what the functions of the file return that a call may mean.

    Two elements are of one call; two whole results are of two.
    """
    context = point.context
    side = context.side if suffix else side
    for function in functions_of(context.tree, context.scope, call):
        inside = Context(
            context.file, context.tree, function, None, context, call, point.line, side
        )
        for value, at in gives(function):
            for text in _projected(context.tree, value, suffix):
                yield Step("made", inside, at), Point(inside, text, at)


def _projected(tree: ast.Module, value: ast.expr, suffix: str) -> Iterator[str]:
    """Yield the element of a value that a suffix names: ``image`` of ``{"image": image}``."""
    fits = [place for place in members(value, tree) if suffix.startswith(place.how)]
    for place in fits if suffix else ():
        rest = suffix.removeprefix(place.how)
        yield from _projected(tree, place.value, rest)
    if not suffix or not (fits or members(value, tree)):
        yield ast.unparse(value) + suffix


_TAKING_APART = frozenset({"unbind", "chunk", "split", "tensor_split"})


def _selected(point: Point, base: ast.Call, suffix: str) -> Iterator[tuple[Step, Point]]:
    """Yield what a part was taken of: ``x[0]`` for ``torch.unbind(x)[0]``."""
    for inner, through in descend(base):
        if through in _TAKING_APART:
            step = Step("made", point.context, point.line, "view")
            yield step, Point(point.context, ast.unparse(inner) + suffix, point.line)


def _of_base(point: Point, base: ast.expr, suffix: str) -> Iterator[tuple[Step, Point]]:
    """Yield the same element of what the base was made of."""
    for step, source in _assigned(point._replace(text=ast.unparse(base)), base):
        value = _parsed(source.text)
        if value is None or step.sort == "given":
            continue
        for text in _projected(point.context.tree, value, suffix):
            yield step, source._replace(text=text)


def _property(point: Point, node: ast.Attribute) -> Iterator[tuple[Step, Point]]:
    """Yield what a property of a class of the file returns."""
    context = point.context
    for kind in kinds_of(context.tree, context.scope, node.value):
        function = methods(kind).get(node.attr)
        if function is not None and function.decorator_list:
            home = Context(context.file, context.tree, function)
            for value, at in gives(function):
                yield Step("bound", home, at), Point(home, ast.unparse(value), at)
