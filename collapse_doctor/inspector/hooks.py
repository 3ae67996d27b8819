"""Forward hooks that leave no trace in copies, pickles and compiled code."""

from __future__ import annotations

import contextlib
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from collapse_doctor.inspector.quiet import is_quiet, this_thread

__all__ = ["ForwardHook", "Gate", "attach"]

Callback = Callable[[nn.Module, tuple[Any, ...], dict[str, Any], Any], None]


class Gate:
    """Whether hooks are to do anything at all: the cheapest answer there is."""

    __slots__ = ("is_open",)

    def __init__(self) -> None:
        self.is_open = True


class ForwardHook:
    """A forward hook that always returns None and goes quiet where it must not look.

    See :func:`is_quiet` for where that is. A deep copy or a pickle of the model carries an inert
    stand-in from the standard library instead, so that an EMA copy is not watched and a saved
    model loads where this package is not installed. Deep copies lose it when the watch ends.

    Tools that swap modules (quantization, fusion) move hooks from one to the other, and forget
    that ours takes keywords; so it takes what it is given, and once silenced it is dead wherever
    it was moved.
    """

    def __init__(self, callback: Callback, module: nn.Module, gate: Gate) -> None:
        self._callback: Callback | None = callback
        self._gate = gate
        self._thread = this_thread()
        self._place = id(module._forward_hooks)
        self._stand_ins: list[tuple[weakref.ref[Any], Callable[..., None]]] = []

    def __call__(self, module: nn.Module, *call: Any) -> None:
        """Pass one forward call on; ``call`` is ``(args, kwargs, output)`` or without kwargs."""
        # First of all, so that nothing of ours is compiled into a graph, nor guarded there.
        if torch.compiler.is_compiling() or not self._gate.is_open:
            return
        if self._callback is None or is_quiet(self._thread):
            return
        self._callback(module, call[0], call[1] if len(call) == 3 else {}, call[-1])

    def silence(self) -> None:
        """Listen no more, let go of what was told, and take the stand-ins out of deep copies."""
        self._callback = None
        while self._stand_ins:
            reference, inert = self._stand_ins.pop()
            hooks = reference() or {}
            for key in [key for key, hook in hooks.items() if hook is inert]:
                del hooks[key]

    @property
    def __name__(self) -> str:
        """Asked for by ``torch.jit.script``, which compiles hooks and cannot compile this one."""
        raise AttributeError(
            "expected a module without hooks that are no TorchScript, got one that "
            "collapse_doctor.Inspector watches: call torch.jit.script before the block or after it"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Callable[..., None]:
        """Return a stand-in that does nothing."""
        inert, hooks = _inert(), memo.get(self._place)  # the copy that is being filled just now
        if isinstance(hooks, OrderedDict):
            self._stand_ins.append((weakref.ref(hooks), inert))
        return inert

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
    hook = ForwardHook(callback, module, Gate() if gate is None else gate)
    handle = module.register_forward_hook(hook, with_kwargs=True)

    def detach() -> None:
        hook.silence()
        handle.remove()

    return detach
