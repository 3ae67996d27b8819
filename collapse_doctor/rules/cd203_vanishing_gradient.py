"""CD203 vanishing-gradient: on its way down through the layers the gradient decays to nothing.

What it finds
-------------
The gradient of an early block, relative to its weights, is smaller than that of the block where it
is largest by more than float32 can resolve, and for optimizers of Adam's kind also below their
`eps`; at every step looked at. Or the gradient of the whole model is so small that no step changes
a single number of it. Exact zeros count only in the first blocks of a model that was not trained
before: elsewhere they are cut or unused, not decayed to. Or it falls as much on its way from the
embedding to the output of the first block, and leaves that block a gradient that float32 would
not add to its weights. Or it has become too small to move anything while a number that multiplies
the loss went to nothing. Or all of it is zero where all rows are alike: nothing was learnt yet, and
nothing will be.

Why it matters
--------------
No learning rate serves all layers: one that moves the late ones moderately leaves the early ones
exactly as they were drawn. The network learns on random features, or nothing at all.

Likely causes
-------------
Many sigmoid or tanh layers; default initialisation of a deep network without normalisation or
residual connections; weights that were initialised far too small; a long recurrence; a loss that
is saturated, or that does not depend on the embedding (then CD101 to CD106 say why).

What to do
----------
Residual connections and normalisation; an initialisation that fits the activation (He for ReLU,
Glorot or LeCun for tanh); ReLU, GELU or SiLU instead of sigmoid; gates in a recurrence.

What would refute it
--------------------
The early layers rest on purpose behind a gate that opens later, or the model had learnt all there
is before the watch began.

Bounds and their source
-----------------------
decay: 1.19209e-07, the distance of 1 to the next number of float32 (IEEE 754): a step that moves
the largest part by its own size is lost in rounding the smallest part's weights. Of the networks
of `benchmarks/gradients.py` (12 kinds of 5 to 50 layers, 5 initialisations, SGD and Adam) that
learn within 60 steps none stays below it at all steps, though some pass through it: at one step at
least the first block's gradient, relative to its weights, was 0.034 of the last's or more, and on
the way down 4.3e-07 of the embedding's. Those are 231 that learn among the 476 of 600 networks
that were run; that "all steps" is asked was decided after an earlier run of mostly the same
networks.
steady: 1.19209e-05, a hundred times that, where no step from one block to the next has more than
half of the fall (of its logarithm): a step by which the largest part moves a hundredth of its size
still leaves the first as it was drawn. It is three thousand times below the 0.034 of the same
networks.
scaled: 1000 times, by which a number that multiplies the loss must have fallen to be told as the
reason of a gradient that has become too small to move anything (as `decay` has it).
looks: 3 different steps: some networks are born with a gradient of zero that grows at once, such
as residual blocks that start as the identity.
steps: 8, the first steps, which are looked at one by one.

References
----------
Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
AISTATS 2010; Hochreiter, "Untersuchungen zu dynamischen neuronalen Netzen", 1991.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.recording.observations import CallSite, Reach, Update
from collapse_doctor.rules.factors import scalings
from collapse_doctor.rules.geometry import rounding
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.wiring import (
    RESOLUTION,
    Course,
    at,
    judge_each,
    line_of,
    profile,
    steps_of,
)

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How small a gradient must be, and how long."""

    decay: float = RESOLUTION  # of float32: what a moderate step of the largest part leaves alone
    steady: float = 100 * RESOLUTION  # the same, of a step by a hundredth; where each block loses
    scaled: float = 1e3  # times smaller that a factor of the loss has become
    looks: int = 3  # different steps
    steps: int = 8  # as many as are looked at one by one


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each model whose gradient decays to nothing."""
    alike = {
        layer.model
        for layer in measurements.layers
        if layer.role in ("output", "chosen") and _is_alike(layer)
    }
    return judge_each(
        measurements,
        lambda course: itertools.chain(
            _examine(measurements, course, bounds, alike=course.model in alike),
            _scaled_away(measurements, course, bounds),
        ),
    )


def _is_alike(layer: LayerState) -> bool:
    """Tell whether the rows of an embedding are equal, up to the rounding of their dtype."""
    return layer.values.get("relative_dispersion", math.nan) < 10 * rounding(layer)


def _examine(
    measurements: Measurements, course: Course, bounds: Bounds, *, alike: bool
) -> Iterator[Match]:
    looks = [update for update in course.own if any(part.graded for part in update.parts)]
    steps = steps_of(looks)
    if len(steps) < bounds.looks or steps[-1] + 1 < bounds.steps:
        raise NotExamined(f"gradients were looked at in {len(steps)} steps only")
    if all(_is_nothing(update, bounds) for update in looks) and not course.has_moved:
        yield _nothing(course, looks, bounds)
        return
    if alike and not course.has_moved and all(map(_is_zero, looks)):
        yield _nothing(course, looks, bounds)
        return
    if any(_explodes(update, bounds) for update in looks):  # and saturated the layers: CD204
        return
    zeros = course.fresh and all(_begins_with_zero(update) for update in looks)
    if all(_decays(update, bounds, zeros) for update in looks):
        yield _decayed(course, looks, bounds, zeros)
    elif _is_flat(measurements, course, looks, bounds):
        yield _nothing(course, looks, bounds)
    elif all(_is_lost(update, bounds) for update in looks):
        yield from _faded(course, looks, bounds)


def _scaled_away(measurements: Measurements, course: Course, bounds: Bounds) -> Iterator[Match]:
    """Yield a match if a number that multiplies the loss went to nothing, the gradient with it."""
    looks = [update for update in course.own if any(part.graded for part in update.parts)]
    last = max((i for i, update in enumerate(looks) if not _is_nothing(update, bounds)), default=-1)
    rest = looks[last + 1 :]
    if last < 0 or len(steps_of(rest)) < bounds.looks:
        return
    since = rest[0].step
    for scaling in scalings(measurements, course.model):
        sizes = scaling.since(since)
        if len(sizes) < bounds.looks or max(sizes) * bounds.scaled > scaling.first:
            continue
        size = max(part.gradient or 0.0 for part in rest[-1].parts)
        yield Match(
            message=f"Since step {since} or shortly before the gradient of {course.model} is "
            f"nearly zero in all of its parts ({size:.1e} at most): its loss is multiplied by a "
            f"number that went from {scaling.first:.2g} to {sizes[-1]:.1g}.",
            where=at(course, scaling.line, step=since),
            evidence={
                "factor": Evidence(
                    sizes[-1] / scaling.first, 1 / bounds.scaled, "<", meaning="last to first"
                ),
                "gradient": Evidence(size, meaning="largest root mean square of a part"),
                "looks": Evidence(len(rest), bounds.looks, ">=", unit="steps"),
            },
            confidence=Confidence.MEDIUM,
            cause="A weight or temperature that is changed at every step, or by a schedule that "
            "was meant for epochs: what is left of the loss trains nothing here.",
        )
        return


def _is_flat(
    measurements: Measurements, course: Course, looks: Sequence[Update], bounds: Bounds
) -> bool:
    """Tell whether no step moves weights by what float32 resolves, far from the end of the loss.

    Weights that began as zeros move by any step. Where the training has come to its end the loss is
    as small as its gradient; and what rounding adds to a gradient is about its share of the loss.
    """
    moved = [part for update in looks for part in update.parts if part.weight and part.graded]
    still = all((p.change or 0.0) < bounds.decay * (p.weight or 0.0) for p in moved)
    if not still or not all(_is_nothing(u, bounds) or _is_zero(u) for u in looks):
        return False
    losses = {
        objective.step: abs(objective.value)
        for objective in measurements.objectives
        if objective.value and any(place[0] == course.model for place in objective.outputs)
    }
    shares = [
        max(part.gradient or 0.0 for part in update.parts) / losses[update.step]
        for update in looks
        if update.step in losses
    ]
    small = bool(shares) and statistics.median(shares) < bounds.decay
    return small and any(not _is_zero(update) for update in looks)


def _is_zero(update: Update) -> bool:
    """Tell whether a gradient was there, and was zero in all of its numbers."""
    return all(part.gradient == 0.0 for part in update.parts if part.graded)


def _is_lost(update: Update, bounds: Bounds) -> bool:
    """Tell whether float32 would not add the first block's gradient to its weights.

    Nor an optimizer that divides by the size of the gradient, which has its own `eps`.
    """
    known = [part for part in update.parts if part.layer and part.graded and part.weight]
    if not known or known[0].gradient is None:
        return False
    first = known[0].gradient
    lost = first < bounds.decay * (known[0].weight or 0.0)
    return lost and (update.eps is None or first < update.eps)


def _faded(course: Course, looks: Sequence[Update], bounds: Bounds) -> Iterator[Match]:
    """Yield a match if the gradient fell to nothing between the embedding and the first block."""
    falls = [(reach, fall) for reach in course.flows if (fall := _fall(reach)) is not None]
    steps = {reach.step for reach, _ in falls}
    if len(steps) < bounds.looks or not all(fall < bounds.decay for _, fall in falls):
        return
    reach, fall = falls[0]
    first, _ = reach.flow[0]
    by = f"by a factor of {1 / fall:.0e}" if fall else "to exactly zero"
    yield Match(
        message=f"The gradient at the embedding of {course.model} decays {by} on its way down to "
        f"{first}, which gets none that could move it.",
        where=at(course, line_of(course, squashed=True), step=looks[0].step, layer=first),
        evidence={
            "decay": Evidence(fall, bounds.decay, "<", meaning="first block to the largest"),
            "embedding": Evidence(reach.flow[-1][1] or 0.0, meaning="length of its gradient"),
            "looks": Evidence(len(steps), bounds.looks, ">=", unit="steps"),
        },
    )


def _fall(reach: Reach) -> float | None:
    """Return the gradient at the first block as a share of the largest on its way."""
    sizes = [size for _, size in reach.flow]
    known = [size for size in sizes if size is not None]
    return known[0] / max(known) if len(known) == len(sizes) else None


def _decays(update: Update, bounds: Bounds, zeros: bool) -> bool:
    sizes = profile(update, zeros=zeros)
    bound = bounds.steady if _is_steady(sizes) else bounds.decay
    if len(sizes) < 2 or sizes[0][1] >= bound * max(size for _, size in sizes):
        return False
    first = next(part for part in update.parts if part.layer == sizes[0][0])
    return update.eps is None or (first.gradient or 0.0) < update.eps


def _is_steady(sizes: Sequence[tuple[str, float]]) -> bool:
    """Tell whether a gradient falls from block to block: none takes more than half of the fall.

    A product of many factors is what goes to nothing with the number of blocks; one factor is a
    matter of scale, as that of a branch that opens from a small number.
    """
    known = [size for _, size in sizes if size]
    known = known[: known.index(max(known)) + 1] if known else []
    steps = [math.log(above / below) for below, above in itertools.pairwise(known)]
    return bool(steps) and max(steps) <= sum(steps) / 2


def _begins_with_zero(update: Update) -> bool:
    first = profile(update, zeros=True)[:1]
    return bool(first) and first[0][1] == 0.0


def _explodes(update: Update, bounds: Bounds) -> bool:
    sizes = profile(update)
    return len(sizes) > 1 and sizes[0][1] * bounds.decay > sizes[-1][1]


def _is_nothing(update: Update, bounds: Bounds) -> bool:
    """Tell whether steps of this size are lost in rounding, whatever part they are of."""
    known = [part for part in update.parts if part.gradient and part.weight]
    if not known or not update.rate or any(part.dtype[-2:] not in ("32", "64") for part in known):
        return False
    if update.eps is not None:
        return all((part.gradient or 0.0) < update.eps for part in known)
    sizes = [update.rate * (part.gradient or 0.0) / (part.weight or 1.0) for part in known]
    return max(sizes) < bounds.decay


def _nothing(course: Course, looks: Sequence[Update], bounds: Bounds) -> Match:
    last = looks[-1]
    size = max(part.gradient or 0.0 for part in last.parts)
    moved = sum(part.moved for update in looks for part in update.parts)
    return Match(
        message=f"The gradient of {course.model} is nearly zero in all of its parts "
        f"({size:.1e} at most): no step changed "
        + ("its weights by what float32 resolves." if moved else "any of its numbers."),
        where=at(course, _lost_at(course, looks, bounds), step=looks[0].step),
        evidence={
            "gradient": Evidence(size, meaning="largest root mean square of a part"),
            "looks": Evidence(len(looks), bounds.looks, ">=", unit="steps"),
            "moved": Evidence(moved, unit="numbers", meaning="of those sampled, at all looks"),
        },
        confidence=Confidence.MEDIUM,
    )


def _lost_at(course: Course, looks: Sequence[Update], bounds: Bounds) -> CallSite | None:
    """Return the line to change: of the loss, where nothing comes to the embedding already."""
    sizes = [reach.gradient for reach in course.reaches if reach.gradient is not None]
    saturated = next((u.saturated for u in looks if u.saturated is not None), None)
    if saturated is not None and sizes and statistics.median(sizes) < bounds.decay:
        return saturated
    return line_of(course, squashed=True)


def _decayed(course: Course, looks: Sequence[Update], bounds: Bounds, zeros: bool) -> Match:
    sizes = profile(looks[-1], zeros=zeros)
    most = max(size for _, size in sizes)
    bound = bounds.steady if _is_steady(sizes) else bounds.decay
    lost = [layer for layer, size in sizes if size < bound * most]
    largest = next(layer for layer, size in sizes if size == most)
    by = f"by a factor of {most / sizes[0][1]:.0e}" if sizes[0][1] else "to exactly zero"
    return Match(
        message=f"The gradient of {course.model} decays {by} from {largest} down to "
        f"{sizes[0][0]}; {len(lost)} of {len(sizes)} blocks get none that could move them.",
        where=at(course, line_of(course, squashed=True), step=looks[0].step, layer=lost[-1]),
        evidence={
            "decay": Evidence(sizes[0][1] / most, bound, "<", meaning="first to largest"),
            "first": Evidence(sizes[0][1], meaning=f"gradient of {sizes[0][0]} to its weights"),
            "largest": Evidence(most, meaning=f"gradient of {largest} to its weights"),
            "looks": Evidence(len(looks), bounds.looks, ">=", unit="steps"),
        },
        confidence=Confidence.HIGH if sizes[0][1] else Confidence.MEDIUM,
    )


RULE = Rule(
    code="CD203",
    name="vanishing-gradient",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
