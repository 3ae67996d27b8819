"""The function mode that sees both operands of a comparison, and when it is on.

A mode costs about a microsecond for every operation of the training, so it is on for a few steps
only. It is entered and left at step boundaries, never inside a forward hook: a user's own mode
(``with torch.device(...)``) may have been entered in between, and would then take ours down in
place of itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import (
    TorchFunctionMode,
    _get_current_function_mode_stack,
    _pop_mode,
    _push_mode,
)

from collapse_doctor.inspector.compiled import is_capturing

__all__ = ["ModeWindow"]

Seen = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any], Any], None]


class _Watching(TorchFunctionMode):
    """Runs every function as it is; tells ``seen`` of those that are in ``known``."""

    def __init__(self, known: frozenset[Callable[..., Any]], seen: Seen) -> None:
        super().__init__()
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
        # Traced up to here; an attribute of ours would become a guard of the compiled code.
        if torch.compiler.is_compiling():
            return result
        if func in self._known and not is_capturing():
            self._seen(func, args, kwargs or {}, result)
        return result


class ModeWindow:
    """Puts the mode on the stack and takes it off without disturbing others there."""

    def __init__(self, known: frozenset[Callable[..., Any]], seen: Seen) -> None:
        self._mode = _Watching(known, seen)
        self._base = 0
        self._thread = 0  # each thread has a stack of its own
        self._paused: list[TorchFunctionMode] | None = None  # others that were below

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
        stack = _get_current_function_mode_stack()
        if not wanted and stack and stack[-1] is self._mode:
            _pop_mode()
        elif wanted and not self.is_open and len(stack) == self._base:
            _push_mode(self._mode)

    def pause(self) -> None:
        """Take the mode off for the time of one call, until :meth:`resume` after it."""
        stack = _get_current_function_mode_stack()
        places = [place for place, mode in enumerate(stack) if mode is self._mode]
        self._paused = _foreign(stack[: places[0]]) if places else None
        self.leave()

    def resume(self) -> None:
        """Put the mode back above those it was above, if they are still there."""
        below, self._paused = self._paused, None
        stack = _get_current_function_mode_stack()
        if below is None or self.is_open or _foreign(stack)[: len(below)] != below:
            return
        above = []
        while len(_foreign(_get_current_function_mode_stack())) > len(below):
            above.append(_pop_mode())
        for mode in (self._mode, *reversed(above)):
            _push_mode(mode)

    def leave(self) -> None:
        """Take the mode off wherever it is in the stack, and put back what lay above it."""
        if not self.is_open:
            return
        above = []
        while (mode := _pop_mode()) is not self._mode:
            above.append(mode)
        for mode in reversed(above):
            _push_mode(mode)


def _foreign(stack: list[TorchFunctionMode]) -> list[TorchFunctionMode]:
    """Return the modes of a stack that no Inspector put there: these come and go as they like."""
    return [mode for mode in stack if type(mode) is not _Watching]
