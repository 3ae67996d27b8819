"""The function mode that sees both operands of a comparison, and when it is on.

A mode costs about a microsecond for every operation of the training, so it is on for a few steps
only. It is entered and left at step boundaries, never inside a forward hook: a user's own mode
(``with torch.device(...)``) may have been entered in between, and would then take ours down in
place of itself.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.overrides import (
    TorchFunctionMode,
    _get_current_function_mode_stack,
    _pop_mode,
    _push_mode,
)

__all__ = ["ModeWindow"]

Seen = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any], None]


class _Watching(TorchFunctionMode):
    """Runs every function as it is; tells ``seen`` of those that are in ``known``."""

    def __init__(self, known: frozenset[Callable[..., Any]], seen: Seen) -> None:
        super().__init__()
        self.calls = 0
        self._known = known
        self._seen = seen

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not torch.compiler.is_compiling():
            self.calls += 1
            if func in self._known:
                self._seen(func, args, kwargs or {}, result)
        return result


ROUND_TRIP = 12.0
"""Cost of one call through the mode, in multiples of its own Python. The rest is torch's way from
C++ to Python and back: 5 for an attribute, 13 to 23 for an operation (torch 2.13)."""
CALLS = 100


@functools.cache
def _seconds_per_call() -> float:
    """Return what the mode adds to one call, about; measured once, without entering it."""
    mode, read, tensor = _Watching(frozenset(), lambda *_: None), Tensor.dim, torch.empty(0)
    begun = perf_counter()
    for _ in range(CALLS):
        mode.__torch_function__(read, (), (tensor,), {})
    return ROUND_TRIP * (perf_counter() - begun) / CALLS


class ModeWindow:
    """Puts the mode on the stack and takes it off without disturbing others there."""

    def __init__(self, known: frozenset[Callable[..., Any]], seen: Seen) -> None:
        self._mode = _Watching(known, seen)
        self._base = 0
        self._thread = 0  # each thread has a stack of its own
        self._paused = False

    def cost(self) -> float:
        """Return the seconds by which the mode slowed the training down since last asked.

        Without the time of ``seen``, which whoever was told has measured.
        """
        calls, self._mode.calls = self._mode.calls, 0
        return calls * _seconds_per_call() if calls else 0.0

    @property
    def is_open(self) -> bool:
        """True while the mode is on the stack."""
        return any(mode is self._mode for mode in _get_current_function_mode_stack())

    def enter(self) -> None:
        """Open the window for the first time; the stack as it is now is the user's own."""
        self._base = len(_get_current_function_mode_stack())
        self._thread = threading.get_ident()
        _push_mode(self._mode)

    def set(self, wanted: bool) -> None:
        """Open or close the window if that can be done without a trace, else leave it as it is.

        Only the top of the stack may go, and only the stack that :meth:`enter` found may be
        added to: with a user's mode in the way the next step will try again. A training in
        another thread than the one that entered is left alone.
        """
        if threading.get_ident() != self._thread:
            return
        self._paused = False
        stack = _get_current_function_mode_stack()
        if not wanted and stack and stack[-1] is self._mode:
            _pop_mode()
        elif wanted and len(stack) == self._base:
            _push_mode(self._mode)

    def pause(self, begins: bool) -> None:
        """Take the mode off while an optimizer works: it looks up every parameter many times.

        That is a step boundary too: whatever the user opens inside the optimizer, and nothing
        opened outside, is closed before it returns.
        """
        if threading.get_ident() != self._thread:
            return
        stack = _get_current_function_mode_stack()
        if begins and stack and stack[-1] is self._mode:
            _pop_mode()
            self._paused = True
        elif not begins and self._paused:
            self._paused = False
            if len(stack) == self._base:
                _push_mode(self._mode)

    def leave(self) -> None:
        """Take the mode off wherever it is in the stack, and put back what lay above it."""
        if not self.is_open:
            return
        above = []
        while (mode := _pop_mode()) is not self._mode:
            above.append(mode)
        for mode in reversed(above):
            _push_mode(mode)
