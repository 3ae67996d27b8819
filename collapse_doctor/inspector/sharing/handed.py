"""The line that handed one module to two networks: an attribute of their class, or an argument."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import FrameType

from torch import nn

from collapse_doctor.inspector.sharing.lines import Scope, Written, entries, scopes, written_at
from collapse_doctor.inspector.source.callsite import tree_of_file
from collapse_doctor.inspector.source.reading import reading

__all__ = ["line_of_handed"]


@reading(Written)
def line_of_handed(
    names: tuple[str, str], networks: tuple[nn.Module, nn.Module], frame: FrameType | None
) -> Written:
    """Return the line by which two networks got a part that is one module.

    Parameters
    ----------
    names, networks
        Two models of the watch that share their parameters, and are two objects.
    frame
        The user's frame that began the watch.
    """
    found = _of_class(*networks)
    return found if found.site is not None else _of_argument(*names, frame)


def _of_class(one: nn.Module, other: nn.Module) -> Written:
    """Return the line of a class that made a module for all that are built of it."""
    both = {id(part) for part in one.modules()} & {id(part) for part in other.modules()}
    for kind in type(one).__mro__:
        if kind not in type(other).__mro__ or kind.__module__.partition(".")[0] == "torch":
            continue
        held = {name for name, value in vars(kind).items() if id(value) in both}
        file = inspect.getsourcefile(kind) if held else None
        tree = tree_of_file(file) if file is not None else None
        classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)] if tree else []
        for statement in (s for c in classes if c.name == kind.__name__ for s in c.body):
            targets = statement.targets if isinstance(statement, ast.Assign) else []
            if file is not None and tree is not None and held & {ast.unparse(t) for t in targets}:
                return written_at(file, statement.lineno, tree)
    return Written()


def _of_argument(first: str, second: str, frame: FrameType | None) -> Written:
    """Return the call that gave the second network what the first one had been given."""
    for near, file, scope in scopes(None, frame):
        pairs = [(first, second), *entries(scope, first, second)] if near else []
        made = dict(_calls(scope))
        for one, other in pairs:
            if one in made and other in made and _shared(made[one]) & _shared(made[other]):
                return written_at(file, max(made[one].lineno, made[other].lineno), scope)
    return Written()


def _shared(call: ast.Call) -> set[str]:
    given = [*call.args, *(word.value for word in call.keywords)]
    return {one.id for one in given if isinstance(one, ast.Name)}


def _calls(scope: Scope) -> Iterator[tuple[str, ast.Call]]:
    """Yield each name that is assigned a call, with the call."""
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            yield from ((ast.unparse(t), v) for t, v in pairs if isinstance(v, ast.Call))
