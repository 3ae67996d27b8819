"""The line that put one module where several were to be, read in the source of the program.

It is looked for in the file of the class that holds the modules, and in the files of the functions
that began the watch.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

from torch import nn

from collapse_doctor.inspector.comparing.births import birth_line
from collapse_doctor.inspector.source.callsite import scope_of, tree_of_file, user_frame
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = [
    "Scope",
    "Written",
    "entries",
    "line_of_assigned_memory",
    "line_of_copy",
    "line_of_part",
    "line_of_repeat",
    "scopes",
    "written_at",
]

MOST_FRAMES = 8

_ON_PURPOSE = re.compile(r"shar(e|ing)|\btie|\btying|_tied|reus|recurr|universal|albert", re.I)
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef


class Written(NamedTuple):
    """A line, if one was found, and whether it speaks of sharing."""

    site: CallSite | None = None
    meant: bool = False


@reading(Written)
def line_of_copy(
    names: tuple[str, str], owner: nn.Module | None, frame: FrameType | None
) -> Written:
    """Return the assignment that gave one network two names.

    Parameters
    ----------
    names
        Both names: of parts of ``owner``, or of models of the watch.
    owner
        The module that holds the parts, None for models.
    frame
        The user's frame that began the watch.
    """
    first, second = (name.rpartition(".")[2] for name in names)
    pairs = [(first, second)] if owner is None else [(f"self.{first}", f"self.{second}")]
    found: list[Written] = []
    for near, file, scope in scopes(owner, frame):
        if owner is None:
            keyed = list(entries(scope, first, second))
            pairs += [pair for entry in keyed if (pair := _of_self(*entry)) is not None]
            both = [*pairs, *keyed]
        else:
            both = pairs
        lines = (birth_line(scope, *pair, "shared-storage", 1 << 30) for pair in both)
        line = next((line for line in lines if line is not None), None)
        if line is not None:
            found.append(written_at(file, line, scope))
            if near:
                break
    return _surest(found) if found or owner is not None else line_of_repeat("", None, frame)


@reading(Written)
def line_of_part(attribute: str, owner: nn.Module, frame: FrameType | None) -> Written:
    """Return the one assignment of ``self.attribute`` in the class of what holds a part."""
    found = [
        written_at(file, one.lineno, scope)
        for near, file, scope in scopes(owner, frame)
        if near
        for one in _own_statements(scope)
        if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == f"self.{attribute}"
    ]
    return _surest(found)


@reading(Written)
def line_of_assigned_memory(frame: FrameType | None) -> Written:
    """Return the only line near the watch that puts one tensor's memory under another, if any."""
    found: dict[bool, dict[tuple[str, int], Scope]] = {True: {}, False: {}}
    for near, file, scope in scopes(None, frame):
        lines = (line for one in _own_statements(scope) for line in _memory_given(one))
        found[near].update(((file, line), scope) for line in lines)
    places = found[True] or found[False]
    sites = [written_at(file, line, scope) for (file, line), scope in places.items()]
    return sites[0] if len(sites) == 1 else Written()


def _memory_given(statement: ast.stmt) -> Iterator[int]:
    """Yield the line of ``t.data = s.data``, ``t.set_(s)``, ``load_state_dict(s, assign=True)``."""
    if isinstance(statement, ast.Assign):
        ends = [*statement.targets, statement.value]
        if all(isinstance(end, ast.Attribute) and end.attr == "data" for end in ends):
            yield statement.lineno
    for node in ast.walk(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assigns = any(word.arg == "assign" for word in node.keywords)
            if node.func.attr == "set_" or (node.func.attr == "load_state_dict" and assigns):
                yield node.lineno


def _of_self(one: str, other: str) -> tuple[str, str] | None:
    """Return how the class of ``agent`` writes ``agent.online`` and ``agent.target``."""
    owners = {text.rpartition(".")[0] for text in (one, other)}
    if len(owners) != 1 or owners & {"", "self"}:
        return None
    return f"self.{one.rpartition('.')[2]}", f"self.{other.rpartition('.')[2]}"


@reading(Written)
def line_of_repeat(attribute: str, owner: nn.Module | None, frame: FrameType | None) -> Written:
    """Return the line that lists one module several times.

    Parameters
    ----------
    attribute
        Name of the container in what holds it; "" for a watched model itself.
    owner
        What holds the container; None where only models of the watch are known to be one.
    frame
        The user's frame that began the watch.
    """
    found: list[Written] = []
    for near, file, scope in scopes(owner, frame):
        repeats = list(_repeats(scope))
        for one in [one for one in repeats if attribute and one.target == attribute] or repeats:
            written = written_at(file, one.line, scope)
            found.append(Written(written.site, written.meant or one.of_attribute))
            if near:
                return found[-1]
    return _surest(found)


def _surest(found: list[Written]) -> Written:
    """Return the only line there is: of several far ones, none is known to be meant."""
    lines = dict.fromkeys(found)
    return next(iter(lines)) if len(lines) == 1 else Written()


class _Repeat(NamedTuple):
    line: int
    target: str
    of_attribute: bool


def _repeats(scope: Scope) -> Iterator[_Repeat]:
    """Yield every list of one thing: ``[block] * n``, ``[block for _ in …]``, ``repeat(block)``."""
    for statement in _own_statements(scope):
        target = _target(statement)
        for node in ast.walk(statement):
            element = _repeated_element(node)
            if element is not None:
                yield _Repeat(node.lineno, target, isinstance(element, ast.Attribute))  # type: ignore[attr-defined]


def _repeated_element(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        lists = [side for side in (node.left, node.right) if isinstance(side, ast.List)]
        return next((side.elts[0] for side in lists if len(side.elts) == 1), None)
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
        element = node.value if isinstance(node, ast.DictComp) else node.elt
        own = {n.id for g in node.generators for n in ast.walk(g.target) if isinstance(n, ast.Name)}
        fixed = isinstance(element, ast.Name | ast.Attribute) and not own & _names_in(element)
        shallow = _is_shallow_copy(element) and not own & _names_in(element)
        return element if fixed or shallow else None
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "dict.fromkeys":
        return node.args[1] if len(node.args) > 1 else None
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("repeat", "itertools.repeat"):
        return node.args[0] if node.args else None
    if isinstance(node, ast.Call):
        listed = [a.elts if isinstance(a, ast.List | ast.Tuple) else [a] for a in node.args]
        names = [one.id for group in listed for one in group if isinstance(one, ast.Name)]
        twice = next((name for name in names if names.count(name) > 1), None)
        called = ast.unparse(node.func).rpartition(".")[2]
        if twice is not None and called in ("Sequential", "ModuleList"):
            return ast.Name(twice)
    return None


def _is_shallow_copy(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("copy.copy", "copy")


def _names_in(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _target(statement: ast.stmt) -> str:
    """Return the last part of the name a statement assigns to, "" if it is none."""
    if not isinstance(statement, ast.Assign | ast.AnnAssign):
        return ""
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
    return ast.unparse(target).rpartition(".")[2]


def entries(scope: Scope, first: str, second: str) -> Iterator[tuple[str, str]]:
    """Yield what stands behind both keys where a dictionary has them: ``{"teacher": net}``."""
    for node in (inner for statement in _own_statements(scope) for inner in ast.walk(statement)):
        if isinstance(node, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
            if first in keys and second in keys:
                one, other = (node.values[keys.index(name)] for name in (first, second))
                yield ast.unparse(one), ast.unparse(other)


def scopes(owner: nn.Module | None, frame: FrameType | None) -> Iterator[tuple[bool, str, Scope]]:
    """Yield the functions that may hold the line, the nearest first, with their files.

    Near are the methods of the owner's class and the functions that began the watch; the rest of
    their files, where a factory may stand, is far.
    """
    far: dict[str, ast.Module] = {}
    for kind in type(owner).__mro__ if owner is not None else ():
        file = _file_of(kind)
        tree = tree_of_file(file) if file is not None else None
        if file is not None and tree is not None:
            far[file] = tree
            classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
            bodies = [one for one in classes if one.name == kind.__name__]
            yield from ((True, file, scope) for body in bodies for scope in _functions(body))
    here = frame
    for _ in range(MOST_FRAMES):
        if here is None:
            break
        file = here.f_code.co_filename
        scope = scope_of(here)  # also loads a notebook's cell, or a file in an archive
        tree = tree_of_file(file)
        if isinstance(scope, Scope) and tree is not None:
            far[file] = tree
            yield True, file, scope
        here = user_frame(here.f_back) if here.f_back is not None else None
    for file, tree in far.items():
        yield False, file, tree
        yield from ((False, file, scope) for scope in _functions(tree))


def _file_of(kind: type[Any]) -> str | None:
    if kind.__module__.partition(".")[0] in ("torch", "builtins"):
        return None
    try:
        return inspect.getsourcefile(kind)
    except (TypeError, OSError):
        return None


def _functions(node: ast.AST) -> Iterator[Scope]:
    """Yield the functions anywhere inside a class or file."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            yield inner


def _own_statements(scope: Scope) -> Iterator[ast.stmt]:
    """Yield the simple statements of a scope, not those of functions inside it.

    What a ``with`` enters is one of them.
    """
    waiting: list[ast.AST] = list(scope.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        blocks = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
        entered = [item.context_expr for item in node.items] if isinstance(node, ast.With) else []
        yield from (ast.copy_location(ast.Expr(one), one) for one in entered)
        if blocks:
            waiting = blocks + waiting
        elif isinstance(node, ast.stmt):
            yield node


def written_at(file: str, line: int, scope: Scope) -> Written:
    """Return a line as a call site; a comment beside or above it may say that it is meant."""
    text, above = linecache.getline(file, line), linecache.getline(file, line - 1)
    spoken = text if not above.lstrip().startswith("#") else above + text
    name = scope.name if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) else "<module>"
    return Written(CallSite(file, line, name, text.strip()), bool(_ON_PURPOSE.search(spoken)))
