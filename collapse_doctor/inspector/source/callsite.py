"""Where in the user's source a call was made, and how its operands are written there."""

from __future__ import annotations

import ast
import functools
import itertools
import linecache
import sys
import sysconfig
from collections.abc import Sequence
from types import CodeType, FrameType, NoneType
from typing import Any, NamedTuple

from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.inspector.source.sugar import sugared_call, without_sugar
from collapse_doctor.recording.observations import CallSite

__all__ = [
    "Frame",
    "Still",
    "call_at",
    "caller_of",
    "expressions",
    "function_around",
    "function_of",
    "is_users",
    "scope_of",
    "site_of",
    "still",
    "tree_of",
    "user_frame",
    "writer",
]


class Still(NamedTuple):
    """What a frame was at one moment: enough to read its source later, and no local variable.

    A frame itself must not be kept: it would keep the user's tensors alive.
    """

    f_code: CodeType
    f_lasti: int
    f_lineno: int
    f_globals: dict[str, Any]
    f_builtins: dict[str, Any]
    f_back: Still | None


Frame = FrameType | Still

# Compared by module name, not by path: a virtual environment may be called anything.
_OURS = "collapse_doctor"
_USER_PARTS_OF_OURS = "collapse_doctor.cases"
_PASSING_ON = frozenset(
    {"torch._tensor", "torch.functional", "torch.overrides", "torch.nn.functional"}
)
"""Where torch does in Python what a user wrote: operators, methods, functions."""
_COMPREHENSIONS = frozenset({"<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>"})
_LIBRARIES = tuple(
    path for key in ("purelib", "platlib", "stdlib") if (path := sysconfig.get_paths().get(key))
)


def still(frame: FrameType, levels: int) -> Still:
    """Return a user's frame, and the user's frames that called it, as they are now."""
    caller = user_frame(frame.f_back) if frame.f_back is not None and levels > 1 else None
    back = still(caller, levels - 1) if caller is not None else None
    return Still(
        frame.f_code, frame.f_lasti, frame.f_lineno, frame.f_globals, frame.f_builtins, back
    )


def user_frame(start: FrameType | None = None) -> FrameType | None:
    """Return the innermost frame, from ``start`` outwards, that belongs to the user's program.

    Frames of torch, of this package and of installed libraries are passed over; if nothing else
    is left (the training loop itself lives in an installed package), the innermost frame outside
    torch and this package is returned.
    """
    frame: FrameType | None = sys._getframe(1) if start is None else start
    fallback: FrameType | None = None
    while frame is not None:
        kind = _owner(frame.f_code, frame.f_globals.get("__name__", ""))
        if kind == "user":
            return frame
        if kind == "library" and fallback is None:
            fallback = frame
        frame = frame.f_back
    return fallback


def writer() -> tuple[FrameType, bool] | None:
    """Return the user's frame, and whether the operation under way is written in it.

    None for what torch computes itself, as in its distributions: that is nobody's comparison.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        is_mode = frame.f_code.co_name == "__torch_function__"
        if not is_mode and module not in _PASSING_ON and _owner(frame.f_code, module) != "ours":
            break
        frame = frame.f_back
    if frame is None or frame.f_globals.get("__name__", "").partition(".")[0] == "torch":
        return None
    found = user_frame(frame)
    return (found, found is frame) if found is not None else None


@functools.lru_cache(maxsize=4096)
def _owner(code: CodeType, module: str) -> str:
    root = module.partition(".")[0]
    if root == "torch" or code.co_name == "__torch_function__":  # a mode passes calls on
        return "torch"
    if root == _OURS and not module.startswith(_USER_PARTS_OF_OURS):
        return "ours"
    return "library" if code.co_filename.startswith(_LIBRARIES) else "user"


def is_users(code: CodeType, module: str) -> bool:
    """Tell whether code belongs to the user's program: not to torch, a library or this package."""
    return _owner(code, module) == "user"


def site_of(frame: Frame) -> CallSite:
    """Return the line a frame is at, with its text where the source can be had."""
    code = frame.f_code
    return CallSite(
        file=code.co_filename,
        line=frame.f_lineno,
        function=code.co_qualname,
        source=linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals).strip(),
    )


@reading(NoneType)
def call_at(frame: Frame) -> ast.Call | ast.BinOp | None:
    """Return the syntax tree of the very call a frame is in, or None if it cannot be known.

    Needs the interpreter's column table (CPython 3.11 and later) and the source text.
    """
    position = _position(frame.f_code, frame.f_lasti)
    if position is None:
        return None
    first, last, start, end = position
    lines = linecache.getlines(frame.f_code.co_filename, frame.f_globals)
    return _parse(tuple(lines[first - 1 : last]), start, end) if last <= len(lines) else None


@functools.lru_cache(maxsize=1024)
def _position(code: CodeType, instruction: int) -> tuple[int, int, int, int] | None:
    """Return first and last line, first and last column of what an instruction was written as."""
    position = next(itertools.islice(code.co_positions(), instruction // 2, None), None)
    if position is None:
        return None
    first, last, start, end = position
    if first is None or last is None or start is None or end is None:
        return None
    return first, last, start, end


@functools.lru_cache(maxsize=256)
def _parse(lines: tuple[str, ...], start: int, end: int) -> ast.Call | ast.BinOp | None:
    encoded = [line.encode() for line in lines]  # columns count bytes, not characters
    encoded[-1] = encoded[-1][:end]
    encoded[0] = encoded[0][start:]
    try:
        # Parentheses let an expression of several lines stand whatever its indentation.
        node = ast.parse(f"({b''.join(encoded).decode()}\n)", mode="eval").body
    except (SyntaxError, ValueError):  # the file changed since it was loaded
        return None
    if isinstance(node, ast.Call):
        return sugared_call(node)
    return node if isinstance(node, ast.BinOp) else None


def expressions(frame: Frame, parameters: Sequence[str]) -> list[str]:
    """Return how the arguments named ``parameters`` are written at the call a frame is in.

    Positional arguments are taken in order, keywords by name; ``""`` stands for what cannot be
    known (starred arguments, a call made through a wrapper).
    """
    node = call_at(frame)
    return list(_arguments(node, tuple(parameters)))


@functools.lru_cache(maxsize=256)
def _arguments(node: ast.Call | ast.BinOp | None, parameters: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(node, ast.BinOp):
        return (ast.unparse(node.left), ast.unparse(node.right))[: len(parameters)]
    if node is None:
        return ("",) * len(parameters)
    keywords = {word.arg: word.value for word in node.keywords if word.arg}
    written = []
    for position, name in enumerate(parameters):
        value = keywords.get(name)
        passed = _positional(node, position) if value is None else ast.unparse(value)
        written.append(passed)
    return tuple(written)


def _positional(node: ast.Call, position: int) -> str:
    """Return how an argument is written; of a starred list, how its element would be."""
    starred = next((n for n, arg in enumerate(node.args) if isinstance(arg, ast.Starred)), None)
    if starred is None or position < starred:
        return ast.unparse(node.args[position]) if position < len(node.args) else ""
    last = node.args[-1]
    if not isinstance(last, ast.Starred) or starred < len(node.args) - 1:
        return ""
    named = isinstance(last.value, ast.Name | ast.Attribute | ast.Call)
    return f"{ast.unparse(last.value)}[{position - starred}]" if named else ""


@reading(NoneType)
def called(frame: Frame) -> Any:
    """Return the object that is called where a frame is, or None if finding it would run code.

    Global names, and attributes that lie in an object's own dictionary (or among a module's
    parts), are looked up; everything else would have to be evaluated. Local names are not: asking
    a frame for them makes a copy that keeps the user's tensors alive.
    """
    node = call_at(frame)
    return _look_up(node.func, frame) if isinstance(node, ast.Call) else None


def _look_up(node: ast.expr, frame: Frame) -> Any:
    if isinstance(node, ast.Name):
        code = frame.f_code
        if node.id in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
            return None
        return frame.f_globals.get(node.id, frame.f_builtins.get(node.id))
    if isinstance(node, ast.Attribute):
        owner = _look_up(node.value, frame)
        own = getattr(owner, "__dict__", {})
        return own[node.attr] if node.attr in own else own.get("_modules", {}).get(node.attr)
    return None


@functools.lru_cache(maxsize=64)
def _tree(filename: str, size: int, text: str) -> ast.Module | None:  # noqa: ARG001 - cache key
    try:
        return without_sugar(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError):
        return None


@reading(NoneType)
def tree_of(frame: Frame) -> ast.Module | None:
    """Return the syntax tree of the file a frame's code was read from, or None."""
    filename = frame.f_code.co_filename
    lines = linecache.getlines(filename, frame.f_globals)
    return _tree(filename, len(lines), "".join(lines)) if lines else None


@reading(NoneType)
def tree_of_file(file: str) -> ast.Module | None:
    """Return the syntax tree of a file of source that can be had by its name, or None."""
    lines = linecache.getlines(file)
    return _tree(file, len(lines), "".join(lines)) if lines else None


@reading(NoneType)
def scope_of(frame: Frame) -> ast.AST | None:
    """Return the syntax tree of the function (or module) a frame runs, or None.

    What runs in a comprehension is written in the function around it.
    """
    code, tree = frame.f_code, tree_of(frame)
    if tree is None or code.co_name == "<module>":
        return tree
    if code.co_name in _COMPREHENSIONS:
        return function_around(tree, code.co_firstlineno)
    return function_of(tree, code.co_name, code.co_firstlineno)


def caller_of(frame: Still) -> Still | None:
    """Return the user's frame that called the function a frame runs, or is written in."""
    scope = scope_of(frame)
    while frame.f_code.co_name in _COMPREHENSIONS:
        back = frame.f_back
        if back is None or scope_of(back) is not scope:
            return None  # a generator that somebody else asks
        frame = back
    return frame.f_back


@functools.lru_cache(maxsize=256)
def function_around(tree: ast.Module, line: int) -> ast.AST:
    """Return the innermost function around a line, or the whole file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    around = [f for f in functions if f.lineno <= line <= (f.end_lineno or f.lineno)]
    return max(around, key=lambda f: f.lineno, default=tree)


@functools.lru_cache(maxsize=256)
def function_of(tree: ast.Module, name: str, line: int) -> ast.AST | None:
    """Return the function of that name that begins (with its decorators) at a line.

    A lambda is only told if it is the only one of its line.
    """
    if name == "<lambda>":
        found = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda) and n.lineno == line]
        return found[0] if len(found) == 1 else None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == line:
                return node
    return None
