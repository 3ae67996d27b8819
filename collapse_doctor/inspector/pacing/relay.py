"""The two places at which this process listens to optimizers: before and after a step."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.hooks import RemovableHandle

__all__ = ["AFTER", "BEFORE", "Listener"]

Listener = Callable[[Optimizer, Any, Any], None]


class Relay:
    """Passes every step of every optimizer on to whoever listens.

    ``register`` is how PyTorch is asked to call a hook at every step.

    PyTorch walks through its dictionary of hooks while they run, and a hook that comes or goes in
    the middle raises "mutated during iteration" in the training: when another thread's watch
    ends, or when a fault switches ours off from inside its own callback. So the process has one
    hook for all watches. It goes with the last of them, unless it is running just then: in that
    case it stays, does nothing, and goes at the next occasion.
    """

    def __init__(self, register: Callable[[Any], RemovableHandle]) -> None:
        self._register = register
        self._listeners: tuple[Listener, ...] = ()  # replaced, never changed: others iterate
        self._handle: RemovableHandle | None = None
        self._running: list[None] = []  # one for each walk under way; its changes are atomic
        self._lock = threading.RLock()

    def add(self, listener: Listener) -> None:
        """Begin to tell ``listener`` of steps."""
        with self._lock:
            self._listeners = (*self._listeners, listener)
            if self._handle is None:
                self._handle = self._register(self._stepped)

    def remove(self, listener: Listener) -> None:
        """Tell ``listener`` no more. Safe to call twice, and from inside a listener."""
        with self._lock:
            self._listeners = tuple(one for one in self._listeners if one is not listener)
            if self._handle is not None and not self._listeners and not self._running:
                self._handle.remove()
                self._handle = None

    def _stepped(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling():  # else it would become part of the compiled step
            return
        self._running.append(None)
        try:
            for listener in self._listeners:
                listener(optimizer, args, kwargs)
        finally:
            self._running.pop()


BEFORE = Relay(register_optimizer_step_pre_hook)
AFTER = Relay(register_optimizer_step_post_hook)
