"""What watching costs, and what it may cost."""

from __future__ import annotations

import time
from collections.abc import Callable

from collapse_doctor.recording.observations import Cost

__all__ = ["ALLOWANCE", "SHARE", "Budget"]

SHARE = 0.005
"""Share of the training's time that watching may take. Users of comparable tools switch them off
at a few percent; half of one is below what anybody can see on a clock."""
ALLOWANCE = 0.1
"""Seconds that watching may take beyond its share: the first steps are looked at one by one."""
SLICE = 0.1
"""Share of one step that postponed work may take: no step is to stand out."""


class Budget:
    """Measures the time spent on watching and says whether there is time for more.

    The schedule's own looks (ever rarer, as the logarithm of time) are not bargained over. All
    that can wait or be left out asks here: measuring rows that were taken, judging what was seen,
    the pulse between two looks, denser looks around a change.

    Parameters
    ----------
    now
        A clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.spent = 0.0
        self.limited = False
        self._now = now
        self._saved = 0.0
        self._slice = 0.0
        self.start()

    def start(self) -> None:
        """Begin to count the training's time."""
        self._begun = self._now()
        self._turned = (self._begun, self.spent)

    @property
    def elapsed(self) -> float:
        """Seconds since the watch began, watching included."""
        return self._now() - self._begun

    def spend(self, seconds: float) -> None:
        """Book time that was spent on watching."""
        self.spent += seconds

    def affords(self, seconds: float = 0.0) -> bool:
        """Tell whether ``seconds`` more keep the whole inside the share."""
        return self.spent + seconds <= ALLOWANCE + SHARE * self.elapsed

    def has_share(self, seconds: float = 0.0) -> bool:
        """Tell whether ``seconds`` more of what can wait keep inside the share alone.

        The allowance is for looking: what was seen in the first steps is judged and measured later.
        """
        return self.spent + seconds <= SHARE * self.elapsed

    def cost(self, step: int) -> Cost:
        """Return what watching has cost until now, as an observation."""
        return Cost(step, self.elapsed, self.spent, SHARE, self.limited)

    def turn(self, steps: int = 1) -> None:
        """End ``steps`` steps: a slice of each may be used for work put off, or saved up."""
        now = self._now()
        then, spent = self._turned
        self._turned = (now, self.spent)
        self._slice = max(0.0, SLICE * (now - then - (self.spent - spent)) / steps)
        self._saved += self._slice * steps

    def has_time(self, seconds: float) -> bool:
        """Tell whether work of about ``seconds`` fits what is saved up, and the whole share.

        What was saved is not hoarded beyond this one piece of work: steps that passed without
        any work are no reason to make one stand out.
        """
        self._saved = min(self._saved, max(seconds, self._slice))
        return seconds <= self._saved and self.has_share(seconds)

    def use(self, seconds: float) -> None:
        """Take the time of work that was done from what is saved up."""
        self._saved -= seconds
