"""Lines that make parameters rest or cut the gradient, looked for in the source of the program.

That a parameter is frozen, or a gradient gone, leaves no trace of who did it. Where a file has one
such line only, that line is told; of several none is known to be meant.
"""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
from collections.abc import Iterator, Sequence
from types import CodeType, NoneType
from typing import Any

from torch import nn

from collapse_doctor.inspector.source.callsite import tree_of_file
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = [
    "assigned_at",
    "cleared_at",
    "frozen_at",
    "hooked_at",
    "renewed_at",
    "replaced_at",
    "returned_by",
    "scheduled_at",
    "switched_off_in",
    "unfrozen_at",
    "without_gradient",
]

_CLIPPING = ("clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_")
_HOOKING = ("register_hook", "register_post_accumulate_grad_hook", "register_full_backward_hook")
_WITHOUT = ("no_grad", "inference_mode", "set_grad_enabled")


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def frozen_at(file: str) -> CallSite | None:
    """Return the only line of a file that switches gradients of parameters off, or None."""
    tree = tree_of_file(file)
    lines = {n.lineno for n in ast.walk(tree) if _freezes(n)} if tree is not None else set()  # type: ignore[attr-defined]
    return _site(file, lines.pop()) if len(lines) == 1 else None


def _freezes(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        name, given = _name(node.func), [*node.args, *(word.value for word in node.keywords)]
        return name == "requires_grad_" and any(_is_false(one) for one in given)
    if isinstance(node, ast.Assign) and _is_false(node.value):
        return any(_name(target) == "requires_grad" for target in node.targets)
    return False


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def scheduled_at(file: str) -> CallSite | None:
    """Return the only line of a file that sets learning rates, or None.

    It is that of a scheduler, of what its function returns, or of an assignment to ``["lr"]``.
    """
    tree = tree_of_file(file)
    nodes = list(ast.walk(tree)) if tree is not None else []
    calls = [n for n in nodes if isinstance(n, ast.Call) and _is_scheduler(_name(n.func))]
    handing = {n.name for n in nodes if isinstance(n, _BODIES) and _hands_schedule(n)}
    calls += [
        n
        for n in nodes
        if isinstance(n, ast.Call)
        and _name(n.func) in handing
        and not _is_scheduler(_name(n.func))
        and len(n.args) + len(n.keywords) > 1
    ]
    names = {_name(call.func) for call in calls}
    makers = [n for n in nodes if isinstance(n, _BODIES) and n.name in names]
    lines = {
        _rate_line(nodes, call)
        for call in calls
        if not any(maker.lineno <= call.lineno <= _end(maker) for maker in makers)
    }
    lines |= {
        n.lineno for n in nodes if isinstance(n, ast.Assign | ast.AugAssign) and _sets_rate(n)
    }
    return _site(file, lines.pop()) if len(lines) == 1 else None


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def unfrozen_at(files: tuple[str, ...]) -> CallSite | None:
    """Return the only line of some files that sets an attribute ``requires_grad`` to true."""
    lines = {
        (file, node.lineno)
        for file in files
        if (tree := tree_of_file(file)) is not None
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and node.value.value is True
        and any(_name(target) == "requires_grad" for target in node.targets)
    }
    return _site(*lines.pop()) if len(lines) == 1 else None


def _is_scheduler(name: str) -> bool:
    return (name.endswith("LR") and name != "LR") or "schedule" in name.lower().strip("_")


def _hands_schedule(body: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function gives back a scheduler that it makes, by a name or at once.

    Whoever calls it with more than an optimizer tells it how long to run.
    """
    inside = list(ast.walk(body))
    returned = [n.value for n in inside if isinstance(n, ast.Return) and n.value is not None]
    names = {one.id for one in returned if isinstance(one, ast.Name)}
    made = [
        n.value
        for n in inside
        if isinstance(n, ast.Assign) and any(_name(target) in names for target in n.targets)
    ]
    return any(
        isinstance(one, ast.Call) and _is_scheduler(_name(one.func)) for one in [*returned, *made]
    )


def _rate_line(nodes: Sequence[ast.AST], call: ast.Call) -> int:
    """Return the line of a scheduler, or that of what its function returns, if it has one."""
    given = [*call.args[1:], *(word.value for word in call.keywords)]
    names = {one.id for one in given if isinstance(one, ast.Name)}
    functions = [n for n in nodes if isinstance(n, ast.FunctionDef) and n.name in names]
    returns = [n for f in functions for n in ast.walk(f) if isinstance(n, ast.Return)]
    return returns[0].lineno if len(returns) == 1 else call.lineno


def _sets_rate(node: ast.Assign | ast.AugAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(
        isinstance(target, ast.Subscript)
        and isinstance(target.slice, ast.Constant)
        and target.slice.value == "lr"
        for target in targets
    )


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def renewed_at(made: CallSite, *, copied: bool) -> CallSite | None:
    """Return the line that makes a model anew after its optimizer was made, or None.

    ``made`` is the line of the optimizer; the model is a name that is written there and assigned
    once more below it. Unless it was ``copied``, what is made of the old one is the old one.
    """
    tree = tree_of_file(made.file)
    nodes = list(ast.walk(tree)) if tree is not None else []
    calls = [n for n in nodes if isinstance(n, ast.Call) and n.lineno == made.line]
    names = {n.id for call in calls for n in ast.walk(call) if isinstance(n, ast.Name)}
    bodies = [n for n in nodes if isinstance(n, _BODIES)]
    around = [b for b in bodies if b.lineno <= made.line <= _end(b)]
    scope = list(ast.walk(around[-1])) if around else nodes
    lines = {
        node.lineno
        for node in scope
        if isinstance(node, ast.Assign) and node.lineno > made.line
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in names
        if copied or target.id not in _names_in(node.value)
    }
    return _site(made.file, lines.pop()) if len(lines) == 1 else None


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def replaced_at(files: tuple[str, ...], missing: tuple[str, ...]) -> CallSite | None:
    """Return the only line of some files that puts another module where one of a model was.

    Parameters
    ----------
    files
        Those of the training and of the model's classes.
    missing
        Names of parameters that came with the new module: ``encoder.a.weight``. What is set is an
        attribute or an entry of the same name, outside an ``__init__``; whose, is not known.
    """
    parts = {part for name in missing for part in name.split(".")[:-1]}
    found = {
        (file, node.lineno)
        for file in files
        if (tree := tree_of_file(file)) is not None
        for node in _outside_init(tree)
        if isinstance(node, ast.Assign | ast.Call) and _puts(node, parts)
    }
    return _site(*found.pop()) if len(found) == 1 else None


def _outside_init(tree: ast.AST) -> Iterator[ast.AST]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if not (isinstance(node, _BODIES) and node.name == "__init__"):
            yield node
            waiting.extend(ast.iter_child_nodes(node))


def _puts(node: ast.AST, parts: set[str]) -> bool:
    """Tell whether a node sets one of some names: by assignment, ``setattr`` or as a submodule."""
    if isinstance(node, ast.Assign):
        made = isinstance(node.value, ast.Call | ast.Name | ast.Attribute | ast.Subscript)
        return made and any(_set_name(target) in parts for target in node.targets)
    if isinstance(node, ast.Call) and _name(node.func) in _SETTERS:
        return any(isinstance(one, ast.Constant) and one.value in parts for one in node.args)
    return False


_SETTERS = ("setattr", "add_module", "register_module", "set_submodule")


def _set_name(target: ast.expr) -> str:
    """Return the attribute, or the key, that is assigned to."""
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return ""


def _names_in(node: ast.expr) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def cleared_at(step: CallSite, *, zeros: bool = False) -> CallSite | None:
    """Return the ``zero_grad`` that stands between ``backward`` and the step of a line, or None.

    Where gradients are ``zeros``, and not gone, it may also be what clips them.
    """
    tree = tree_of_file(step.file)
    bodies = [node for node in ast.walk(tree) if isinstance(node, _BODIES)] if tree else []
    around = [body for body in bodies if body.lineno <= step.line <= (body.end_lineno or 0)]
    for scope in (*reversed(around), *([tree] if tree is not None else [])):
        calls = [node for node in ast.walk(scope) if isinstance(node, ast.Call)]
        before = [node for node in calls if node.lineno < step.line]
        backward = max((n.lineno for n in before if _name(n.func) == "backward"), default=None)
        if backward is None:
            continue
        after = [(n.lineno, _name(n.func)) for n in before if n.lineno > backward]
        clears = [line for line, name in after if name == "zero_grad"]
        found = clears or [line for line, name in after if zeros and name in _CLIPPING]
        return _site(step.file, found[0]) if found else None
    return None


_BODIES = (ast.FunctionDef, ast.AsyncFunctionDef)


@reading(NoneType)
@functools.lru_cache(maxsize=64)
def hooked_at(file: str) -> CallSite | None:
    """Return the only line of a file that puts a hook on tensors, which may change gradients."""
    tree = tree_of_file(file)
    nodes = list(ast.walk(tree)) if tree is not None else []
    lines = {n.lineno for n in nodes if isinstance(n, ast.Call) and _name(n.func) in _HOOKING}
    return _site(file, lines.pop()) if len(lines) == 1 else None


@reading(NoneType)
def without_gradient(places: Sequence[CallSite]) -> CallSite | None:
    """Return the decorator or ``with`` around one of some lines that switches gradients off.

    If there is none around them, it is the only line of a file of theirs that switches gradients
    off for all that comes after it.

    Parameters
    ----------
    places
        The line of a forward pass, and those that called it, innermost first.
    """
    around = [_without(place.file, place.line) for place in places]
    before = [_left_off(file) for file in dict.fromkeys(place.file for place in places)]
    return next((site for site in [*around, *before] if site is not None), None)


@functools.lru_cache(maxsize=256)
def _without(file: str, line: int) -> CallSite | None:
    tree = tree_of_file(file)
    nodes = list(ast.walk(tree)) if tree is not None else []
    around = [n for n in nodes if getattr(n, "lineno", line + 1) <= line <= _end(n)]
    lines = [place for node in around for place in _switches(node)]
    return _site(file, max(lines)) if lines else None


@functools.lru_cache(maxsize=64)
def _left_off(file: str) -> CallSite | None:
    """Return the only line of a file that calls ``set_grad_enabled``, and not with True."""
    tree = tree_of_file(file)
    nodes = list(ast.walk(tree)) if tree is not None else []
    calls = [n.value for n in nodes if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    lines = {
        call.lineno
        for call in calls
        if _name(call.func) in ("set_grad_enabled", "_set_grad_enabled") and not _is_on(call)
    }
    return _site(file, lines.pop()) if len(lines) == 1 else None


def _switches(node: ast.AST) -> Iterator[int]:
    """Yield the line of what switches gradients off for all that a node holds."""
    if isinstance(node, _BODIES):
        parts: list[ast.expr] = list(node.decorator_list)
    elif isinstance(node, ast.With | ast.AsyncWith):
        parts = [item.context_expr for item in node.items]
    else:
        return
    for part in parts:
        called = part.func if isinstance(part, ast.Call) else part
        if _name(called) in _WITHOUT and not _is_on(part):
            yield part.lineno


def _is_on(part: ast.expr) -> bool:
    """Tell whether a call says True: ``set_grad_enabled(True)``."""
    given = part.args if isinstance(part, ast.Call) else []
    return any(isinstance(one, ast.Constant) and one.value is True for one in given)


@reading(NoneType)
def switched_off_in(model: nn.Module) -> CallSite | None:
    """Return the decorator or ``with`` in a forward of a model that switches gradients off.

    None where there is none in the classes of its modules, or more than one.
    """
    kinds = dict.fromkeys(type(module) for module in model.modules())
    own = [kind for kind in kinds if kind.__module__.partition(".")[0] != "torch"]
    forwards = [inspect.unwrap(kind.__dict__["forward"]) for kind in own if _has_forward(kind)]
    codes = [code for one in forwards if (code := getattr(one, "__code__", None)) is not None]
    found = [site for code in codes for site in _off_inside(code)]
    return found[0] if len(found) == 1 else None


def _has_forward(kind: type[nn.Module]) -> bool:
    return callable(kind.__dict__.get("forward"))


@reading(NoneType)
def returned_by(function: Any) -> CallSite | None:
    """Return the line of what a function returns, if it returns at one place only."""
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) else None
    tree = tree_of_file(code.co_filename) if code is not None else None
    if code is None or tree is None:
        return None
    own = [n for n in ast.walk(tree) if isinstance(n, _BODIES) and n.name == code.co_name]
    body = [n for n in own if _first(n) == code.co_firstlineno]
    returns = {n.lineno for one in body for n in ast.walk(one) if isinstance(n, ast.Return)}
    return _site(code.co_filename, returns.pop()) if len(returns) == 1 else None


def _first(body: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the first line of a function, as its code has it: that of its decorators."""
    return min([body.lineno, *(one.lineno for one in body.decorator_list)])


@functools.lru_cache(maxsize=256)
def _off_inside(code: CodeType) -> tuple[CallSite, ...]:
    tree = tree_of_file(code.co_filename)
    lines = [line for _, _, line in code.co_lines() if line]
    if tree is None or not lines:
        return ()
    bodies = [n for n in ast.walk(tree) if isinstance(n, _BODIES) and n.name == code.co_name]
    own = [body for body in bodies if body.lineno <= max(lines) <= _end(body)]
    places = [line for body in own for node in ast.walk(body) for line in _switches(node)]
    return tuple(_site(code.co_filename, line) for line in places)


@reading(NoneType)
def assigned_at(owner: nn.Module, attribute: str) -> CallSite | None:
    """Return the line of a module's class that sets ``self.attribute``, if it is the only one."""
    for kind in type(owner).__mro__:
        if kind.__module__.partition(".")[0] in ("torch", "builtins"):
            continue
        try:
            file = inspect.getsourcefile(kind)
        except (TypeError, OSError):
            continue
        tree = tree_of_file(file) if file is not None else None
        classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)] if tree else []
        lines = [
            node.lineno
            for one in classes
            if one.name == kind.__name__
            for node in ast.walk(one)
            if isinstance(node, ast.Assign | ast.AnnAssign) and _sets(node, attribute)
        ]
        if file is not None and len(lines) == 1:
            return _site(file, lines[0])
    return None


def _sets(node: ast.Assign | ast.AnnAssign, attribute: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(ast.unparse(target) == f"self.{attribute}" for target in targets)


def _name(node: ast.expr) -> str:
    """Return the last part of a dotted name."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _end(node: ast.AST) -> int:
    return getattr(node, "end_lineno", None) or 0


def _site(file: str, line: int) -> CallSite:
    return CallSite(file, line, source=linecache.getline(file, line).strip())
