"""CD201 no-gradient: no gradient reaches the embedding, although it was to be trained.

What it finds
-------------
An optimizer holds parameters of the model and steps, the model is run, and at every step that was
looked at none of these parameters has a gradient: the way from the loss back to the embedding is
cut. Single numbers (a temperature, a bias) and a penalty on the weights do not count: they get
their gradient without any embedding. Or all gradients are exactly zero from the first step on, in
a model that was never trained. Or a gradient came at first and then no more, while nothing else
learns in the model's stead: another watched model that lost its own by then does not, nor does a
head where the term that the model learnt by is still added to the loss, without a gradient.

Why it matters
--------------
Nothing is learnt. The loss may still go down, because a head or a temperature behind the cut
learns, and so nobody notices: the embeddings stay those of the first step.

Likely causes
-------------
The embedding was detached (`.detach()`, `.data`), taken through NumPy, `.item()`, `.tolist()` or
`torch.tensor(z)`, made under `torch.no_grad()`, or replaced by `sign`, `argmax` or `round`, which
have no gradient; a new tensor was made of the loss and given `requires_grad=True`; `backward()` is
not called; or the loss is computed from something else.

What to do
----------
Let the loss be computed from the tensor that the model returned, by operations that have a
gradient, outside `torch.no_grad()`. Where bits or codes are needed, let the gradient pass beside
them: `z + (z.sign() - z).detach()`. Detach only what is a target. If the model is meant to rest,
take its parameters out of the optimizer and say so: `requires_grad_(False)`.

What would refute it
--------------------
The model rests on purpose and its parameters only happen to be in the optimizer, as in a first
phase in which a head is trained alone.

Bounds and their source
-----------------------
looks: 3 different steps, all without a gradient. In the longest usual game of two networks with
one optimizer the critic has five turns for one of its generator; the first 8 steps are all looked
at, so no shorter run is called sick before a turn of everybody came.
steps: 8, the first steps, which are looked at one by one.

References
----------
Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021, section 4.1 (what
stop-gradient is for, and where it belongs).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Reach, Update
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.wiring import Course, at, judge_each, steps_of

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How long a gradient must be missing."""

    looks: int = 3  # different steps
    steps: int = 8  # as many as are looked at one by one: everybody has had a turn


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each model that is in an optimizer and never gets a gradient."""
    return judge_each(measurements, lambda course: _examine(measurements, course, bounds))


def _examine(measurements: Measurements, course: Course, bounds: Bounds) -> Iterator[Match]:
    own = [update for update in course.own if update.parts]
    if not own:
        if course.own:  # all it holds of the model is frozen: that is CD202's to judge
            return
        raise NotExamined("no optimizer that holds its parameters was seen to step")
    if any(course.learns_at(update) for update in own):
        yield from _ended(measurements, course, own, bounds)
        return
    if not _may_judge(course):
        return
    steps = steps_of(own)
    if len(steps) < bounds.looks or steps[-1] + 1 < bounds.steps:
        raise NotExamined(f"only {len(steps)} steps of its optimizer were looked at")
    if len({reach.step for reach in course.reaches}) < bounds.looks:
        raise NotExamined("its optimizer finds no gradient, but its forward passes were not seen")
    if not course.came_back or course.lost_inside:  # else it was cleared before the step: CD202
        yield _match(course, bounds, steps)


def _may_judge(course: Course) -> bool:
    """Tell whether a model without a gradient of its own is one that was to get one.

    What moves without any is moved by something else, as a moving average. Where gradients are
    there but zero, only an untrained model is judged, from its first step on: a trained one may
    have nothing left to learn, a margin that all triplets keep. And where a penalty on the weights
    is all that pulls them, nothing may have come back to an output, not even zero.
    """
    if course.is_moved_from_outside or (course.has_moved and not course.has_gradient):
        return False
    parts = [part for update in course.own for part in update.parts if part.graded > part.scalars]
    if any(part.gradient == 0.0 for part in parts):
        return course.fresh and course.own[0].step == 0
    return not parts or not any(reach.calls for reach in course.reaches)


def _ended(
    measurements: Measurements, course: Course, own: Sequence[Update], bounds: Bounds
) -> Iterator[Match]:
    """Yield a match for a model that got a gradient at first and none any more.

    Only where nothing learns in its stead, for a phase in which a head alone is trained is no
    fault; or where what it learnt by is still added to the loss, and is a mere number by now.
    """
    last = max(i for i, update in enumerate(own) if course.learns_at(update))
    company = max(course.others_at, default=-1)  # what had lost its own by then is none
    rest = [update for update in own[last + 1 :] if update.step > company]
    steps = steps_of(rest)
    if len(steps) < bounds.looks:
        return
    heads = any(update.others for update in rest)
    if heads and not _is_left_in(measurements, course, steps[0], bounds):
        return
    if any(part.graded > part.scalars or part.moved for update in rest for part in update.parts):
        return  # a penalty, zeros or a hand-made update: other phases of a training have them
    passes = [reach for reach in course.reaches if reach.step >= steps[0]]
    if any(reach.calls for reach in passes) or not course.came_back:
        return
    if passes and len({reach.step for reach in passes}) < bounds.looks:
        return  # none at all is telling: what was run and learnt before is not run any more
    ended = replace(course, updates=tuple(rest), reaches=tuple(passes), company=False)
    yield _match(ended, bounds, steps)


def _is_left_in(measurements: Measurements, course: Course, since: int, bounds: Bounds) -> bool:
    """Tell whether a term that takes no gradient is added to the loss since the model has none.

    A number that is always the same, as the zero that stands for a term that is not wanted, is no
    such term; and none was added as long as the model learnt.
    """
    parted: tuple[list[float | None], list[float | None]] = ([], [])
    for objective in measurements.objectives:
        ours = any(place[0] == course.model for place in objective.outputs)
        if ours == (objective.step >= since):
            return False
        parted[not ours].append(objective.added)
    before, after = parted
    values = {value for value in after if value}
    return (
        bool(before)
        and not any(before)
        and all(after)
        and len(after) >= bounds.looks
        and len(values) > 1
    )


def _match(course: Course, bounds: Bounds, steps: tuple[int, ...]) -> Match:
    cut = next((reach for reach in course.reaches if reach.cut), None)
    made = next((reach for reach in course.reaches if not reach.graph), None)
    blind = all(not reach.graph for reach in course.reaches)
    optimizer = course.own[0].optimizer
    cause, where = _cause(course, cut, made, blind)
    step = course.own[0].site
    related = [at(course, step, "the optimizer steps here")] if step is not None else []
    if cut is not None and cut.without is not None and cut.site is not None:
        related.insert(0, at(course, cut.site, "it is applied here"))
    return Match(
        message=(
            f"No gradient reaches {course.model}: {optimizer} holds its parameters, and at all "
            f"{len(steps)} steps looked at none of them had " + _missing(course)
        ),
        where=where,
        related=tuple(related),
        evidence={
            "steps": Evidence(len(steps), bounds.looks, ">=", meaning="looked at, without any"),
            "outputs": Evidence(len(course.reaches), meaning="forward passes looked at"),
            "with_graph": Evidence(sum(reach.graph for reach in course.reaches)),
            "backward_calls": Evidence(sum(reach.calls for reach in course.reaches)),
        },
        severity=_severity(course),
        confidence=Confidence.MEDIUM if course.has_gradient else Confidence.HIGH,
        cause=cause,
    )


def _missing(course: Course) -> str:
    parts = [part for update in course.own for part in update.parts if part.graded]
    if not parts:
        return "a gradient."
    if all(part.graded == part.scalars for part in parts):
        return "a gradient, but single numbers (a temperature, a bias)."
    if any(part.gradient == 0.0 for part in parts):
        return "a gradient other than zero."
    return "a gradient other than that of a penalty on the weights."


def _severity(course: Course) -> Severity:
    """Return how bad it is: a tower that was trained before may rest beside one that learns."""
    if not course.company:
        return Severity.ERROR
    return Severity.WARNING if course.fresh else Severity.INFO


def _cause(course: Course, cut: Reach | None, made: Reach | None, blind: bool) -> tuple[str, Where]:
    """Return why, and the line to change, as far as they were seen."""
    first = course.own[0].step
    lost = course.lost_inside
    if lost is not None:
        text = (
            f"The gradient comes to {course.model} and is exactly zero at {lost.flow[-2][0]}: "
            "what lies between has a slope of zero, as `sign`, `round`, `argmax` and comparisons "
            "have everywhere, and an activation that is flat for all inputs."
        )
        return text, at(course, lost.steep or lost.made, step=first)
    if not course.reaches:
        text = (
            f"{course.model} is not called any more at these steps: its embeddings are read from "
            "where they were kept, as from a cache, or another's are taken in their place."
        )
        return text, at(course, None, step=first)
    if blind and made is not None:
        text = (
            "The embedding has no graph where the model returns it: the forward pass runs under "
            "`torch.no_grad()` or `torch.inference_mode()`, or detaches inside."
        )
        return text, at(course, made.without or made.made, step=first)
    if cut is not None and cut.cut.endswith(".apply"):
        text = f"The `backward` of what `{cut.cut}` applies lets nothing through, or zeros only."
        return text, at(course, cut.without or cut.site, step=first)
    if cut is not None:
        text = f"`{cut.cut}` takes the embedding out of the graph, and the loss is made of that."
        return text, at(course, cut.site, step=first)
    text = (
        "The loss does not depend on what the model returned, `backward()` is not called on it, "
        "or the value was copied out of the graph where it could not be seen."
    )
    return text, at(course, None, step=first)


RULE = Rule(
    code="CD201",
    name="no-gradient",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
