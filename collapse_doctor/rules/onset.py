"""When a finding began, and whether at once or by and by: said in one way by all rules.

There are two answers, and they differ on purpose. The *onset* is the first step that was looked at
from which the rule's condition holds to the end; it is the step of a finding's ``where``. The
*change* that led there began earlier where it was gradual, and lies between two looks where it was
sudden (see ``metrics.changepoint``). What the measure did once it was beyond the bound is no part
of that change: a collapsed cloud may go on shrinking.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from collapse_doctor.findings import Evidence
from collapse_doctor.metrics.changepoint import Change, find_change
from collapse_doctor.rules.geometry import History

__all__ = ["Onset", "onset_below"]


@dataclass(frozen=True)
class Onset:
    """The first step from which a condition holds, and the change that led to it, if one is seen.

    ``step`` is None where the condition does not hold at the last look, or nothing was watched.
    """

    step: int | None = None
    change: Change | None = None

    @property
    def sentence(self) -> str:
        """Say when it began, with a space before; empty where that is not known."""
        if self.step is None:
            return ""
        held = f" It has been so since step {self.step}"
        if self.change is None:
            return f"{held}."
        between = f"between steps {self.change.began[0]} and {self.change.began[1]}"
        if self.change.sudden:
            return f"{held}; the change was sudden, {between}."
        return f"{held}; the change was gradual and began {between}."

    @property
    def numbers(self) -> dict[str, Evidence | None]:
        """The same as evidence; None for what is not known."""
        step, change = self.step, self.change
        if step is None:
            return {}
        held = Evidence(step, meaning="the condition holds from here to the end")
        if change is None:
            return {"onset_step": held}
        kind = "sudden" if change.sudden else "gradual"
        return {
            "onset_step": held,
            "onset_kind": Evidence(kind, meaning="sudden: between two looks that are neighbours"),
            "onset_after": Evidence(change.began[0], meaning="the change began after this step"),
            "onset_by": Evidence(change.began[1], meaning="and not after this one"),
        }


def onset_below(course: History, bound: float, step: int | None) -> Onset:
    """Return when a measure went below a bound, to stay there.

    Parameters
    ----------
    course
        A measure that is healthy where it is large, and never negative: it is looked at by
        factors. Of one that is healthy where it is small, pass what is left to its limit, or
        its inverse.
    bound
        Above 0; values below it are one to the search for the change.
    step
        The onset, where it is known.
    """
    if step is None or not course.steps or step <= course.steps[0]:
        return Onset(step)
    clipped = [math.log(max(value, bound)) for value in course.values]
    change = find_change(course.steps, clipped)
    if change is None or change.after >= change.before or change.began[0] >= step:
        return Onset(step)
    return Onset(step, change)
