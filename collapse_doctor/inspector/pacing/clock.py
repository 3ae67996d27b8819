"""Counting steps from the optimizers, without touching them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.optim import Optimizer

from collapse_doctor.inspector.pacing.rate import LearningRate
from collapse_doctor.inspector.pacing.relay import AFTER, Listener
from collapse_doctor.recording.observations import Clock

__all__ = ["PATIENCE", "StepClock"]

PATIENCE = 16
"""Steps of one other optimizer after which the clock is taken to have stopped: more than the five
that a critic takes for one of its generator, few enough to lose nothing of a training."""


@dataclass(eq=False)
class _Seen:
    """What is known of one optimizer. ``ahead`` are its steps since the clock's last one."""

    optimizer: weakref.ref[Optimizer]
    groups: int
    moves_watched: bool
    ahead: int = 0


class StepClock:
    """The number of optimizer steps taken so far, as the training itself counts them.

    The first optimizer seen to step that holds a parameter of a watched model is the clock. A
    second one beside it (a head, a discriminator) does not tick. If the first is gone, as when
    training goes on with a fresh optimizer, or rests while another goes on, the other takes over.
    A step that a gradient scaler skips never reaches the hook, so it is not counted. Without any
    optimizer ``inspector.step()`` ticks, and without that the forward passes stand for steps.
    ``on_other`` is told of each step that moves no watched model.
    """

    def __init__(
        self,
        models: Iterable[nn.Module],
        on_tick: Callable[[int], None],
        on_other: Callable[[], None] = lambda: None,
    ) -> None:
        self.steps = 0
        self.kind: Clock = "forward"
        self.rate = LearningRate()  # of the last step noted
        self._models = [weakref.ref(model) for model in models]
        self._on_tick = on_tick
        self._on_other = on_other
        self._clock: _Seen | None = None
        self._seen: dict[int, _Seen] = {}  # by id: an optimizer need not be hashable
        self._listener: Listener | None = None
        self._asleep_until = 0
        self._stirs: Callable[[], bool] | None = None

    def start(self, guard: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        """Begin to listen; ``guard`` wraps the callback so that it cannot raise."""
        guarded = guard(self._after_step)

        def listening(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
            if not self._passes(optimizer):
                guarded(optimizer, args, kwargs)

        self._listener = listening
        AFTER.add(listening)

    def sleep_until(self, step: int, stirs: Callable[[], bool] | None = None) -> None:
        """Only count until ``step``, or until :meth:`wake`: nobody is told of steps before.

        What runs at every step is out of the processor's cache each time, and so costs several
        times what it seems to. With more than one optimizer about there is more to do than count.
        ``stirs`` is asked after each step whether to wake. It is not guarded: it must not raise.
        """
        self._asleep_until = step if len(self._seen) == 1 else 0
        self._stirs = stirs

    def wake(self) -> None:
        """Tell of the next step again."""
        self._asleep_until = 0

    def _passes(self, optimizer: Optimizer) -> bool:
        """Count a step that nobody is told of; return whether it was one."""
        clock = self._clock
        if self.steps + 1 >= self._asleep_until or clock is None:
            return False
        if clock.optimizer() is not optimizer or clock.groups != len(optimizer.param_groups):
            return False
        if self._stirs is not None and self._stirs():
            return False
        self.steps += 1
        return True

    def stop(self) -> None:
        """Stop listening. Safe to call twice, and from inside the callback."""
        if self._listener is not None:
            AFTER.remove(self._listener)

    def note_rate(self) -> None:
        """Take note of the learning rate of the step just taken, if an optimizer counts."""
        optimizer = self._clock.optimizer() if self._clock is not None else None
        if optimizer is not None:
            self.rate = LearningRate(optimizer.param_groups)

    def tick_by_hand(self) -> None:
        """Count one step told by the user, unless optimizers do the counting."""
        if self.kind != "optimizer":
            self.kind = "manual"
            self._tick()

    def _after_step(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        seen = self._known(optimizer)
        if not seen.moves_watched:
            self._on_other()
        if not seen.moves_watched or not self._is_clock(seen):
            return
        if self.kind == "manual":  # told by hand before the first optimizer step: start over
            self.steps = 0
        self.kind = "optimizer"
        self._tick()

    def _tick(self) -> None:
        self.steps += 1
        self._on_tick(self.steps)

    def _is_clock(self, seen: _Seen) -> bool:
        """Tell whether this optimizer's steps count; make it the clock if there is none (left)."""
        clock = self._clock
        if seen is not clock:
            seen.ahead += 1
            if clock is not None and clock.optimizer() is not None and seen.ahead <= PATIENCE:
                return False
        self._clock = seen
        for other in self._seen.values():
            other.ahead = 0
        return True

    def _known(self, optimizer: Optimizer) -> _Seen:
        key, groups = id(optimizer), len(optimizer.param_groups)
        seen = self._seen.get(key)
        if seen is None or seen.optimizer() is not optimizer:
            self._seen = {k: s for k, s in self._seen.items() if s.optimizer() is not None}
            seen = _Seen(weakref.ref(optimizer), groups, self._moves_watched(optimizer))
            self._seen[key] = seen
        elif seen.groups != groups:
            seen.groups, seen.moves_watched = groups, self._moves_watched(optimizer)
        return seen

    def _moves_watched(self, optimizer: Optimizer) -> bool:
        alive = (reference() for reference in self._models)
        watched = {id(p) for model in alive if model is not None for p in model.parameters()}
        return any(id(p) in watched for group in optimizer.param_groups for p in group["params"])
