"""Networks that several others hold because one was the default of an argument, made only once.

Python evaluates a default when it reads the function. That a part *is* that very default is exact.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from types import FrameType, FunctionType
from typing import NamedTuple

from torch import nn

from collapse_doctor.inspector.sharing.lines import Written, written_at
from collapse_doctor.inspector.source.callsite import tree_of_file, user_frame

__all__ = ["Default", "defaults"]

MOST_FRAMES = 8
MOST_FUNCTIONS = 2_000


class Default(NamedTuple):
    """A network that is the default of an argument, and the line that says so."""

    module: nn.Module
    written: Written


def defaults(modules: Iterable[nn.Module], frame: FrameType | None) -> Iterator[Default]:
    """Yield the networks that are defaults of constructors, or of functions near the watch.

    Parameters
    ----------
    modules
        All modules of the watched models, the constructors of which are looked at.
    frame
        The user's frame that began the watch: functions that build models may stand there.
    """
    seen: set[int] = set()
    for function in _functions(modules, frame):
        if id(function) in seen or len(seen) > MOST_FUNCTIONS:
            continue
        seen.add(id(function))
        for name, value in _defaults_of(function):
            if isinstance(value, nn.Module):
                yield Default(value, _line(function, name))


def _functions(modules: Iterable[nn.Module], frame: FrameType | None) -> Iterator[FunctionType]:
    for kind in dict.fromkeys(kind for module in modules for kind in type(module).__mro__):
        made = vars(kind).get("__init__")
        if isinstance(made, FunctionType) and not kind.__module__.startswith("torch."):
            yield made
    here = frame
    for _ in range(MOST_FRAMES):
        if here is None:
            return
        names = list(here.f_globals.values())
        yield from (one for one in names if isinstance(one, FunctionType))
        here = user_frame(here.f_back) if here.f_back is not None else None


def _defaults_of(function: FunctionType) -> Iterator[tuple[str, object]]:
    given, code = function.__defaults__ or (), function.__code__
    names = code.co_varnames[: code.co_argcount]
    yield from zip(names[len(names) - len(given) :], given, strict=True)
    yield from (function.__kwdefaults__ or {}).items()


def _line(function: FunctionType, name: str) -> Written:
    """Return the line of an argument's default in the file of its function."""
    file = inspect.unwrap(function).__code__.co_filename
    tree = tree_of_file(file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            value = _default(node.args, name) if first == function.__code__.co_firstlineno else None
            if value is not None:
                return written_at(file, value.lineno, node)
    return Written()


def _default(arguments: ast.arguments, name: str) -> ast.expr | None:
    plain = [*arguments.posonlyargs, *arguments.args]
    given = arguments.defaults
    pairs = [*zip(plain[len(plain) - len(given) :], given, strict=True)]
    pairs += [
        (word, value)
        for word, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if value is not None
    ]
    return next((value for word, value in pairs if word.arg == name), None)
