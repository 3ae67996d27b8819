"""What a name was given: by an assignment, by a caller, or by whoever put it into a store."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

from collapse_doctor.inspector.comparing.births import Assignment, assignments
from collapse_doctor.inspector.source.callees import Function, is_generator, stored
from collapse_doctor.inspector.source.callsite import call_at
from collapse_doctor.inspector.source.callsite import caller_of as calling
from collapse_doctor.inspector.source.passing import bound, is_parameter
from collapse_doctor.inspector.source.points import Context, Point, Step, caller_of, parsed

__all__ = ["assigned", "version"]


@functools.lru_cache(maxsize=64)
def _known(scope: ast.AST) -> tuple[Assignment, ...]:
    """Return the assignments of a scope that give a value as it is, or joined."""
    return tuple(a for a in assignments(scope) if set(a.through) <= {"stack", "cat"})


def assigned(point: Point, node: ast.expr) -> Iterator[tuple[Step, Point]]:
    """Yield the values that a name, or an element of something, was given."""
    context = point.context
    found = [a for a in _known(context.scope) if _gives_to(a, point.text, node)]
    above = sorted((a for a in found if _is_above(a, point)), key=lambda a: -a.line)
    for a in [*above, *(a for a in found if a.line > point.line)]:
        sort = "named" if a.target == point.text else "given"
        sort = "put" if a.is_put else sort
        yield Step(sort, context, a.line), Point(context, a.source, a.line + _is_twin(a))
    if above or (found and not is_parameter(point.context.scope, point.text)):
        return
    if point.text.startswith("self."):
        yield from _of_receiver(point)
        for method, a in stored(context.tree, context.scope):
            if _gives_to(a, point.text, node) and set(a.through) <= {"stack", "cat"}:
                home = Context(context.file, context.tree, method, caller=context)
                yield Step("kept", home, a.line), Point(home, a.source, a.line)
    elif isinstance(node, ast.Name | ast.Subscript):
        yield from _outside(point)


def _is_twin(a: Assignment) -> bool:
    """Tell whether an element is said to be another one of the same list: ``[z] * 2``."""
    target, source = parsed(a.target), parsed(a.source)
    if not isinstance(target, ast.Subscript) or not isinstance(source, ast.Subscript):
        return False
    return ast.unparse(target.value) == ast.unparse(source.value) and a.target != a.source


def _is_above(a: Assignment, point: Point) -> bool:
    return a.line < point.line + a.is_within


def _of_receiver(point: Point) -> Iterator[tuple[Step, Point]]:
    """Yield ``views.anchor`` for ``self.anchor`` in a method called as ``views.map()``."""
    context, caller, call = point.context, point.context.caller, point.context.call
    line = context.line
    if call is None:
        frame = calling(context.frame) if context.frame is not None else None
        found = call_at(frame) if frame is not None else None
        call = found if isinstance(found, ast.Call) else None
        caller, line = caller_of(context), frame.f_lineno if frame is not None else 0
    if caller is None or call is None or not isinstance(call.func, ast.Attribute):
        return
    if call.func.attr != getattr(context.scope, "name", ""):
        return
    owner = ast.unparse(call.func.value)
    if owner not in ("self", "super()"):
        text = f"{owner}.{point.text.removeprefix('self.')}"
        yield Step("bound", caller, line), Point(caller, text, line)


def version(point: Point) -> int:
    """Return the line that last gave a value to an expression above a point, 0 if none did."""
    lines = (a.line for a in _known(point.context.scope) if a.target == point.text)
    return max((line for line in lines if line < point.line), default=0)


def _gives_to(a: Assignment, text: str, node: ast.expr) -> bool:
    """Tell whether an assignment gave a value to an expression, or to some element of its base."""
    if a.target == text:
        return True
    if not isinstance(node, ast.Subscript) or not a.target.endswith("]"):
        return False
    target = parsed(a.target)
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
    caller, outer = calling(frame) if frame is not None else None, caller_of(context)
    call = call_at(caller) if caller is not None else None
    if outer is not None and not isinstance(call, ast.Call):
        call = _begun(outer.scope, context.scope)
    if outer is None or caller is None or not isinstance(call, ast.Call):
        return
    if isinstance(context.scope, Function | ast.Lambda):
        value = bound(context.scope, call).get(name)
        if value is not None:
            line = caller.f_lineno
            yield Step("passed", outer, line), Point(outer, ast.unparse(value), line)


@functools.lru_cache(maxsize=64)
def _begun(outer: ast.AST, scope: ast.AST) -> ast.Call | None:
    """Return the only call that is written of a generator: what asks it for more is no call."""
    if not isinstance(scope, Function) or not is_generator(scope):
        return None
    calls = [node for node in ast.walk(outer) if isinstance(node, ast.Call)]
    found = [call for call in calls if ast.unparse(call.func) == scope.name]
    return found[0] if len(found) == 1 else None


def _handed_in(point: Point) -> Iterator[tuple[Step, Point]]:
    """Yield what was passed to a method that keeps it: ``z`` of ``bank.write(index, z)``."""
    method, context = point.context.scope, point.context.caller
    while context is not None and isinstance(method, Function):
        for call in _calls_of(context.scope, method.name):
            value = bound(method, call).get(point.text)
            if value is not None:
                step = Step("given", context, call.lineno)
                yield step, Point(context, ast.unparse(value), call.lineno)
        context = context.caller or caller_of(context)


@functools.lru_cache(maxsize=256)
def _calls_of(scope: ast.AST, method: str) -> tuple[ast.Call, ...]:
    """Return the calls in a scope of a method of that name."""
    calls = (node for node in ast.walk(scope) if isinstance(node, ast.Call))
    attributes = (call for call in calls if isinstance(call.func, ast.Attribute))
    return tuple(call for call in attributes if call.func.attr == method)  # type: ignore[attr-defined]
