"""A training that became another one: what it minimises since some step, and the state it had then.

A schedule that takes a term out of a loss, or a second phase, begins a training whose first state
is that of its first step.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.recording.observations import Objective
from collapse_doctor.rules.geometry import history
from collapse_doctor.rules.objectives import steps_of

__all__ = ["begun_at", "last_phase"]

_STATE = ("relative_dispersion", "direction_dispersion", "norm_mean")


def last_phase(
    entries: Sequence[Objective], keeps: Callable[[Objective], bool], before: int, since: int
) -> tuple[Objective, ...]:
    """Return the looks since which nothing ``keeps`` rows apart that had done so at all before.

    Nothing unless there were ``before`` steps of the one and ``since`` of the other, two of them
    one after the other: so two kinds of steps in turn are none.
    """
    kept = [one for one in entries if keeps(one)]
    if not kept:
        return ()
    last = max(one.step for one in kept)
    later = tuple(one for one in entries if one.step > last)
    steps = steps_of(later)
    neighbours = any(one + 1 == other for one, other in itertools.pairwise(steps))
    lasted = all(keeps(one) for one in entries if one.step <= last)
    enough = len(steps_of(kept)) >= before and len(steps) >= since
    return later if lasted and enough and neighbours else ()


def begun_at(measurements: Measurements, step: int) -> Measurements:
    """Return measurements as of a training that began at a step: its layers' first state is then.

    Of layers that were not measured since, the first state is not known.
    """
    layers = tuple(_begun(measurements, layer, step) for layer in measurements.layers)
    return replace(measurements, layers=layers, steps=measurements.steps - step)


def _begun(measurements: Measurements, layer: LayerState, step: int) -> LayerState:
    first: dict[str, float] = {}
    for metric in _STATE:
        course = history(measurements, layer, metric)
        pairs = zip(course.steps, course.values, strict=True)
        known = next((value for at, value in pairs if at >= step), None)
        if known is not None:
            first[metric] = known
    return replace(layer, first=first or None)
