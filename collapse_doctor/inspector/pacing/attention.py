"""What is due now: the schedule, held against where the training is and what may be spent."""

from __future__ import annotations

from collapse_doctor.inspector.hooks import Gate
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.pacing.budget import Budget
from collapse_doctor.inspector.pacing.schedule import Schedule

__all__ = ["Attention"]

PULSE_SECONDS = 5e-5
"""About what feeling the pulse of one output takes."""
FEEL_EVERY = 8
"""Steps after which outputs are looked at for NaN though the budget is spent."""
LONGEST_SLEEP = 64
"""Steps after which it is asked again whether there is time for more."""


class Attention:
    """Says what to look at in a forward pass.

    The schedule's own looks are always due. The pulse between them, and denser looks where
    something changed, are left out when the budget is spent.

    Attributes
    ----------
    inner
        The gate of the hooks of inner layers, open only while a pass may be due.
    glancing
        Open while passes need no more than to be counted, but at steps that are felt.
    """

    def __init__(self, schedule: Schedule, budget: Budget, moment: Moment) -> None:
        self.inner = Gate()
        self.glancing = Gate()
        self.glancing.is_open = False
        self._schedule = schedule
        self._budget = budget
        self._moment = moment
        self._next = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is due in this step: most steps of a training."""
        return not self._moment.is_counted_by_forwards and self._moment.step < self._next

    @property
    def next_turn(self) -> int:
        """The first step to come whose end is of any interest."""
        return min(self._next, self._moment.step + LONGEST_SLEEP)

    def is_due(self, model: str, *, inner: bool) -> bool:
        """Tell whether the present pass of a model is measured; ``inner``: its main blocks."""
        return self._schedule.measures(self._moment.due(model), inner=inner)

    @property
    def may_feel(self) -> bool:
        """Whether there is time for the pulse of an output."""
        return self._budget.affords(PULSE_SECONDS)

    @property
    def must_feel(self) -> bool:
        """Whether an output is looked at for NaN, time or not."""
        return self.is_felt or self.may_feel

    @property
    def is_felt(self) -> bool:
        """Whether this is one of the steps at which outputs are looked at for NaN in any case."""
        return self._moment.step % FEEL_EVERY == 0

    @property
    def compares(self) -> bool:
        """Whether operands of comparisons are looked at during this step."""
        return self._schedule.compares(self._moment.step)

    def changed(self) -> None:
        """Look closer for a while, if there is time: something is out of the ordinary."""
        if self._budget.affords():
            self.must_change()
        else:
            self._budget.limited = True

    def must_change(self, *, before: bool = False) -> None:
        """Look closer, time or not: for what happens once in a training.

        ``before`` says that it was in the step that is just over, and not in the present one.
        """
        self._schedule.alert(self._moment.step - before)
        self._next = 0
        self.glancing.is_open = False
        self._moment.wake()

    def turn(self, *, settled: bool) -> None:
        """See, at the end of each step, whether the next one is of any interest.

        ``settled`` says that no pass is waited for to open or close the window.
        """
        self.glancing.is_open = settled and self.is_idle and not self.may_feel

    def look_ahead(self) -> None:
        """Set the gate for the pass to come; called between steps."""
        if self.is_idle:
            self.inner.is_open = False
            return
        self._next = self._schedule.next_look(self._moment.step)
        self.inner.is_open = self._moment.is_counted_by_forwards or not self.is_idle
