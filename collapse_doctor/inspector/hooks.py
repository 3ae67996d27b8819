"""Forward hooks that leave no trace in copies, pickles and compiled code."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

__all__ = ["ForwardHook", "Gate", "attach"]

Callback = Callable[[nn.Module, tuple[Any, ...], dict[str, Any], Any], None]


class Gate:
    """Whether hooks are to do anything at all: the cheapest answer there is."""

    __slots__ = ("is_open",)

    def __init__(self) -> None:
        self.is_open = True


class ForwardHook:
    """A forward hook that always returns None and goes quiet where it must not look.

    It does nothing while code is being compiled or traced, under a dispatch mode, while the
    backward pass recomputes a checkpointed forward, and in threads other than the one it was made
    in (replicas). A deep copy
    or a pickle of the model carries an inert stand-in from the standard library instead, so that
    an EMA copy is not watched and a saved model loads where this package is not installed.
    """

    def __init__(self, callback: Callback, gate: Gate) -> None:
        self._callback = callback
        self._gate = gate
        self._thread = threading.get_ident()

    def __call__(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any
    ) -> None:
        """Pass one forward call on to the callback."""
        # The order matters: compiled code must not come to depend on the gate.
        if torch.compiler.is_compiling() or not self._gate.is_open or self._elsewhere():
            return
        self._callback(module, args, kwargs, output)

    def _elsewhere(self) -> bool:
        in_backward = torch._C._current_graph_task_id() != -1
        # A dispatch mode traces, fakes or counts operations: ours would be among them.
        observed = torch._C._len_torch_dispatch_stack() > 0
        traced = torch._C._is_tracing()
        return in_backward or observed or traced or threading.get_ident() != self._thread

    def __deepcopy__(self, _memo: dict[int, Any]) -> Callable[..., None]:
        """Return a stand-in that does nothing."""
        return _inert()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a stand-in that does nothing."""
        return getattr, (contextlib.nullcontext(), "__exit__")


def _inert() -> Callable[..., None]:
    # Accepts anything, returns None, pickles by reference to the standard library.
    return contextlib.nullcontext().__exit__


def attach(module: nn.Module, callback: Callback, gate: Gate | None = None) -> Callable[[], None]:
    """Register ``callback`` as a forward hook; return the function that removes it.

    While ``gate`` is closed the hook does nothing.
    """
    hook = ForwardHook(callback, Gate() if gate is None else gate)
    return module.register_forward_hook(hook, with_kwargs=True).remove
