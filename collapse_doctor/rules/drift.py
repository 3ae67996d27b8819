"""Where a measure is going: how far it has come, and whether it is still on its way.

That it goes on is told from noise in the last half of the steps alone, since all trainings move
at first and settle. Each rule says what share of cases without a trend may pass that test, and asks
for a change by a factor as well, which noise of a few per cent does not make.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from collapse_doctor.metrics.trend import trend
from collapse_doctor.rules.geometry import RECENT, History
from collapse_doctor.rules.rule import NotExamined

__all__ = ["Drift", "drift_of", "require_drift"]

LATE_LOOKS = 6
"""Looks that the last half of the steps must have: six in order are so in 1 of 720 cases."""

TINY = 1e-38
"""About the smallest normal number of float32: below it a logarithm says nothing."""


@dataclass(frozen=True)
class Drift:
    """How far a positive measure has come, as quotients of later to earlier values.

    ``now`` is the median of the last few looks, ``fold`` that over the first value. ``rate`` is the
    change of the natural logarithm per step in the last half (Theil and Sen), ``late`` the factor
    that this makes over the half, ``falls`` and ``rises`` the chances of independent noise to fall
    or rise as steadily there. ``since`` is the first step of that half.
    """

    first: float
    now: float
    fold: float
    late: float
    rate: float
    falls: float
    rises: float
    since: int

    @property
    def doubling(self) -> float:
        """Steps in which it changes by a factor of two at this rate; infinite if it rests."""
        return math.log(2) / abs(self.rate) if self.rate else math.inf


def drift_of(course: History) -> Drift | None:
    """Return the drift of a measure, None where its last half was looked at too rarely."""
    if not course.steps:
        return None
    half = course.steps[-1] / 2
    late = [(s, v) for s, v in zip(course.steps, course.values, strict=True) if s >= half]
    if len(late) < max(LATE_LOOKS, RECENT) or not course.first > 0:
        return None
    steps, values = tuple(s for s, _ in late), tuple(v for _, v in late)
    found = trend(steps, [math.log(max(value, TINY)) for value in values])
    if found is None:
        return None
    return Drift(
        first=course.first,
        now=course.last,
        fold=course.last / course.first,
        late=math.exp(found.slope * (steps[-1] - steps[0])),
        rate=found.slope,
        falls=found.falls,
        rises=found.rises,
        since=steps[0],
    )


def require_drift(course: History) -> Drift:
    """Return the drift of a measure, raising NotExamined where it cannot be told."""
    found = drift_of(course)
    if found is None:
        looks = len(course.steps)
        raise NotExamined(
            f"{looks} looks are too few to tell a trend; the last half of the steps must have "
            f"{LATE_LOOKS}"
        )
    return found
