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
from types import FrameType
from typing import Any

from torch import nn

from collapse_doctor.inspector.comparing.births import birth_line, made_of, unwrapped
from collapse_doctor.inspector.source.callsite import (
    Frame,
    Still,
    call_at,
    called,
    expressions,
    scope_of,
    site_of,
    tree_of,
)
from collapse_doctor.inspector.source.returned import returned_line
from collapse_doctor.recording.observations import CallSite, RelationKind

__all__ = [
    "MOST_LEVELS",
    "birth_of",
    "is_direct",
    "line_at",
    "may_be",
    "outwards",
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


def line_at(frame: Frame, line: int) -> CallSite:
    """Return another line of the file a frame runs, as a call site."""
    code = frame.f_code
    text = linecache.getline(code.co_filename, line, frame.f_globals).strip()
    return CallSite(code.co_filename, line, code.co_qualname, text)


def outwards(frame: Still, names: tuple[str, str]) -> tuple[Still | None, tuple[str, str] | None]:
    """Return the user's frame that called this one, and what it passed for the two names."""
    parameters = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    caller = frame.f_back
    if caller is None or not set(names) <= set(parameters):
        return None, None
    call = call_at(caller)
    if not isinstance(call, ast.Call):
        return None, None
    bound = parameters[0] in ("self", "cls")
    passed = expressions(caller, parameters[1:] if bound else parameters)
    given = dict(zip(parameters[bound:], passed, strict=True))
    return caller, (given.get(names[0], ""), given.get(names[1], ""))
