"""Outputs of inner layers that a hook of the user's keeps, and an in-place activation overwrites.

A forward hook is given the tensor itself. Where the next layer is ``ReLU(inplace=True)``, what the
hook put aside as a pre-activation is the activation as soon as the pass is over.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, NamedTuple

from torch import Tensor, nn

from collapse_doctor.inspector.comparing.births import known_assignments
from collapse_doctor.inspector.comparing.names import MOST_LEVELS, line_at, outwards
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.hooks import ForwardHook
from collapse_doctor.inspector.outputs import is_plain, tensors_in
from collapse_doctor.inspector.source.callsite import (
    Still,
    call_at,
    scope_of,
    site_of,
    still,
    tree_of,
    user_frame,
)
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.recording.observations import CallSite

__all__ = ["Captured", "Spoilt", "Used", "spoilt_line"]

MOST_OPERANDS = 3
MOST_HOOKED = 64
"""Modules with hooks that are looked at; whoever hooks all of them keeps statistics."""


class Spoilt(NamedTuple):
    """What overwrote a tensor, where, and the names that the hook which has it knows."""

    operation: str
    site: CallSite
    names: frozenset[str]


class Used(NamedTuple):
    """A tensor that is used though it was written over; ``site`` is the line to change."""

    tensor: Tensor
    name: str
    site: CallSite
    operation: str
    meets: CallSite


class Captured:
    """Knows which tensors were given to hooks of the user's, and what was written over them.

    ``on_spoilt`` is called when one was written over, which somebody may use from then on.
    """

    def __init__(self, on_spoilt: Callable[[], None] = lambda: None) -> None:
        self.on_spoilt = on_spoilt
        self._given: Trail[frozenset[str]] = Trail()
        self._spoilt: Trail[Spoilt] = Trail()

    def hooked(self, model: nn.Module) -> Iterator[tuple[nn.Module, Callable[..., None]]]:
        """Yield the parts of a model that have hooks of the user's, each with a hook of ours."""
        inner = [part for part in model.modules() if part is not model and _hooks_of(part)]
        for part in inner[:MOST_HOOKED] if len(inner) <= MOST_HOOKED else ():
            yield part, self._noting(part)

    def is_given(self, tensor: Tensor) -> bool:
        """Tell whether a hook was given this very tensor."""
        return self._given.of(tensor) is not None

    def written(self, tensor: Tensor, operation: str, site: CallSite) -> None:
        """Take note of an in-place operation on a tensor that a hook was given."""
        names = self._given.of(tensor)
        if names is not None:
            self._spoilt.put(tensor, Spoilt(operation, site, names))
            self.on_spoilt()

    def of(self, tensor: Tensor) -> Spoilt | None:
        """Return what was written over a tensor, or over what it is a view of."""
        base = tensor._base if tensor._is_view() else None
        return self._spoilt.of(tensor) or (self._spoilt.of(base) if base is not None else None)

    def used(self, args: tuple[Any, ...], result: Any) -> Used | None:
        """Return what a call makes of a tensor that a hook keeps and that was written over.

        Where a gradient goes on from it, that is: where it is made a part of the loss.
        """
        if not len(self._spoilt) or not isinstance(result, Tensor) or not result.requires_grad:
            return None
        for tensor in args[:MOST_OPERANDS]:
            spoilt = self.of(tensor) if isinstance(tensor, Tensor) and is_plain(tensor) else None
            frame = user_frame() if spoilt is not None and tensor is not result else None
            if spoilt is None or frame is None:
                continue
            here = still(frame, MOST_LEVELS)
            for text in _operands(here):
                line = spoilt_line(spoilt, here, text)
                if line is not None:
                    return Used(tensor, text, line, spoilt.operation, site_of(here))
        return None

    def sweep(self) -> None:
        """Forget what no longer exists."""
        self._given.sweep()
        self._spoilt.sweep()

    def _noting(self, part: nn.Module) -> Callable[..., None]:
        known: list[frozenset[str]] = []

        def hook(_module: nn.Module, _args: Any, _kwargs: Any, output: Any) -> None:
            if not known:  # what a hook is written of does not change
                known.append(frozenset(name for one in _hooks_of(part) for name in _names(one)))
            for _, tensor in tensors_in(output):
                if is_plain(tensor) and not isinstance(tensor, nn.Parameter):
                    self._given.put(tensor, known[0])
                    self._spoilt.drop(tensor)

        return hook


def spoilt_line(spoilt: Spoilt, frame: Still, name: str) -> CallSite | None:
    """Return the line to change, if an operand is what the hook keeps, by its name; else None.

    Parameters
    ----------
    spoilt
        What was written over it.
    frame, name
        Where it is compared, and how it is written there.
    """
    here: Still | None = frame
    for _ in range(MOST_LEVELS):
        if here is None or not name:
            return None
        if not (_identifiers(name) | _given(here, name)).isdisjoint(spoilt.names):
            return _in_place(here) or spoilt.site
        here, names = outwards(here, (name, name))
        name = names[0] if names is not None else ""
    return None


@reading(list)
def _operands(frame: Still) -> list[str]:
    """Return how what goes into the call or the operation at a frame is written."""
    node = call_at(frame)
    if isinstance(node, ast.BinOp):
        return [ast.unparse(node.left), ast.unparse(node.right)]
    if node is None:
        return []
    owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
    return [
        ast.unparse(one) for one in (*node.args, *(word.value for word in node.keywords), *owner)
    ]


def _in_place(frame: Still) -> CallSite | None:
    """Return the line that asks for an activation in place, if there is one in the file."""
    tree = tree_of(frame)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call)) if tree else ()
    lines = {call.lineno for call in calls if any(map(_asks, call.keywords))}
    return line_at(frame, lines.pop()) if len(lines) == 1 else None


@reading(set)
def _given(frame: Still, name: str) -> set[str]:
    """Return the names in what a name was given: ``seen`` of ``before = hook.seen.pop()``."""
    scope = scope_of(frame) if name.isidentifier() else None
    known = known_assignments(scope) if scope is not None else ()
    sources = (a.source for a in known if a.target == name and a.line < frame.f_lineno)
    return {one for source in sources for one in _identifiers(source)}


def _asks(word: ast.keyword) -> bool:
    value = word.value
    return word.arg == "inplace" and isinstance(value, ast.Constant) and value.value is True


def _identifiers(text: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(text, mode="eval")))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return (names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}) - {"self"}


def _hooks_of(part: nn.Module) -> list[Any]:
    return [hook for hook in part._forward_hooks.values() if not isinstance(hook, ForwardHook)]


def _names(hook: Any) -> Iterator[str]:
    """Yield the names that a hook's code uses, of functions written inside it as well."""
    function = getattr(hook, "__func__", getattr(hook, "func", hook))
    waiting = [getattr(function, "__code__", None)]
    if waiting == [None]:  # an object that is called
        waiting = [getattr(vars(type(function)).get("__call__"), "__code__", None)]
    while waiting:
        code = waiting.pop()
        if isinstance(code, CodeType):
            yield from (*code.co_names, *code.co_freevars)
            waiting += code.co_consts
