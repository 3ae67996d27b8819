"""Lines that made the layers of a model what they are, looked for in the source of the program.

A model is complete when the watch begins, and nothing in it tells who drew its weights or chose
its activations. Where the source has one such line only, or only one in a loop that makes many
layers, that line is told; of several none is known to be meant.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Callable, Iterable, Iterator
from types import NoneType

from torch import nn

from collapse_doctor.inspector.source.callsite import tree_of_file
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = ["drawn_at", "files_of", "squashed_at"]

MOST_FILES = 8
"""Files of a model's own classes that are read."""

_DRAWS = frozenset(
    {
        *("normal_", "uniform_", "trunc_normal_", "orthogonal_", "sparse_", "eye_", "dirac_"),
        *("xavier_normal_", "xavier_uniform_", "kaiming_normal_", "kaiming_uniform_"),
        *("xavier_normal", "xavier_uniform", "kaiming_normal", "kaiming_uniform"),
    }
)
_SCALES = frozenset({"mul_", "div_"})
_SQUASHES = frozenset(
    {"sigmoid", "tanh", "hardsigmoid", "hardtanh", "softsign", "sigmoid_", "tanh_"}
)
_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.GeneratorExp, ast.SetComp)


@reading(tuple)
def files_of(model: nn.Module, step: CallSite | None) -> tuple[str, ...]:
    """Return the files in which a model's own classes are written, and that of a training step."""
    found = dict.fromkeys([step.file] if step is not None else [])
    for kind in dict.fromkeys(type(module) for module in model.modules()):
        if kind.__module__.partition(".")[0] in ("torch", "builtins") or len(found) >= MOST_FILES:
            continue
        try:
            file = inspect.getsourcefile(kind)
        except (TypeError, OSError):
            continue
        if file is not None:
            found[file] = None
    return tuple(found)


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def drawn_at(files: tuple[str, ...]) -> CallSite | None:
    """Return the only line of some files that draws or scales weights, or None."""
    return _only(files, _draws)


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def squashed_at(files: tuple[str, ...]) -> CallSite | None:
    """Return the only line of some files that makes or calls a sigmoid or tanh, or None."""
    return _only(files, lambda call: _name(call.func).lower() in _SQUASHES)


def _draws(call: ast.Call) -> bool:
    """Tell whether a call fills weights: a function of ``nn.init``, or a method of a tensor."""
    name = _name(call.func)
    if name not in _DRAWS and name not in _SCALES:
        return False
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    filled = ast.unparse(call.args[0]) if call.args else ""
    by_method = not owner or owner.endswith("init")
    if name in _SCALES:
        return "weight" in owner
    return "bias" not in (filled if by_method else owner)


def _only(files: Iterable[str], wanted: Callable[[ast.Call], bool]) -> CallSite | None:
    found: set[tuple[str, int]] = set()
    repeated: set[tuple[str, int]] = set()
    for file in files:
        tree = tree_of_file(file)
        for call, in_loop in _calls(tree, in_loop=False) if tree is not None else ():
            if wanted(call):
                found.add((file, call.lineno))
                if in_loop:
                    repeated.add((file, call.lineno))
    for lines in (found, repeated):
        if len(lines) == 1:
            (line,) = lines
            return CallSite(*line, source=linecache.getline(*line).strip())
    return None


def _calls(node: ast.AST, *, in_loop: bool) -> Iterator[tuple[ast.Call, bool]]:
    """Yield all calls below a node, and whether a loop makes each of them."""
    waiting = [(node, in_loop)]
    while waiting:
        here, inside = waiting.pop()
        if isinstance(here, ast.Call):
            yield here, inside
        inside = inside or isinstance(here, _LOOPS)
        waiting.extend((below, inside) for below in ast.iter_child_nodes(here))


def _name(node: ast.expr) -> str:
    return str(getattr(node, "attr", getattr(node, "id", "")))
