"""When to look: every step at first and around changes, then ever more rarely."""

from __future__ import annotations

from dataclasses import dataclass

from collapse_doctor.errors import UsageError

__all__ = ["Schedule"]

GOLDEN = (5**0.5 - 1) / 2


@dataclass
class Schedule:
    """Which steps are measured, and at which the operands of comparisons are looked at.

    Measuring follows the logarithm of time: ``dense`` steps in a row, then ``later`` per doubling,
    so that the last measured step is never older than ``1/later`` of the training. Inner layers
    are measured a quarter as often as outputs: they only say where something was lost. Operands of
    comparisons are seen for the first ``window`` steps, where mistakes in wiring show at once, and
    then at two places of each doubling: for pairs of neighbouring steps, because a stale operand
    was made the step before, and after ``paired`` steps at the first of the two for one step only;
    at offsets without a period of their own, because a mistake may come with every tenth step or
    every last batch. After an :meth:`alert` every step counts for a while.

    Parameters
    ----------
    every
        Measure each ``every``-th step instead; None adapts as described.
    """

    every: int | None = None
    dense: int = 16
    later: int = 8
    window: int = 8
    paired: int = 64
    alerts: int = 0
    _alert: int | None = None

    def __post_init__(self) -> None:
        """Refuse an ``every`` that is no number of steps."""
        if self.every is not None and (not isinstance(self.every, int) or self.every < 1):
            raise UsageError(
                "every to be a whole number of steps, at least 1",
                repr(self.every),
                where="Inspector",
                remedy="leave it out to let it adapt",
            )

    def alert(self, step: int) -> None:
        """Look at the steps after ``step`` one by one: something changed."""
        self._alert = step
        self.alerts += 1  # what was said of steps to come no longer holds

    def measures(self, step: int, *, inner: bool = False) -> bool:
        """Tell whether embeddings are measured at this step; ``inner``: of inner layers."""
        if self.every is not None:
            return step % self.every == 0
        rarer = 4 if inner else 1
        if step < self.dense // rarer or self._alerted(step, self.window):
            return True
        gap = 1 << ((step * rarer // self.later).bit_length() - 1)
        return step % gap == 0

    def compares(self, step: int) -> bool:
        """Tell whether operands of comparisons are looked at during this step."""
        if step < self.window or self._alerted(step, 2):
            return True
        return step in self._looks((step // self.window).bit_length() - 1)

    def next_look(self, step: int) -> int:
        """Return the first step from ``step`` on that is measured or looked at in any way."""
        if self.measures(step) or self.compares(step):
            return step
        return min(self._next_measured(step), self.next_compared(step))

    def _next_measured(self, step: int) -> int:
        if self.every is None and step < self.dense:
            return step
        gap = self.every or 1 << ((step // self.later).bit_length() - 1)
        return -(-step // gap) * gap

    def next_compared(self, step: int) -> int:
        """Return a step from ``step`` on before which no operands are looked at."""
        if step < self.window or self._alerted(step, 2):
            return step
        octave = (step // self.window).bit_length() - 1
        found = min((look for look in self._looks(octave) if look >= step), default=None)
        return self.next_compared(self.window << octave + 1) if found is None else found

    def _alerted(self, step: int, steps: int) -> bool:
        return self._alert is not None and self._alert < step <= self._alert + steps

    def _looks(self, octave: int) -> list[int]:
        """Return the steps of a doubling that are looked at: by the golden ratio, modulo 1.

        Its multiples are spread as evenly as can be, and hit no remainder of any period more
        often than the others (Weyl's equidistribution).
        """
        begin = self.window << octave
        one, pair = (begin + int(begin * (n * GOLDEN % 1)) for n in (2 * octave, 2 * octave + 1))
        found = [one, one + 1] if begin < self.paired else [one]
        return [step for step in (*found, pair, pair + 1) if step < 2 * begin]
