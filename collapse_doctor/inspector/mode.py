"""The function mode that sees both operands of a comparison, and when it is on.

A mode costs about a microsecond for every operation of the training, so it is on for a few steps
only. It is entered and left at step boundaries, never inside a forward hook: a user's own mode
(``with torch.device(...)``) may have been entered in between, and would then take ours down in
place of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import (
    TorchFunctionMode,
    _get_current_function_mode_stack,
    _pop_mode,
    _push_mode,
)
from torch.utils._device import DeviceContext

from collapse_doctor.inspector.quiet import in_backward, is_quiet, this_thread

__all__ = ["ModeWindow"]

Seen = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any], None]


class _Watching(TorchFunctionMode):
    """Runs every function as it is; tells ``seen`` of those that are in ``known``."""

    def __init__(self, known: frozenset[Callable[..., Any]], seen: Seen) -> None:
        super().__init__()
        self._known = known
        self._seen: Seen | None = seen
        self._thread = this_thread()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        # First of all, so that nothing of ours is compiled into a graph.
        if torch.compiler.is_compiling() or func not in self._known:
            return result
        if self._seen is not None and not is_quiet(self._thread):
            self._seen(func, args, kwargs or {}, result)
        return result

    @property
    def is_deaf(self) -> bool:
        """True once it was ended."""
        return self._seen is None

    def begin(self) -> None:
        """Listen to the present thread."""
        self._thread = this_thread()

    def end(self) -> None:
        """Listen no more, on whatever stack the mode may still be."""
        self._seen = None


class ModeWindow:
    """Puts the mode on the stack and takes it off without disturbing others there."""

    def __init__(self, known: frozenset[Callable[..., Any]], seen: Seen) -> None:
        self._mode = _Watching(known, seen)
        self._base: list[Any] = []
        self._thread = 0  # each thread has a stack of its own
        self._overdue = False

    @property
    def is_open(self) -> bool:
        """True while the mode is on the stack."""
        return any(mode is self._mode for mode in _get_current_function_mode_stack())

    def enter(self) -> None:
        """Open the window for the first time; the stack as it is now is the user's own."""
        self._base = _others()
        self._thread = this_thread()
        self._mode.begin()
        _push_mode(self._mode)

    def set(self, wanted: bool) -> None:
        """Open or close the window if that can be done without a trace, else leave it as it is.

        Only the top of the stack may go, and only the stack that :meth:`enter` found may be
        added to: with a user's mode in the way the next step will try again. A training in
        another thread than the one that entered is left alone. Inside backward, where some
        optimizers step, the stack is a copy: closing waits for :meth:`settle`.
        """
        if self._mode.is_deaf or this_thread() != self._thread:
            return
        self._overdue = not wanted and in_backward()
        if in_backward():
            return
        stack = _get_current_function_mode_stack()
        if not wanted and stack and stack[-1] is self._mode:
            _pop_mode()
        elif wanted and not self.is_open and _others() == self._base:
            _push_mode(self._mode)

    def settle(self) -> None:
        """Close now if that had to wait. Taking the top off the stack is safe anywhere."""
        if self._overdue:
            self.set(False)

    def leave(self) -> None:
        """Take the mode off wherever it is in the stack, and put back what lay above it.

        For good: if this is another thread's stack it stays on its own, and is deaf.
        """
        self._mode.end()
        if not self.is_open:
            return
        above = []
        while (mode := _pop_mode()) is not self._mode:
            above.append(mode)
        for mode in reversed(above):
            _push_mode(mode)


def _others() -> list[Any]:
    """Return the stack without default devices, which PyTorch keeps at its bottom in any order."""
    stack = _get_current_function_mode_stack()
    return [mode for mode in stack if not isinstance(mode, DeviceContext)]
