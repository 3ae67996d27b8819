"""Counting steps from the optimizers, without touching them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from collapse_doctor.recording.observations import Clock

__all__ = ["StepClock"]


class StepClock:
    """The number of optimizer steps taken so far, as the training itself counts them.

    The first optimizer seen to step that holds a parameter of a watched model is the clock. A
    second one beside it (a head, a discriminator) does not tick; if the first is gone, as when
    training goes on with a fresh optimizer, the next one takes over. A step that a gradient
    scaler skips never reaches the hook, so it is not counted. Without any optimizer
    ``inspector.step()`` ticks, and without that the forward passes stand for steps.

    Parameters
    ----------
    models
        The watched models; held weakly.
    on_tick
        Called after each step with the number of steps taken.
    around
        Called with True when any optimizer begins to work, and False when it is done. Not for a
        step with a closure: there the training itself runs inside the optimizer.
    """

    def __init__(
        self,
        models: Iterable[nn.Module],
        on_tick: Callable[[int], None],
        around: Callable[[bool], None] = lambda _begins: None,
    ) -> None:
        self.steps = 0
        self.forwards = 0
        self.kind: Clock = "forward"
        self.rate = 0.0  # largest learning rate of the last step taken
        self._models = [weakref.ref(model) for model in models]
        self._on_tick = on_tick
        self._around = around
        self._optimizer: weakref.ref[Optimizer] | None = None
        self._moves_watched: weakref.WeakKeyDictionary[Optimizer, tuple[int, bool]]
        self._moves_watched = weakref.WeakKeyDictionary()
        self._handles: list[Any] = []

    def start(self, guard: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        """Begin to listen; ``guard`` wraps the callbacks so that they cannot raise."""
        self._handles = [
            register_optimizer_step_pre_hook(guard(self._before_step)),
            register_optimizer_step_post_hook(guard(self._after_step)),
        ]

    def stop(self) -> None:
        """Stop listening. Safe to call twice."""
        while self._handles:
            self._handles.pop().remove()

    def tick_by_hand(self) -> None:
        """Count one step told by the user, unless optimizers do the counting."""
        if self.kind != "optimizer":
            self.kind = "manual"
            self._tick()

    def _before_step(self, _optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        closures = (*args[1:], kwargs.get("closure"))  # the first is the optimizer itself
        if not any(map(callable, closures)):
            self._around(True)

    def _after_step(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        self._around(False)
        if not self._is_watched(optimizer):
            return
        current = self._optimizer() if self._optimizer is not None else None
        if current is None:
            self._optimizer = weakref.ref(optimizer)
        elif current is not optimizer:
            return
        self.rate = max(
            (_rate(group.get("lr", 1.0)) for group in optimizer.param_groups), default=0
        )
        if self.kind == "manual":  # told by hand before the first optimizer step: start over
            self.steps = 0
        self.kind = "optimizer"
        self._tick()

    def _tick(self) -> None:
        self.steps += 1
        self._on_tick(self.steps)

    def _is_watched(self, optimizer: Optimizer) -> bool:
        groups = len(optimizer.param_groups)
        known = self._moves_watched.get(optimizer)
        if known is None or known[0] != groups:
            known = (
                groups,
                not self._parameters().isdisjoint(
                    id(p) for group in optimizer.param_groups for p in group["params"]
                ),
            )
            self._moves_watched[optimizer] = known
        return known[1]

    def _parameters(self) -> set[int]:
        alive = (reference() for reference in self._models)
        return {id(p) for model in alive if model is not None for p in model.parameters()}


def _rate(value: Any) -> float:
    """Return a learning rate; 1.0 for one on a device, which could not be read without waiting."""
    if isinstance(value, Tensor) and value.device.type != "cpu":
        return 1.0
    return float(value)
