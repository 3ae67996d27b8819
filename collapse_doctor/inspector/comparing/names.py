"""How two operands are written, and the line that made them one thing.

Operands are followed outwards: a loss written as a function or module compares its own arguments,
and the mistake is at the line that called it.
"""

from __future__ import annotations

import ast
import functools
import linecache
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from types import FrameType, NoneType
from typing import Any

from torch import nn

from collapse_doctor.inspector.comparing.births import (
    ELEMENT,
    birth_line,
    known_assignments,
    made_of,
    unwrapped,
)
from collapse_doctor.inspector.source.callsite import (
    Frame,
    Still,
    call_at,
    called,
    caller_of,
    expressions,
    scope_of,
    site_of,
    tree_of,
)
from collapse_doctor.inspector.source.lastnames import last_assignment
from collapse_doctor.inspector.source.passing import bound, is_parameter
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.inspector.source.returned import returned_line
from collapse_doctor.recording.observations import CallSite, RelationKind

__all__ = [
    "MOST_LEVELS",
    "birth_of",
    "elements_of",
    "is_direct",
    "line_at",
    "may_be",
    "named_at",
    "outwards",
    "roots_of",
    "written",
]

MOST_LEVELS = 4
"""Frames of the user's, from the comparison outwards, in which the mistake is looked for."""


def written(frame: FrameType, function: Callable[..., Any], parameters: Sequence[str]) -> list[str]:
    """Return the operands as the user wrote them at the comparison (``""`` where unknown).

    They are unknown where the call that is written is not that of ``function``: a loss of an
    installed library, ``map``, a ``partial`` that holds one operand already.
    """
    if not is_direct(frame) or not may_be(called(frame), function):
        return [""] * len(parameters)
    return expressions(frame, parameters)


def is_direct(frame: FrameType) -> bool:
    """Tell whether nothing but torch and this package lies between a frame and the comparison."""
    inner: FrameType | None = sys._getframe(1)
    while inner is not None and inner is not frame:
        package = inner.f_globals.get("__name__", "").partition(".")[0]
        if package not in ("torch", "collapse_doctor"):
            return False
        inner = inner.f_back
    return True


def may_be(callee: Any, function: Callable[..., Any]) -> bool:
    """Tell whether calling ``callee`` hands its arguments to ``function`` as they are.

    None is what could not be looked up without running code, such as ``losses[name]``.
    """
    if callee is None or callee is function or isinstance(callee, nn.Module):
        return True
    wrapped = isinstance(callee, type | functools.partial | types.BuiltinFunctionType)
    return not wrapped


@reading(NoneType)
def birth_of(frame: Still, left: str, right: str, kind: RelationKind) -> CallSite | None:
    """Return the line at which ``left`` and ``right`` became one thing, as far as source shows it.

    It is an assignment between the two (see :mod:`births`), or the call that passed one thing
    twice to the function in which it was then compared with itself.
    """
    names: tuple[str, str] | None = (left, right)
    here: Still | None = frame
    for level in range(MOST_LEVELS):
        if here is None or names is None or not all(names):
            return None
        if names[0] == names[1]:
            return site_of(here) if level else None
        scope = scope_of(here)
        line = _line_of_birth(here, scope, names, kind) if scope is not None else None
        if line is not None:
            return line_at(here, line)
        here, names = outwards(here, names)
    return None


@reading(list)
def roots_of(frame: Still, left: str, right: str) -> list[CallSite]:
    """Return the lines at which what two operands were last made of became one object.

    Of ``whole = a.mean(1)`` and ``part = b.mean(1)`` that is where ``b`` got what ``a`` is.

    Parameters
    ----------
    frame, left, right
        Where the operands were compared, and how they are written there.
    """
    scope = scope_of(frame)
    if scope is None:
        return []
    made = [_named_in(_last_source(scope, name, frame.f_lineno)) for name in (left, right)]
    found = (
        birth_of(frame, one, other, "same-object")
        for one, other in product(*made)
        if one != other and {one, other} != {left, right}
    )
    return [line for line in found if line is not None]


def _last_source(scope: ast.AST, name: str, before: int) -> ast.expr | None:
    """Return the expression of the last assignment to a name above a line, or what is written."""
    made = [
        node
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign) and node.lineno < before and _gives(node, name)
    ]
    last = max(made, key=lambda node: node.lineno, default=None)
    if last is None:
        return ast.parse(name, mode="eval").body if name else None
    targets, value = last.targets[0], last.value
    if isinstance(targets, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = zip(targets.elts, value.elts, strict=False)
        return next((v for t, v in pairs if ast.unparse(t) == name), None)
    return value


def _gives(node: ast.Assign, name: str) -> bool:
    targets = [part for t in node.targets for part in (t.elts if isinstance(t, ast.Tuple) else [t])]
    return any(ast.unparse(target) == name for target in targets)


def _named_in(value: ast.expr | None) -> list[str]:
    """Return the first few plain names in an expression."""
    names = [n.id for n in ast.walk(value) if isinstance(n, ast.Name)] if value is not None else []
    return list(dict.fromkeys(names))[:MOST_LEVELS]


def _line_of_birth(
    frame: Still, scope: ast.AST, names: tuple[str, str], kind: RelationKind
) -> int | None:
    """Look in the function itself, in those it called, and before both were taken through one."""
    line = birth_line(scope, *names, kind, frame.f_lineno)
    if line is not None:
        return line
    tree = tree_of(frame)
    line = returned_line(tree, scope, *names, kind) if tree is not None else None
    if line is not None:
        return line
    lines: Iterator[int | None]
    if kind == "stale":
        pairs = product(made_of(names[0]), made_of(names[1]))
        lines = (birth_line(scope, one, other, kind, frame.f_lineno) for one, other in pairs)
    else:
        inner = unwrapped(*names)
        kinds: tuple[RelationKind, ...] = ("same-object", kind) if inner is not None else ()
        lines = (birth_line(scope, *(inner or names), how, frame.f_lineno) for how in kinds)
    return next((line for line in lines if line is not None), None)


@reading(NoneType)
def elements_of(frame: Still, name: str) -> tuple[str, str] | None:
    """Return the first two elements of what a loop takes ``name`` from, as written, or None."""
    scope = scope_of(frame)
    known = known_assignments(scope) if scope is not None else ()
    found = [a.source for a in known if a.target == name and a.source.startswith(f"{ELEMENT}(")]
    if len(found) != 1:
        return None
    source = found[0].removeprefix(f"{ELEMENT}(").removesuffix(")")
    return f"{source}[0]", f"{source}[1]"


@reading(NoneType)
def named_at(frame: Still, left: str, right: str) -> CallSite | None:
    """Return the line that gave the second of two operands its name, here or where both came from.

    Whatever made them one was done there or before.
    """
    names: tuple[str, str] | None = (left, right)
    here: Still | None = frame
    for _ in range(MOST_LEVELS):
        scope = scope_of(here) if here is not None else None
        if here is None or scope is None or names is None or not all(names):
            return None
        if names[0] == names[1]:  # one name, written twice
            return site_of(here) if here is not frame else None
        found = []
        for name in names:
            lines = (last_assignment(scope, text, here.f_lineno) for text in _and_base(name))
            found += [line for line in lines if line is not None][:1]
        if found:
            return line_at(here, max(found)) if len(found) == 2 else None
        here, names = outwards(here, names)
    return None


def _and_base(text: str) -> tuple[str, ...]:
    """Return an operand as written, and what it is an element of: ``pair`` of ``pair[0]``."""
    node = ast.parse(text, mode="eval").body
    return (text, ast.unparse(node.value)) if isinstance(node, ast.Subscript) else (text,)


def line_at(frame: Frame, line: int) -> CallSite:
    """Return another line of the file a frame runs, as a call site."""
    code = frame.f_code
    text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
    return CallSite(code.co_filename, line, code.co_qualname, text)


def outwards(frame: Still, names: tuple[str, str]) -> tuple[Still | None, tuple[str, str] | None]:
    """Return the user's frame that called this one, and what it passed for the two names."""
    caller, scope = caller_of(frame), scope_of(frame)
    call = call_at(caller) if caller is not None else None
    if not isinstance(call, ast.Call) or not isinstance(scope, ast.FunctionDef | ast.Lambda):
        return None, None
    if not all(is_parameter(scope, name.partition("[")[0]) for name in names):
        return None, None
    given = bound(scope, call)
    passed = [given.get(name) for name in names]
    one, other = ("" if value is None else ast.unparse(value) for value in passed)
    return caller, (one, other)
