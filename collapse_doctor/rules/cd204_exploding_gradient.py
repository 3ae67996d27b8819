"""CD204 exploding-gradient: the gradient grows without bound, down the layers or from step to step.

What it finds
-------------
Either the gradient of the first block, relative to its weights, is larger than that of the last
block by more than float32 can resolve. Or the gradient of the model grows that much over its first
value, or until it is no longer finite, and does not come back. These are as the optimizer gets
them: after clipping, which leaves the first case visible and not the second. Or the gradient at
the output of the first block, before anything is clipped, is longer than that at the embedding by
more than networks that learn have: less is enough where it grows from block to block than where
one of them, as a normalisation of small numbers, makes most of it. Or it grows on with a number
that multiplies what the loss is made of, as one over a temperature.

Why it matters
--------------
A step that is right for the last layers throws the first ones about, and one that is right for
the first leaves the last where they are. Growing from step to step it ends in NaN.

Likely causes
-------------
Weights that were initialised too large, above all in tanh networks without normalisation; a long
recurrence; a learning rate too large for the loss; a division by a norm or a deviation near zero.

What to do
----------
An initialisation that fits the activation, normalisation, residual connections with a small
scale; a smaller learning rate or a warm-up; clipping (`torch.nn.utils.clip_grad_norm_`) against
growth over time; an `eps` in divisions and roots.

What would refute it
--------------------
A first block whose weights are small by design beside a gradient of the usual size.

Bounds and their source
-----------------------
resolution: 1.19209e-07, the distance of 1 to the next number of float32 (IEEE 754); gradients may
grow by its inverse. Beyond that, a step that moves the first part by its own size is lost in
rounding the last part's weights. Of the networks of `benchmarks/gradients.py` (12 kinds of 5 to 50
layers, 5 initialisations, SGD and Adam) that learn within 60 steps none came above 4.6e+05 at any
step, over depth, and none above 1.0e+03 over steps: 231 that learn among the 476 of 600 that were
run. (An earlier run of 543 of them gave 1.3e+03 over steps.)
looks: 3, the last ones, at which the gradient still explodes or, where layers were saturated by
it, has vanished or is NaN: networks that find their way out of a bad start are left alone.
flow: 500000 times the length at the embedding, at every look: seven times the largest that any of
those networks that learnt had at any step, 6.8e+04 with SGD and with Adam; at every step none had
more than 160. Adam brings the loss of some whose gradient grows more down from 1e+09 and beyond,
but in these steps none of them to where guessing is.
steady: 1000 times, at every look, where no step from one block to the next has more than half of
that growth (of its logarithm), but one through a recurrence, which is many steps in one: six times
the largest that any of those networks that learnt had at every step, 160 with SGD, 120 with Adam.
With Adam a residual network of 50 layers and a plain one of 5 have more and bring losses of 10,000
and more down, in these steps not to where guessing is.
steps: 8, the first steps, which are looked at one by one.
scaled: 100 times, of both, at each of the last looks (late: 2), where the factor is largest at the
last one and above 100: that at which CLIP clips its learnt one (Radford et al., 2021), to keep it
stable.
before: 100000 times the first gradient, the growth after which a gradient that is not finite
counts as exploded: a hundred times more than that of those networks (chosen after seeing them).
One that is not finite all at once divides by zero or takes a root of it: CD401.

References
----------
Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013;
Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021,
section 2.5; Schoenholz et al., "Deep Information Propagation", ICLR 2017 (where tanh networks turn
chaotic).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Reach, Update
from collapse_doctor.rules.factors import scalings
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
    """How large a gradient must be, and how long."""

    resolution: float = RESOLUTION  # of float32; growth by its inverse is symmetric to vanishing
    looks: int = 3  # different steps
    steps: int = 8  # as many as are looked at one by one
    flow: float = 5e5  # from the embedding to the first block
    steady: float = 1e3  # the same, where it grows from block to block
    late: int = 2  # the last looks, at which a factor and the gradient are that large
    scaled: float = 1e2  # of a factor of the loss, and of the gradient at the embedding with it
    before: float = 1e5  # growth seen before a gradient that is not finite

    @property
    def growth(self) -> float:
        """How many times larger a gradient must be."""
        return 1 / self.resolution


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each model whose gradient explodes."""
    return judge_each(measurements, lambda course: _examine(measurements, course, bounds))


def _examine(measurements: Measurements, course: Course, bounds: Bounds) -> Iterator[Match]:
    looks = [update for update in course.own if any(part.graded for part in update.parts)]
    steps = steps_of(looks)
    if len(steps) < bounds.looks or steps[-1] + 1 < bounds.steps:
        raise NotExamined(f"gradients were looked at in {len(steps)} steps only")
    match = (
        _over_depth(course, looks, bounds)
        or _over_time(course, looks, bounds)
        or _on_the_way(course, bounds)
        or _scaled_up(measurements, course, bounds)
    )
    if match is not None:
        yield match


def _ratio(update: Update) -> float | None:
    sizes = profile(update)
    return sizes[0][1] / sizes[-1][1] if len(sizes) > 1 else None


def _over_depth(course: Course, looks: Sequence[Update], bounds: Bounds) -> Match | None:
    """Find a gradient that grew down the layers, and did not come back to where layers learn.

    One step of it may saturate the layers, which then let nothing through.
    """
    ratios = [(update, ratio) for update in looks if (ratio := _ratio(update)) is not None]
    large = [(update, ratio) for update, ratio in ratios if ratio > bounds.growth]
    if not large or not all(_is_wild(update, bounds) for update in looks[-bounds.looks :]):
        return None
    update, ratio = large[0]
    sizes = profile(update)
    return Match(
        message=f"The gradient of {course.model} grows by a factor of {ratio:.0e} from "
        f"{sizes[-1][0]} down to {sizes[0][0]}.",
        where=at(course, line_of(course, gathered=True), step=update.step, layer=sizes[0][0]),
        evidence={
            "growth": Evidence(ratio, bounds.growth, ">", meaning="first block to last"),
            "first": Evidence(sizes[0][1], meaning=f"gradient of {sizes[0][0]} to its weights"),
            "last": Evidence(sizes[-1][1], meaning=f"gradient of {sizes[-1][0]} to its weights"),
            "looks": Evidence(len(large), 1, ">=", unit="steps", meaning=f"of {len(ratios)}"),
        },
    )


def _on_the_way(course: Course, bounds: Bounds) -> Match | None:
    """Find a gradient that grows from block to block, at every look, whatever is made of it.

    Weights may get the same everywhere meanwhile: what grows down the blocks grew up them, too.
    """
    growths = [(reach, growth) for reach in course.flows if (growth := _growth(reach)) is not None]
    steps = {reach.step for reach, _ in growths}
    bound = bounds.steady if all(_is_steady(reach) for reach, _ in growths) else bounds.flow
    if len(steps) < bounds.looks or not all(growth > bound for _, growth in growths):
        return None
    reach, growth = growths[0]
    layer = max(reach.flow, key=lambda block: block[1] or 0.0)[0]
    line = line_of(course, gathered=True, recurs=bool(reach.recurrent))
    return Match(
        message=f"The gradient at the embedding of {course.model} grows by a factor of "
        f"{growth:.0e} on its way down to {layer}, at every step looked at.",
        where=at(course, line, step=reach.step, layer=layer),
        evidence={
            "growth": Evidence(growth, bound, ">", meaning="largest block to embedding"),
            "embedding": Evidence(reach.flow[-1][1] or 0.0, meaning="length of its gradient"),
            "looks": Evidence(len(steps), bounds.looks, ">=", unit="steps"),
        },
    )


def _scaled_up(measurements: Measurements, course: Course, bounds: Bounds) -> Match | None:
    """Find a number that multiplies what a loss is made of and grows on, the gradient with it."""
    by_step: dict[int, float] = {}
    for reach in course.reaches:
        if reach.gradient:
            by_step[reach.step] = max(reach.gradient, by_step.get(reach.step, 0.0))
    steps = sorted(by_step)
    if len(steps) <= bounds.looks:
        return None
    growth = min(by_step[step] for step in steps[-bounds.late :]) / by_step[steps[0]]
    for scaling in scalings(measurements, course.model):
        sizes = scaling.since(0)
        late = sizes[-bounds.late :]
        risen = len(sizes) > bounds.looks and min(late) >= bounds.scaled * max(1.0, sizes[0])
        if not risen or sizes[-1] < max(sizes) or growth < bounds.scaled:
            continue
        return Match(
            message=f"The gradient at the embedding of {course.model} grew {growth:.0e}-fold to "
            f"step {steps[-1]}, and a number that multiplies what its loss is made of grows with "
            f"it, from {sizes[0]:.2g} to {sizes[-1]:.2g}.",
            where=at(course, scaling.line, step=scaling.risen_at(bounds.scaled**0.5)),
            evidence={
                "growth": Evidence(growth, bounds.scaled, ">=", meaning="of the last to the first"),
                "factor": Evidence(sizes[-1] / sizes[0], bounds.scaled, ">=", meaning="likewise"),
                "looks": Evidence(len(sizes), bounds.looks, ">", unit="steps"),
            },
            confidence=Confidence.MEDIUM,
            cause="A temperature that is lowered, or a weight that is raised, at every step and "
            "without an end. Bound it, or change it once in an epoch.",
        )
    return None


def _growth(reach: Reach) -> float | None:
    """Return the gradient at the block where it is largest, as a multiple of the embedding's."""
    *blocks, (_, last) = reach.flow
    known = [size for _, size in blocks if size is not None]
    return max(known) / last if len(known) == len(blocks) and last else None


def _is_steady(reach: Reach) -> bool:
    """Tell whether a gradient grows from block to block: none adds more than half of all growth.

    A product of many factors is what grows without bound with the number of layers; one factor is
    a matter of scale, as that of a normalisation of numbers that are small. A block that is a
    recurrence is such a product by itself.
    """
    flow = [(layer, size) for layer, size in reach.flow if size]
    largest = max(range(len(flow)), key=lambda place: flow[place][1])
    steps = [
        (math.log(one / next_), layer in reach.recurrent)
        for (_, one), (layer, next_) in itertools.pairwise(flow[largest:])
    ]
    single = [step for step, recurs in steps if not recurs]
    return bool(steps) and max(single, default=0.0) <= sum(step for step, _ in steps) / 2


def _is_wild(update: Update, bounds: Bounds) -> bool:
    """Tell whether layers cannot learn together: by explosion, or by what came of it."""
    ratio = _ratio(update)
    if ratio is None or _size(update) is None:
        return _size(update) is None
    return not 1 / bounds.growth <= ratio <= bounds.growth


def _over_time(course: Course, looks: Sequence[Update], bounds: Bounds) -> Match | None:
    """Find a gradient that grew from step to step, and stayed large or became infinite."""
    sizes = [(update, _size(update)) for update in looks]
    finite = [(update, size) for update, size in sizes if size]
    if len(finite) < 2:
        return None
    first, last = finite[0][1] or 1.0, sizes[-1][1]
    update, largest = max(finite, key=lambda pair: pair[1] or 0.0)
    most = (largest or 0.0) / first
    ended = last is None and most >= bounds.before
    if not ended and not (last is not None and last / first > bounds.growth):
        return None
    end = ", and is no longer finite at the last step looked at" if ended else ""
    return Match(
        message=f"The gradient of {course.model} grew {most:.0e}-fold from step "
        f"{finite[0][0].step} to step {update.step}{end}.",
        where=at(course, line_of(course, drawn=False, rate=True), step=update.step),
        evidence={
            "growth": Evidence(most, bounds.before if ended else bounds.growth, ">"),
            "first": Evidence(first, meaning="root mean square at the first step"),
            "largest": Evidence(largest or 0.0, meaning="the same where it was largest"),
        },
    )


def _size(update: Update) -> float | None:
    """Return the gradient of the part where it is largest, None if one is not finite."""
    sizes = [part.gradient for part in update.parts if part.graded]
    known = [size for size in sizes if size is not None]
    return max(known) if known and len(known) == len(sizes) else None


RULE = Rule(
    code="CD204",
    name="exploding-gradient",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
