"""Forward hooks that leave no trace in copies, pickles and compiled code."""

from __future__ import annotations

import contextlib
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from collapse_doctor.inspector.quiet import in_backward, is_quiet, this_thread

__all__ = ["Attached", "ForwardHook", "Gate", "Glance", "attach", "attach_before"]

Callback = Callable[..., None]
"""Takes the module, its arguments and keyword arguments and, after the call, its output."""
Glance = Callable[[nn.Module, Any], bool]
"""Tells by the module, and by what came last in the call (its output, after it), whether a call is
of no interest. It is asked before all but the thread, and is not guarded, so that it costs next to
nothing: it must not be able to raise."""


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

    ``glance`` sees the call first: where it returns True nothing more is to be done.
    """

    def __init__(
        self,
        callback: Callback,
        home: Mapping[int, Any],
        gate: Gate,
        glance: Glance | None = None,
    ) -> None:
        self._callback: Callback | None = callback
        self._gate = gate
        self._glance = glance
        self._thread = this_thread()
        self._home = id(home)  # the module's dictionary of hooks
        self._stand_ins: list[tuple[weakref.ref[Any], Callable[..., None]]] = []

    def __call__(self, module: nn.Module, *call: Any) -> None:
        """Pass one forward call on; ``call`` is ``(args, kwargs, output)`` or without kwargs."""
        # First of all, so that nothing of ours is compiled into a graph, nor guarded there.
        if torch.compiler.is_compiling() or not self._gate.is_open:
            return
        if self._callback is None or this_thread() != self._thread or in_backward():
            return
        if self._glance is not None and self._glance(module, call[-1]):
            return
        if not is_quiet(self._thread):
            self._pass_on(self._callback, module, call)

    def _pass_on(self, callback: Callback, module: nn.Module, call: tuple[Any, ...]) -> None:
        callback(module, call[0], call[1] if len(call) == 3 else {}, call[-1])

    def silence(self) -> None:
        """Listen no more, let go of what was told, and take the stand-ins out of deep copies."""
        self._callback = self._glance = None
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
        inert, hooks = _inert(), memo.get(self._home)  # the copy that is being filled just now
        if isinstance(hooks, OrderedDict):
            self._stand_ins.append((weakref.ref(hooks), inert))
        return inert

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as a stand-in that does nothing."""
        return getattr, (contextlib.nullcontext(), "__exit__")


class BeforeHook(ForwardHook):
    """The same before the call, when there is no output yet."""

    def _pass_on(self, callback: Callback, module: nn.Module, call: tuple[Any, ...]) -> None:
        callback(module, call[0], call[1] if len(call) == 2 else {})


def _inert() -> Callable[..., None]:
    # Accepts anything, returns None, pickles by reference to the standard library.
    return contextlib.nullcontext().__exit__


class Attached:
    """A hook on a module. Call it to take the hook off; hide it for the time it is not to be there.

    It may be hidden for several reasons at once, and comes back when the last of them is gone.
    """

    def __init__(self, hook: ForwardHook, handle: RemovableHandle) -> None:
        self._hook = hook
        self._handle = handle
        self._hidden: list[tuple[dict[int, Any], Any]] = []
        self._reasons: set[str] = set()

    def __call__(self) -> None:
        """Take the hook off for good. Safe to call twice."""
        self._put_back()
        self._hook.silence()
        self._handle.remove()

    def hide(self, why: str = "") -> None:
        """Take the hook off for a while, until it is shown again for the same reason.

        For the time of a compilation, so that it does not become part of compiled code; or while
        nothing is looked at, for a module without any hook is called a good deal faster.
        A hook of somebody else's on the same module makes dynamo check all of them at each call;
        beside one, ours stays where it is and is compiled to nothing. It would also come back
        behind it.
        """
        self._reasons.add(why)
        hooks = self._handle.hooks_dict_ref()
        if self._hidden or not hooks or not all(isinstance(h, ForwardHook) for h in hooks.values()):
            return
        for reference in (self._handle.hooks_dict_ref, *self._handle.extra_dict_ref):
            kept = reference()
            if kept is not None and self._handle.id in kept:
                self._hidden.append((kept, kept.pop(self._handle.id)))

    def show(self, why: str = "") -> None:
        """Put back what :meth:`hide` took off, unless there is another reason to hide it."""
        self._reasons.discard(why)
        if not self._reasons:
            self._put_back()

    def _put_back(self) -> None:
        while self._hidden:
            kept, hook = self._hidden.pop()
            kept[self._handle.id] = hook


def attach(
    module: nn.Module,
    callback: Callback,
    gate: Gate | None = None,
    glance: Glance | None = None,
) -> Attached:
    """Register ``callback`` as a forward hook; what is returned removes it when called.

    While ``gate`` is closed the hook does nothing, and where ``glance`` suffices nothing more.
    """
    hook = ForwardHook(callback, module._forward_hooks, gate or Gate(), glance)
    return Attached(hook, module.register_forward_hook(hook, with_kwargs=True))


def attach_before(
    module: nn.Module,
    callback: Callback,
    gate: Gate | None = None,
    glance: Glance | None = None,
) -> Attached:
    """Register ``callback`` to be called before the module is, without an output."""
    hook = BeforeHook(callback, module._forward_pre_hooks, gate or Gate(), glance)
    return Attached(hook, module.register_forward_pre_hook(hook, with_kwargs=True))
