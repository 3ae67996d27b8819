"""When to look: every step at first, then ever more rarely."""

from __future__ import annotations

from dataclasses import dataclass

from collapse_doctor.errors import UsageError

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """Which steps are measured, and at which the operands of comparisons are looked at.

    Measuring follows the logarithm of time: ``dense`` steps in a row, then ``dense`` per doubling,
    so that the last measured step is never older than ``1/dense`` of the training. Mistakes in
    wiring are structural and show at once, so operands are seen for the first ``window`` steps
    and then for one step at each ``window`` times a power of four, and every ``again`` steps.

    Parameters
    ----------
    every
        Measure each ``every``-th step instead; None adapts as described.
    """

    every: int | None = None
    dense: int = 16
    window: int = 8
    again: int = 1000

    def __post_init__(self) -> None:
        """Refuse an ``every`` that is no number of steps."""
        if self.every is not None and (not isinstance(self.every, int) or self.every < 1):
            raise UsageError(
                "every to be a whole number of steps, at least 1",
                repr(self.every),
                where="Inspector",
                remedy="leave it out to let it adapt",
            )

    def measures(self, step: int) -> bool:
        """Tell whether embeddings are measured at this step."""
        if self.every is not None:
            return step % self.every == 0
        if step < self.dense:
            return True
        gap = 1 << ((step // self.dense).bit_length() - 1)
        return step % gap == 0

    def compares(self, step: int) -> bool:
        """Tell whether operands of comparisons are looked at during this step."""
        if step < self.window or step % self.again == 0:
            return True
        turns, rest = divmod(step, self.window)
        power_of_four = turns & (turns - 1) == 0 and turns.bit_length() % 2 == 1
        return rest == 0 and power_of_four
