"""Buffers that a function fills anew and gives out each time, read in the source.

And names that are two for one tensor, one of which is changed: ``kept = t``, ``t -= t.mean()``.
"""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Iterator
from types import CodeType, NoneType

from collapse_doctor.inspector.comparing.births import known_assignments
from collapse_doctor.inspector.source.callsite import function_of, tree_of_file
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.inspector.source.refills import fills
from collapse_doctor.recording.observations import CallSite

__all__ = ["changed_by_other_name", "given_out_line", "lent_twice_line", "written_at"]


@reading(bool)
def changed_by_other_name(scope: ast.AST, name: str, written: int, before: int) -> bool:
    """Tell whether what a name holds was changed by another name for it, after it got its own.

    Parameters
    ----------
    scope, name
        Syntax tree of the function, and the operand as it is compared there.
    written, before
        Lines of the in-place operation and of the comparison.
    """
    others = set(written_at(scope, written)) - {name}
    known = known_assignments(scope)
    last = max((a.line for a in known if a.target == name and a.line < before), default=0)
    for one in known:
        pair = {one.target, one.source}
        if one.through or name not in pair or not pair & others or one.line >= written:
            continue
        if one.line >= last and written < before:
            return True
    return False


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def given_out_line(code: CodeType) -> CallSite | None:
    """Return the line of a ``forward`` that fills the buffer it returns, or None.

    Where ``out=`` fills it, that is meant: then it is the line that gives the buffer itself out.
    """
    tree = tree_of_file(code.co_filename)
    scope = function_of(tree, code.co_name, code.co_firstlineno) if tree is not None else None
    for back in _returns(scope) if scope is not None else ():
        text = ast.unparse(back.value) if back.value is not None else ""
        lines = [line for name, line in fills(scope) if name == text] if scope else []
        if "." in text and lines:
            line = back.lineno if _is_told(scope, text) else max(lines)
            source = linecache.getline(code.co_filename, line).strip()
            return CallSite(code.co_filename, line, code.co_qualname, source)
    return None


@reading(NoneType)
def lent_twice_line(
    tree: ast.AST, scope: ast.AST, left: str, right: str, before: int
) -> int | None:
    """Return the line that fills a buffer which one function gave to two names, or None.

    Parameters
    ----------
    tree, scope
        Syntax trees of the file, and of the function in which both names got their values.
    left, right, before
        How they are written, and the line up to which they got them.
    """
    calls = [_call_that_made(scope, name, before) for name in (left, right)]
    one, other = calls
    if one is None or other is None or ast.unparse(one) == ast.unparse(other):
        return None
    if ast.unparse(one.func) != ast.unparse(other.func):
        return None
    name = one.func.attr if isinstance(one.func, ast.Attribute) else ast.unparse(one.func)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return next(_shared(node), None)
    return None


def _shared(function: ast.FunctionDef) -> Iterator[int]:
    """Yield the lines that fill what a function returns, and has not made itself."""
    own = {a.target for a in known_assignments(function)} | {a.arg for a in function.args.args}
    for back in _returns(function):
        parts = ast.walk(back.value) if back.value is not None else ()
        given = {ast.unparse(part) for part in parts if isinstance(part, ast.Name | ast.Attribute)}
        yield from (line for name, line in fills(function) if name in given - own)


def _call_that_made(scope: ast.AST, name: str, before: int) -> ast.Call | None:
    made = [a for a in known_assignments(scope) if a.target == name and a.line < before]
    last = max((a for a in made if not a.through), key=lambda a: a.line, default=None)
    call = ast.parse(last.source, mode="eval").body if last is not None else None
    return call if isinstance(call, ast.Call) else None


def written_at(scope: ast.AST, line: int) -> Iterator[str]:
    """Yield what a line changes: ``t -= 1``, ``t.sub_(1)``, ``relu(t, inplace=True)``."""
    for node in ast.walk(scope):
        if getattr(node, "lineno", 0) != line:
            continue
        if isinstance(node, ast.AugAssign):
            yield ast.unparse(node.target)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from (ast.unparse(one) for one in (node.func.value, *node.args[:1]))


def _is_told(scope: ast.AST | None, text: str) -> bool:
    calls = (node for node in ast.walk(scope) if isinstance(node, ast.Call)) if scope else ()
    words = (word for call in calls for word in call.keywords)
    return any(word.arg == "out" and ast.unparse(word.value) == text for word in words)


def _returns(scope: ast.AST) -> list[ast.Return]:
    return [node for node in ast.walk(scope) if isinstance(node, ast.Return)]
