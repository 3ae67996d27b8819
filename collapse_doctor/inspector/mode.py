"""The function mode that sees both operands of a comparison, and when it is on.

A mode costs about a microsecond for every operation of the training, so it is on for a few steps
only. It stands at the bottom of the stack, whenever it comes: a user's own mode takes the top of
the stack down when it leaves, whatever that is, and must always find itself there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Set
from itertools import takewhile
from time import perf_counter
from typing import Any, Protocol

import torch
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack
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


class Curious(Protocol):
    """Who wants to be told of some functions, of all that fill a tensor, or for a time of all.

    ``wants`` are the functions; ``is_armed`` is true while all are wanted, and ``has_missed`` is
    set to true for one that ran then where nobody may look.
    """

    wants: frozenset[Callable[..., Any]]
    is_armed: bool
    has_missed: bool


class _Nobody:
    wants: frozenset[Callable[..., Any]] = frozenset()
    is_armed = False
    has_missed = False


class _Watching(TorchFunctionMode):
    """Runs every function as it is; tells ``seen`` of those that are in ``known``.

    And ``also`` of those that are wanted by who is ``curious``, after that.
    """

    def __init__(
        self, known: frozenset[Callable[..., Any]], seen: Seen, curious: Curious, also: Seen
    ) -> None:
        super().__init__()
        self._known = known
        self._seen: Seen | None = seen
        self._curious = curious
        self._also = also
        self._thread = this_thread()
        self.calls = 0
        self.transformed: set[Callable[..., Any]] = set()
        self.running = 0  # while it is, PyTorch has it off the stack and will put it back

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        # First of all: an attribute of ours would become a guard of the compiled code.
        if torch.compiler.is_compiling():
            return func(*args, **(kwargs or {}))
        self.running += 1
        try:
            result = func(*args, **(kwargs or {}))
        finally:
            self.running -= 1
        self.calls += 1
        if self._seen is None:
            return result
        known, curious = func in self._known, self._curious
        wanted = curious.is_armed or func in curious.wants or (kwargs and "out" in kwargs)
        if not known and not wanted:
            return result
        if not is_quiet(self._thread):
            if known:
                self._seen(func, args, kwargs or {}, result)
            if wanted:
                self._also(func, args, kwargs or {}, result)
            return result
        curious.has_missed = True
        if known and peek_interpreter_stack() is not None:
            self.transformed.add(func)
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


def _deaf(*_call: Any) -> None:
    """Hear nothing."""


ROUND_TRIP = 12.0
"""Cost of one call through the mode, in multiples of its own Python. The rest is torch's way from
C++ to Python and back: 5 for an attribute, 13 to 23 for an operation (torch 2.13)."""
CALLS, ROUNDS = 20, 5


@functools.cache
def _seconds_per_call() -> float:
    """Return what the mode adds to one call, about; measured once, without entering it.

    The quickest of several times: other work on the machine is no cost of ours.
    """
    mode, read, tensor = _Watching(frozenset(), _deaf, _Nobody(), _deaf), Tensor.dim, torch.empty(0)

    def measured() -> float:
        begun = perf_counter()
        for _ in range(CALLS):
            mode.__torch_function__(read, (), (tensor,), {})
        return perf_counter() - begun

    return ROUND_TRIP * min(measured() for _ in range(ROUNDS)) / CALLS


class ModeWindow:
    """Puts the mode on the stack and takes it off without disturbing others there.

    Parameters
    ----------
    known, seen
        The functions that ``seen`` is told of.
    curious, also
        Who may want to be told of more, and what is told then.
    """

    def __init__(
        self,
        known: frozenset[Callable[..., Any]],
        seen: Seen,
        curious: Curious | None = None,
        also: Seen = _deaf,
    ) -> None:
        self._curious = curious or _Nobody()
        self._mode = _Watching(known, seen, self._curious, also)
        self._thread = 0  # each thread has a stack of its own
        self._wanted = False
        self._rests = False
        self._is_away = False
        self.is_pending = False  # whether opening or closing it has to wait

    def cost(self) -> float:
        """Return the seconds by which the mode slowed the training down since last asked.

        Without the time of ``seen``, which whoever was told has measured.
        """
        calls, self._mode.calls = self._mode.calls, 0
        return calls * _seconds_per_call() if calls else 0.0

    @property
    def transformed(self) -> Set[Callable[..., Any]]:
        """The known functions that ran inside a transform of ``torch.func``: nobody saw them."""
        return self._mode.transformed

    @property
    def is_open(self) -> bool:
        """True while the mode is on the stack."""
        if not torch._C._len_torch_function_stack():  # nearly always, and nearly free to ask
            return False
        return any(mode is self._mode for mode in _get_current_function_mode_stack())

    @property
    def is_wanted(self) -> bool:
        """True in a step that is looked at, also while the mode rests or has to wait."""
        return self._wanted

    def enter(self) -> None:
        """Open the window for the first time; from then on it belongs to this thread."""
        self._thread = this_thread()
        self._mode.begin()
        self.set(True)

    def set(self, wanted: bool) -> None:
        """Open or close the window, now or as soon as :meth:`settle` finds that it can be done.

        A training in another thread than the one that entered is left alone. Where optimizers
        step inside backward the stack is a copy, and changes to it are lost.
        """
        self._wanted, self._rests = wanted, False
        self.settle()

    def rest(self, begins: bool) -> None:
        """Take the mode off while an optimizer works: it looks up every parameter many times."""
        self._rests = begins
        self.settle()

    def go_away(self) -> None:
        """Take the mode off until :meth:`come_back`: nothing of what is watched is under way."""
        self._is_away = True
        self.settle()

    def come_back(self) -> None:
        """Put the mode back where it was taken off, and open or close it if that had to wait."""
        self._is_away = False
        self.settle()

    def settle(self) -> None:
        """Open or close the window if that had to wait."""
        if not self._wanted and not torch._C._len_torch_function_stack():
            self.is_pending = False
            return
        movable = this_thread() == self._thread and not in_backward() and not self._mode.running
        wanted = self._wanted and not self._rests and not self._is_away
        if movable and not self._mode.is_deaf and self.is_open != wanted:
            _restack(self._mode, wanted)
            self._curious.has_missed = True
        self.is_pending = not self._mode.is_deaf and self.is_open != wanted

    def leave(self) -> None:
        """Take the mode off for good. On the stack of another thread it stays, but is deaf."""
        self._mode.end()
        if self.is_open:
            _restack(self._mode, False)


def _restack(mode: TorchFunctionMode, wanted: bool) -> None:
    """Rebuild the stack with or without ``mode``: above a default device, below all others."""
    stack = _get_current_function_mode_stack()
    others = [other for other in stack if other is not mode]
    place = len(list(takewhile(_is_default_device, others)))
    if wanted:
        others.insert(place, mode)
    try:
        for _ in range(len(stack) - place):
            _pop_mode()
    finally:
        for other in others[place:]:
            _push_mode(other)


def _is_default_device(mode: TorchFunctionMode) -> bool:
    """Tell whether a mode is a default device that PyTorch keeps at the very bottom.

    It raises if it does not find it there. ``with torch.device(...)`` is the same class, but lies
    on top and takes the top down; it does not run ``__enter__``, which leaves an ``old_device``.
    """
    default = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return mode is default or (isinstance(mode, DeviceContext) and hasattr(mode, "old_device"))
