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

__all__ = ["drawn_at", "files_of", "gathered_at", "saturated_at", "squashed_at"]

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
_GATHERS = frozenset(
    {
        *("matmul", "mm", "bmm", "spmm", "einsum", "index_add", "index_add_"),
        *("scatter_add", "scatter_add_"),
    }
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
    """Return the only line of some files that draws or scales weights, or None.

    Where none does, it is the only one that writes given numbers into weights.
    """
    return _only(files, _draws) or (None if _any(files, _draws) else _only(files, _fills))


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def squashed_at(files: tuple[str, ...]) -> CallSite | None:
    """Return the only line of some files that makes or calls a sigmoid or tanh, or None."""
    return _only(files, lambda call: _name(call.func).lower() in _SQUASHES)


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def saturated_at(files: tuple[str, ...]) -> CallSite | None:
    """Return the only line of some files that takes an exponential, or else a sigmoid or tanh.

    It is of a loss: one in a ``forward`` is the activation of a layer. Where what stands in it is
    multiplied by an argument with a number as default, which no call of the function sets, it is
    the line of that number.
    """
    for wanted in (("exp",), ("sigmoid", "tanh")):
        site = _only(files, lambda call, wanted=wanted: _name(call.func) in wanted)  # type: ignore[misc]
        if site is not None:
            body = _body_around(site)
            inside = body is not None and body.name in ("forward", "__init__")
            return None if inside else _default_of(site, body) or site
    return None


def _body_around(site: CallSite) -> ast.FunctionDef | None:
    tree = tree_of_file(site.file)
    bodies = [
        node
        for node in (ast.walk(tree) if tree is not None else ())
        if isinstance(node, ast.FunctionDef)
        and node.lineno <= site.line <= (node.end_lineno or node.lineno)
    ]
    return bodies[-1] if bodies else None


def _default_of(site: CallSite, body: ast.FunctionDef | None) -> CallSite | None:
    """Return the line of the only number by default that a function multiplies or divides by."""
    tree = tree_of_file(site.file)
    if tree is None or body is None:
        return None
    most = len(body.args.args) - len(body.args.defaults)
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _name(node.func) == body.name
    ]
    if any(call.keywords or len(call.args) > most for call in calls):
        return None
    defaults = {
        one.arg: value
        for one, value in zip(body.args.args[most:], body.args.defaults, strict=True)
        if isinstance(value, ast.Constant) and isinstance(value.value, float)
    }
    used = {
        one.id
        for node in ast.walk(body)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)
        for one in (*ast.walk(node.left), *ast.walk(node.right))
        if isinstance(one, ast.Name) and one.id in defaults
    }
    if len(used) != 1:
        return None
    line = defaults[used.pop()].lineno
    return CallSite(site.file, line, source=linecache.getline(site.file, line).strip())


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
    return "bias" not in (filled if by_method else owner) and not _fits(name, call)


def _fits(name: str, call: ast.Call) -> bool:
    """Tell whether a draw keeps what goes through it at its size, whoever chose it.

    That of He or Glorot, or an orthogonal one, unless it was told a gain that is no function's.
    """
    if not name.startswith(("xavier_", "kaiming_", "orthogonal_")):
        return False
    place = None if name.startswith("kaiming_") else 1
    gains = [word.value for word in call.keywords if word.arg == "gain"]
    gains += call.args[place:] if place is not None else []
    return all(isinstance(gain, ast.Call) for gain in gains)


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def gathered_at(files: tuple[str, ...]) -> CallSite | None:
    """Return the only line of some files at which a layer sums over what it was given, or None.

    As a graph's matrix is multiplied on: ``adjacency @ self.lin(h)``, ``out.index_add(0, dst, m)``.
    A line that divides is none: there something was thought of the number of those summed.
    """
    found = {
        (file, node.lineno)
        for file in files
        if (tree := tree_of_file(file)) is not None
        for body in ast.walk(tree)
        if isinstance(body, ast.FunctionDef) and len(body.args.args) > 1
        if body.args.args[0].arg == "self"
        for statement in body.body
        for node in ast.walk(statement)
        if isinstance(node, ast.BinOp | ast.Call)
        and _gathers(node, {one.arg for one in body.args.args[1:]})
        and not any(isinstance(one, ast.Div) for one in ast.walk(statement))
    }
    if len(found) != 1:
        return None
    (line,) = found
    return CallSite(*line, source=linecache.getline(*line).strip())


def _gathers(node: ast.BinOp | ast.Call, given: set[str]) -> bool:
    if isinstance(node, ast.BinOp):
        product = isinstance(node.op, ast.MatMult)
        return product and isinstance(node.left, ast.Name) and node.left.id in given
    if _name(node.func) not in _GATHERS:
        return False
    return any(isinstance(one, ast.Name) and one.id in given for one in node.args)


def _fills(call: ast.Call) -> bool:
    """Tell whether a call writes into weights: ``layer.weight_hh_l0.copy_(2 * eye)``."""
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    return _name(call.func) in ("copy_", "fill_") and "weight" in owner


def _any(files: Iterable[str], wanted: Callable[[ast.Call], bool]) -> bool:
    trees = [tree for file in files if (tree := tree_of_file(file)) is not None]
    return any(wanted(call) for tree in trees for call, _ in _calls(tree, in_loop=False))


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
