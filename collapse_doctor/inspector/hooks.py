"""Forward hooks that leave no trace in copies, pickles and compiled code."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from collapse_doctor.inspector.compiled import is_capturing

__all__ = ["Attached", "ForwardHook", "attach", "attach_before"]

Callback = Callable[..., None]
"""Takes the module, its arguments and keyword arguments and, after the call, its output."""


class ForwardHook:
    """A forward hook that always returns None and goes quiet where it must not look.

    It does nothing while code is being compiled or traced, under a dispatch mode, while a CUDA
    graph is recorded, while the backward pass recomputes a checkpointed forward, and in threads
    other than the one it was made in (replicas). A deep copy
    or a pickle of the model carries an inert stand-in from the standard library instead, so that
    an EMA copy is not watched and a saved model loads where this package is not installed.
    """

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self._thread = threading.get_ident()

    def __call__(self, module: nn.Module, *call: Any) -> None:
        """Pass one forward call on to the callback."""
        if torch.compiler.is_compiling() or self._elsewhere():
            return
        self._callback(module, *call)

    def _elsewhere(self) -> bool:
        in_backward = torch._C._current_graph_task_id() != -1
        # A dispatch mode traces, fakes or counts operations: ours would be among them.
        observed = torch._C._len_torch_dispatch_stack() > 0
        traced = torch._C._is_tracing()
        other_thread = threading.get_ident() != self._thread
        return in_backward or observed or traced or other_thread or is_capturing()

    def __deepcopy__(self, _memo: dict[int, Any]) -> Callable[..., None]:
        """Return a stand-in that does nothing."""
        return _inert()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a stand-in that does nothing."""
        return getattr, (contextlib.nullcontext(), "__exit__")


def _inert() -> Callable[..., None]:
    # Accepts anything, returns None, pickles by reference to the standard library.
    return contextlib.nullcontext().__exit__


class Attached:
    """A hook on a module. Call it to take the hook off; hide it for the time of a compilation."""

    def __init__(self, handle: RemovableHandle) -> None:
        self._handle = handle
        self._hidden: list[tuple[dict[int, Any], Any]] = []

    def __call__(self) -> None:
        """Take the hook off for good. Safe to call twice."""
        self.show()
        self._handle.remove()

    def hide(self) -> None:
        """Take the hook off for a while, so that it does not become part of compiled code.

        A hook of somebody else's on the same module makes dynamo check all of them at each call;
        beside one, ours stays where it is and is compiled to nothing.
        """
        hooks = self._handle.hooks_dict_ref()
        if self._hidden or not hooks or any(type(h) is not ForwardHook for h in hooks.values()):
            return
        for reference in (self._handle.hooks_dict_ref, *self._handle.extra_dict_ref):
            kept = reference()
            if kept is not None and self._handle.id in kept:
                self._hidden.append((kept, kept.pop(self._handle.id)))

    def show(self) -> None:
        """Put back what :meth:`hide` took off."""
        while self._hidden:
            kept, hook = self._hidden.pop()
            kept[self._handle.id] = hook


def attach(module: nn.Module, callback: Callback) -> Attached:
    """Register ``callback`` as a forward hook; what is returned removes it when called."""
    hook = ForwardHook(callback)
    return Attached(module.register_forward_hook(hook, with_kwargs=True))


def attach_before(module: nn.Module, callback: Callback) -> Attached:
    """Register ``callback`` to be called before the module is, without an output."""
    hook = ForwardHook(callback)
    return Attached(module.register_forward_pre_hook(hook, with_kwargs=True))
