"""What is inside an expression: the operand of an operation, the element of a display, a result."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from collapse_doctor.inspector.comparing.births import DESCENDING, descend
from collapse_doctor.inspector.source.callees import (
    Function,
    cached_at,
    functions_of,
    gives,
    is_element,
    is_generator,
    kinds_of,
    methods,
)
from collapse_doctor.inspector.source.displays import REST, members
from collapse_doctor.inspector.source.givings import assigned
from collapse_doctor.inspector.source.points import Context, Point, Step, parsed

__all__ = ["inside"]

_TAKING_OUT = frozenset({"get", "pop", "setdefault"})
_TAKING_APART = frozenset({"unbind", "chunk", "split", "tensor_split"})


def inside(point: Point, node: ast.expr, side: int) -> Iterator[tuple[Step, Point]]:
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
        elif not base.args and not base.keywords:
            yield from _thunk(point, base)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        yield from (_made(point, one, "add") for one in (node.left, node.right))
    for owner, part in _splits(node):
        yield from _of_base(point, owner, part)
    if isinstance(node, ast.Attribute):
        yield from _property(point, node)
    if isinstance(node, ast.Call):
        yield from (_made(point, one, "") for one in _taken_out(node))
    if not suffix or base is node:
        for inner, through in descend(node):
            yield _made(point, inner, through)


def _made(point: Point, node: ast.expr, through: str) -> tuple[Step, Point]:
    step = Step("made", point.context, point.line, through)
    return step, Point(point.context, ast.unparse(node), point.line)


def _taken_out(call: ast.Call) -> Iterator[ast.expr]:
    """Yield what ``d.pop(key, default)`` gives as it is: ``d[key]``, and the default."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr not in _TAKING_OUT or not call.args:
        return
    yield ast.copy_location(ast.Subscript(function.value, call.args[0], ast.Load()), call)
    yield from call.args[1:2]


def _split(node: ast.expr) -> tuple[ast.expr, str]:
    """Return an expression without the elements or attributes it ends with, and those."""
    return [(node, ""), *_splits(node)][-1]


def _splits(node: ast.expr) -> Iterator[tuple[ast.expr, str]]:
    """Yield what an element or attribute may be one of, the outermost first, and which."""
    suffix = ""
    while True:
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            suffix, node = f"[{node.slice.value!r}]{suffix}", node.value
        elif isinstance(node, ast.Attribute) and node.attr not in DESCENDING:
            suffix, node = f".{node.attr}{suffix}", node.value
        else:
            return
        yield node, suffix


def _returned(point: Point, call: ast.Call, suffix: str, side: int) -> Iterator[tuple[Step, Point]]:
    """Yield what the functions of the file return that a call may mean.

    Two elements are of one call; two whole results are of two.
    """
    context = point.context
    side = context.side if suffix else side
    for function in functions_of(context.tree, context.scope, call):
        kept = cached_at(function)
        if kept is not None:  # equal calls give one thing
            home = Context(context.file, context.tree, context.tree)
            yield Step("kept", home, kept), Point(home, f"{function.name}.kept{suffix}", kept)
            continue
        within = Context(
            context.file, context.tree, function, None, context, call, point.line, side
        )
        for value, at in gives(function):
            rest = suffix if is_element(call) else _of_one(function, suffix)
            for text in _projected(context.tree, value, rest):
                yield Step("made", within, at), Point(within, text, at)


def _of_one(function: Function, suffix: str) -> str:
    """Return what is left of a suffix for one of the things that a generator yields."""
    first = suffix.partition("]")[0]
    return suffix[len(first) + 1 :] if is_generator(function) and first[:1] == "[" else suffix


def _projected(tree: ast.Module, value: ast.expr, suffix: str) -> Iterator[str]:
    """Yield the element of a value that a suffix names: ``image`` of ``{"image": image}``."""
    places = members(value, tree)
    written = [place for place in places if place.how != REST and suffix.startswith(place.how)]
    fits = written or [place for place in places if place.how == REST]
    for place in fits if suffix else ():
        rest = suffix.removeprefix(place.how)
        yield from _projected(tree, place.value, rest)
    if not suffix or not places:
        yield ast.unparse(value) + suffix


def _selected(point: Point, base: ast.Call, suffix: str) -> Iterator[tuple[Step, Point]]:
    """Yield what a part was taken of: ``x[0]`` for ``torch.unbind(x)[0]``."""
    for inner, through in descend(base):
        if through in _TAKING_APART:
            step = Step("made", point.context, point.line, "view")
            yield step, Point(point.context, ast.unparse(inner) + suffix, point.line)


def _thunk(point: Point, call: ast.Call) -> Iterator[tuple[Step, Point]]:
    """Yield what comes of calling, without arguments, what a name or an element was given."""
    function = call.func
    if isinstance(function, ast.Lambda):
        step = Step("made", point.context, point.line)
        yield step, Point(point.context, ast.unparse(function.body), point.line)
        return
    if not isinstance(function, ast.Name | ast.Subscript):
        return
    held = point._replace(text=ast.unparse(function))
    for step, source in (*assigned(held, function), *inside(held, function, 0)):
        value = parsed(source.text)
        if isinstance(value, ast.Lambda | ast.Name | ast.Subscript | ast.Call):
            text = ast.unparse(ast.Call(value, [], []))
            yield step, source._replace(text=text)


def _of_base(point: Point, base: ast.expr, suffix: str) -> Iterator[tuple[Step, Point]]:
    """Yield the same element of what the base was made of."""
    for step, source in assigned(point._replace(text=ast.unparse(base)), base):
        value = parsed(source.text)
        if step.sort == "put":
            yield step._replace(sort="chosen"), source
        if value is None or step.sort in ("given", "put"):
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
