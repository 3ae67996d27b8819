"""The source of a model's own classes: where a part was made, and what a class does by mode."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator, Sequence
from types import CodeType, NoneType

from torch import nn

from collapse_doctor.inspector.source.callsite import Still, is_users, tree_of_file
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = ["Method", "forwards_of", "line_of_branch", "line_of_making"]


class Method:
    """The ``forward`` of one part of a model, as its author wrote it."""

    def __init__(self, module: nn.Module, file: str, tree: ast.FunctionDef) -> None:
        self.module = module
        self.tree = tree
        self._file = file

    def site(self, line: int | None = None) -> CallSite:
        """Return a line of it as a place in the source; that of its ``def`` without one."""
        return _site(self._file, line or self.tree.lineno, self.tree.name)


def forwards_of(model: nn.Module) -> Iterator[Method]:
    """Yield the ``forward`` of every class in a model that is no library's, each once."""
    seen: set[type[nn.Module]] = set()
    for module in model.modules():
        kind = type(module)
        if kind in seen:
            continue
        seen.add(kind)
        for file, body in _classes(kind):
            found = (n for n in body.body if isinstance(n, ast.FunctionDef) and n.name == "forward")
            method = next(found, None)
            if method is not None:
                yield Method(module, file, method)
                break


@reading(NoneType)
def line_of_making(model: nn.Module, part: nn.Module, frame: Still | None) -> CallSite | None:
    """Return the line that calls the class of a part, where there is one that can be meant.

    Looked for in the classes of the model, and in the files of the functions that began the watch.
    Of several calls the one counts that is assigned to the part's name, or stands at its place in
    a list of layers.
    """
    files = dict.fromkeys((*_files(model), *_frames(frame)))
    calls = [
        (file, node)
        for file in files
        if (tree := tree_of_file(file)) is not None
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and _last_name(node.func) == type(part).__name__
        and _may_make(node, part)
    ]
    if len(calls) > 1:
        names = [name for name, module in model.named_modules() if module is part]
        meant = _named(files, names[0].rpartition(".")[2] if names else "")
        calls = [(file, node) for file, node in calls if node in meant]
    if len(calls) != 1:
        return None
    file, node = calls[0]
    return _site(file, node.lineno, "")


def _may_make(call: ast.Call, part: nn.Module) -> bool:
    """Tell whether no number written in a call contradicts what the part has."""
    return all(
        getattr(part, word.arg or "", word.value.value) == word.value.value
        for word in call.keywords
        if isinstance(word.value, ast.Constant)
    )


def _named(files: Iterable[str], name: str) -> set[ast.AST]:
    """Return what is assigned to an attribute of that name, or stands at that place of a list."""
    found: set[ast.AST] = set()
    for file in files:
        for node in ast.walk(tree_of_file(file) or ast.Module([], [])):
            if isinstance(node, ast.Assign) and _last_name(node.targets[0]) == name:
                found |= set(ast.walk(node.value))
            elif name.isdigit() and isinstance(node, ast.Call):
                found |= set(node.args[int(name) : int(name) + 1])
    return found


@reading(NoneType)
def line_of_branch(model: nn.Module) -> CallSite | None:
    """Return what a class does in eval mode only, if exactly one ``forward`` asks for the mode."""
    lines = [
        method.site(statement.lineno)
        for method in forwards_of(model)
        if (statement := _in_eval(method.tree.body)) is not None
    ]
    return lines[0] if len(lines) == 1 else None


def _in_eval(statements: Sequence[ast.stmt]) -> ast.stmt | None:
    """Return the first statement that is run in eval mode, and not in train mode."""
    for place, statement in enumerate(statements):
        if isinstance(statement, ast.If) and (mode := _mode(statement.test)) is not None:
            other = statement.orelse or (
                statements[place + 1 :] if _leaves(statement.body) else [statement]
            )
            branch = other if mode else statement.body
            return branch[0] if branch else statement
        if isinstance(statement, ast.If | ast.For | ast.With):
            inner = _in_eval(statement.body)
            if inner is not None:
                return inner
        elif any(
            isinstance(n, ast.IfExp) and _mode(n.test) is not None for n in ast.walk(statement)
        ):
            return statement
    return None


def _leaves(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[-1], ast.Return | ast.Raise)


def _mode(test: ast.expr) -> bool | None:
    """Tell which mode a test asks for: True for train mode, None for something else."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _mode(test.operand)
        return None if inner is None else not inner
    return True if isinstance(test, ast.Attribute) and test.attr == "training" else None


def _classes(kind: type[nn.Module]) -> Iterator[tuple[str, ast.ClassDef]]:
    """Yield the definitions of a class and of what it inherits from, no library's."""
    for one in kind.__mro__:
        file = _file_of(one)
        tree = tree_of_file(file) if file is not None else None
        for node in ast.walk(tree) if tree is not None else ():
            if file and isinstance(node, ast.ClassDef) and node.name == one.__name__:
                yield file, node
                break


def _files(model: nn.Module) -> Iterator[str]:
    for module in model.modules():
        file = _file_of(type(module))
        if file is not None:
            yield file


def _frames(frame: Still | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back


def _file_of(kind: type[object]) -> str | None:
    """Return the file of a user's class, by the code of a method: it is known however it is run."""
    for value in vars(kind).values():
        code = getattr(value, "__code__", None)
        if isinstance(code, CodeType):
            return code.co_filename if is_users(code, kind.__module__) else None
    return None


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _site(file: str, line: int, function: str) -> CallSite:
    return CallSite(file, line, function, linecache.getline(file, line).strip())
