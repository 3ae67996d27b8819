"""Given numbers that multiply what a loss makes of a model's embeddings, over the steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import CallSite

__all__ = ["Scaling", "scalings"]


@dataclass(frozen=True)
class Scaling:
    """One factor of a loss on a model: its size at each step that was looked at, in their order.

    ``line`` is the one that changes it, if that was found, else the one that multiplies by it.
    """

    line: CallSite
    course: tuple[tuple[int, float], ...]

    @property
    def first(self) -> float:
        """Its first size."""
        return self.course[0][1]

    def since(self, step: int) -> tuple[float, ...]:
        """Return its sizes from a step on."""
        return tuple(size for at, size in self.course if at >= step)

    def risen_at(self, times: float) -> int:
        """Return the first step at which it was so many times its first size, or the last one."""
        risen = (at for at, size in self.course if size >= times * self.first)
        return next(risen, self.course[-1][0])


def scalings(measurements: Measurements, model: str) -> Iterator[Scaling]:
    """Yield the factors of the losses on a model, line by line."""
    courses: dict[CallSite, list[tuple[int, float]]] = {}
    moved: dict[CallSite, CallSite] = {}
    for objective in measurements.objectives:
        if any(place[0] == model for place in objective.outputs):
            for factor in objective.factors:
                if factor.site is not None:
                    courses.setdefault(factor.site, []).append((objective.step, factor.value))
                    if factor.moved is not None:
                        moved[factor.site] = factor.moved
    for site, course in courses.items():
        yield Scaling(moved.get(site, site), tuple(course))
