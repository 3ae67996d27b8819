"""The function mode rests while an optimizer works, which looks up every parameter many times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer

from collapse_doctor.inspector.mode import ModeWindow
from collapse_doctor.inspector.pacing.relay import AFTER, BEFORE, Listener

__all__ = ["Resting"]


class Resting:
    """Takes the mode off before each step of an optimizer and puts it back after it.

    Not for a step with a closure: there the training itself runs inside the optimizer. And not
    once anything is compiled: compiled steps of an optimizer depend on which hooks there were.
    """

    def __init__(self, window: ModeWindow) -> None:
        self._window = window
        self._before: Listener | None = None
        self._after: Listener | None = None

    def start(self, guard: Callable[[Callable[..., None]], Callable[..., None]]) -> None:
        """Begin to listen; ``guard`` wraps the callbacks so that they cannot raise."""
        self._before = self._while_looking(guard(self._begins))
        self._after = self._while_looking(guard(self._ends))
        BEFORE.add(self._before)
        AFTER.add(self._after)

    def stop(self) -> None:
        """Stop listening. Safe to call twice."""
        if self._before is not None and self._after is not None:
            BEFORE.remove(self._before)
            AFTER.remove(self._after)

    def _while_looking(self, listener: Listener) -> Listener:
        """Return ``listener``, not even called while the mode is off anyway."""

        def listening(*step: Any) -> None:
            if self._window.is_wanted:
                listener(*step)

        return listening

    def _begins(self, _optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        closures = (*args[1:], kwargs.get("closure"))  # the first is the optimizer itself
        if not any(map(callable, closures)):
            self._window.rest(True)

    def _ends(self, *_step: Any) -> None:
        self._window.rest(False)
