"""What entered the models, as the rules ask for it: beside which rows it was, and since when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.recording.observations import Intake

__all__ = ["distinct_inputs", "intakes_of", "lasting"]


def intakes_of(measurements: Measurements, model: str) -> list[Intake]:
    """Return what entered one model, oldest first."""
    return [intake for intake in measurements.intakes if intake.model == model]


def lasting(intakes: Sequence[Intake], holds: Callable[[Intake], bool]) -> list[Intake]:
    """Return the last intakes, from the first one on from which ``holds`` stays true."""
    begin = len(intakes)
    while begin and holds(intakes[begin - 1]):
        begin -= 1
    return list(intakes[begin:])


def distinct_inputs(
    measurements: Measurements, layer: LayerState, step: int, rows: int
) -> Intake | None:
    """Return what the ``rows`` of a layer at one step were made from; None where that is unknown.

    It is known where the model was given as many rows as it returned, and nothing else that might
    tell rows apart.
    """
    for intake in intakes_of(measurements, layer.model):
        if (intake.step, intake.rows) == (step, rows) and intake.whole:
            return intake
    return None
