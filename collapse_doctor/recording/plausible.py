"""What a line may claim. A type can be right and the number in it impossible."""

from __future__ import annotations

from msgspec import ValidationError

from collapse_doctor.recording.observations import (
    Activation,
    AlongBatch,
    Comparison,
    Cost,
    Intake,
    Labels,
    Loss,
    Measure,
    Notice,
    Objective,
    Observation,
    Probe,
    Reach,
    Snapshot,
    Spread,
    Tick,
    Update,
)

__all__ = ["check"]

MAX_COUNT = 1 << 53  # whole numbers up to here are exact in the float64 columns of tables
MAX_WIDTH = 1 << 31
MAX_SECONDS = 1e10  # three centuries
ROUNDING = 1e-6  # by which the float64 quotient of two sums may leave [0, 1]


def check(observation: Observation) -> None:
    """Raise ValidationError if a number in a decoded line cannot be true.

    Counts and steps are not negative, shares lie in [0, 1], and relations point at operands
    that are there. A share may be undefined (None), but for that of the rows that are not
    finite: it is known wherever there are rows, and all other measures are read by it.
    """
    match observation:
        case Measure():
            _check_measure(observation)
        case Probe(rows=rows, width=width, depth=depth):
            _check_counts(rows=rows, depth=depth)
            _check_counts(most=MAX_WIDTH, width=width)
        case Comparison(step=step, operands=operands, relations=relations):
            _check_counts(step=step)
            for relation in relations:
                _check_counts(most=len(operands) - 1, left=relation.left, right=relation.right)
        case Labels(step=step, count=count, distinct=distinct, batch=batch):
            _check_counts(step=step, count=count, distinct=distinct, batch=batch)
        case Intake():
            _check_intake(observation)
        case Loss(step=step) | Snapshot(step=step) | Notice(step=step) | Objective(step=step):
            _check_counts(step=step)
        case Spread(step=step, forward=forward) | AlongBatch(step=step, forward=forward):
            _check_counts(step=step, forward=forward)
            _check_shapes(observation)
        case Activation():
            _check_activation(observation)
        case Reach(step=step, forward=forward, calls=calls):
            _check_counts(step=step, forward=forward, calls=calls)
        case Update():
            _check_update(observation)
        case Tick(steps=steps, forwards=forwards):
            _check_counts(steps=steps, forwards=forwards)
        case Cost():
            _check_counts(step=observation.step)
            _check_range("elapsed", observation.elapsed, 0.0, MAX_SECONDS)
            _check_range("spent", observation.spent, 0.0, MAX_SECONDS)
            _check_range("budget", observation.budget, 0.0, 1.0)
        case _:
            pass


def _check_activation(seen: Activation) -> None:
    _check_counts(step=seen.step, forward=seen.forward, number=seen.number, rows=seen.rows)
    _check_counts(most=MAX_WIDTH, units=seen.units)
    for name, share in (("stuck", seen.stuck), ("ends", seen.ends)):
        if share is not None:
            _check_range(name, share, -ROUNDING, 1.0 + ROUNDING)


def _check_update(update: Update) -> None:
    _check_counts(step=update.step, number=update.number, trainable=update.trainable)
    _check_counts(others=update.others, absent=update.absent)
    for part in update.parts:
        _check_counts(tensors=part.tensors, sampled=part.sampled)
        _check_counts(most=part.tensors, graded=part.graded)
        _check_counts(most=part.sampled, pulled=part.pulled, moved=part.moved)
        _check_counts(most=part.sampled, drifted=part.drifted)


def _check_intake(intake: Intake) -> None:
    _check_counts(step=intake.step, forward=intake.forward, rows=intake.rows, batch=intake.batch)
    _check_counts(most=intake.rows, distinct=intake.distinct, least=intake.least)
    _check_counts(most=intake.rows, runs=intake.runs)
    for size in intake.shape:
        _check_counts(size=size)
    if intake.dispersion is not None:
        _check_range("dispersion", intake.dispersion, 0.0, 1.0 + ROUNDING)


def _check_measure(measure: Measure) -> None:
    _check_counts(step=measure.step, forward=measure.forward, rows=measure.rows)
    _check_counts(most=MAX_WIDTH, width=measure.width)
    for name, value in measure.values.items():
        if value is not None and name.endswith("_share"):
            _check_range(name, value, -ROUNDING, 1.0 + ROUNDING)
    if measure.values.get("nonfinite_share", 0.0) is None:
        raise ValidationError("the share of rows that are not finite is undefined")


def _check_shapes(seen: Spread | AlongBatch) -> None:
    """Check what all pairs, or a batch of rows, have at least: two dimensions."""
    shape = seen.result if isinstance(seen, Spread) else seen.operand.shape
    if len(shape) < 2 or (isinstance(seen, Spread) and not seen.operands):
        raise ValidationError(f"a shape of {len(shape)} dimensions")
    for size in shape:
        _check_counts(size=size)


def _check_counts(*, most: int = MAX_COUNT, **counts: int | None) -> None:
    for name, count in counts.items():
        if count is not None:
            _check_range(name, count, 0, most)


def _check_range(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValidationError(f"{name} {value} is not from {least} to {most}")
