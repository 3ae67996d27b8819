"""What the rules on gradients and parameters share: the looks at one model, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from collapse_doctor.findings import Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import CallSite, Part, Reach, Update
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined

__all__ = [
    "RESOLUTION",
    "Course",
    "at",
    "courses",
    "judge_each",
    "line_of",
    "profile",
    "steps_of",
]

RESOLUTION = 2.0**-23
"""Distance of 1 to the next number of float32 (IEEE 754).

Where one part's gradient is smaller than another's by this factor, relative to its weights, no
learning rate serves both: one that moves the one by no more than its own size leaves the other
exactly where it is.
"""


@dataclass(frozen=True)
class Course:
    """All looks at the parameters and outputs of one model, oldest first.

    ``fresh`` says that its weights were as PyTorch draws them when the watch began, ``company``
    that another watched model got a gradient and was moved, ``others_at`` at which steps another
    one was seen to get one. ``target`` is another one that nobody trains, run without a graph.
    """

    model: str
    updates: tuple[Update, ...]
    reaches: tuple[Reach, ...]
    fresh: bool = False
    company: bool = False
    others_at: frozenset[int] = frozenset()
    target: str = ""

    @cached_property
    def own(self) -> tuple[Update, ...]:
        """Steps of optimizers that hold parameters of the model."""
        return tuple(u for u in self.updates if u.optimizer and u.holds and not u.idle)

    @cached_property
    def foreign(self) -> tuple[Update, ...]:
        """Steps of other optimizers, taken before any that holds parameters of the model."""
        return tuple(u for u in self.updates if u.optimizer and not u.holds and not u.idle)

    @cached_property
    def alone(self) -> tuple[Update, ...]:
        """Looks at forward passes, without any step of any optimizer."""
        return tuple(u for u in self.updates if not u.optimizer)

    @property
    def idle(self) -> Update | None:
        """An optimizer of the model that never stepped, if there was one at the end."""
        return next((u for u in self.updates if u.idle), None)

    @property
    def has_moved(self) -> bool:
        """Whether any number that was looked at ever changed."""
        return any(part.moved or part.drifted for part in _parts(self.updates))

    @property
    def has_weights(self) -> bool:
        """Whether more than single numbers were ever looked at."""
        return any(part.tensors > part.scalars for part in _parts(self.updates))

    @property
    def has_only_scalars(self) -> bool:
        """Whether the optimizers hold nothing of the model but single numbers."""
        return not any(part.tensors > part.scalars for part in _parts(self.own))

    def learns_at(self, update: Update) -> bool:
        """Tell whether a gradient was there that is more than a penalty's or a single number's."""
        whole = not self.has_weights
        return any(part.graded > (0 if whole else part.alone) for part in update.parts)

    @property
    def learning_at(self) -> frozenset[int]:
        """Steps at which it was seen to get a gradient that is its own; see :meth:`learns_at`."""
        return frozenset(update.step for update in self.own if self.learns_at(update))

    @property
    def is_moved_from_outside(self) -> bool:
        """Whether something moved that had no gradient: a moving average, a hand-made update."""
        return any((part.moved or part.drifted) and not part.graded for part in _parts(self.own))

    @cached_property
    def flows(self) -> tuple[Reach, ...]:
        """Forward passes whose blocks were listened to, and whose output got a gradient."""
        return tuple(r for r in self.reaches if len(r.flow) > 1 and r.flow[-1][1])

    @property
    def is_target(self) -> bool:
        """Whether it is run without a graph and in no optimizer, and was not frozen for it."""
        bare = bool(self.reaches) and not any(reach.graph for reach in self.reaches)
        never = not self.own and all(
            update.trainable and not update.held for update in self.updates
        )
        return bare and never and not any(part.graded for part in _parts(self.updates))

    @property
    def came_back(self) -> tuple[Reach, ...]:
        """Outputs to which a gradient came that was not zero."""
        return tuple(r for r in self.reaches if r.calls and r.gradient != 0.0)

    @property
    def lost_inside(self) -> Reach | None:
        """The first pass whose gradient came to the output, and as exact zeros to each block.

        None unless it was so in every pass: something between the last block and the output has a
        slope of zero.
        """
        lost = [all(g == 0.0 for _, g in reach.flow[:-1]) for reach in self.flows]
        return self.flows[0] if lost and all(lost) else None

    @property
    def has_gradient(self) -> bool:
        """Whether any parameter had a gradient when an optimizer that holds it stepped."""
        return any(part.graded for part in _parts(self.own))


def courses(measurements: Measurements) -> tuple[Course, ...]:
    """Return what was seen of each model, raising NotExamined where there is nothing to see."""
    if measurements.subject.kind == "embeddings":
        raise NotExamined("a file does not show how it was trained; watch the training")
    found = [
        Course(
            name,
            tuple(u for u in measurements.updates if u.model == name),
            tuple(r for r in measurements.reaches if r.model == name),
            name in measurements.fresh,
        )
        for name in dict.fromkeys(u.model for u in measurements.updates)
    ]
    learning = {c.model: c.learning_at for c in found if c.has_gradient and c.has_moved}
    targets = [course.model for course in found if course.is_target]
    found = [
        replace(c, target=next((name for name in targets if name != c.model), "")) for c in found
    ]
    if not found:
        raise NotExamined("no step of an optimizer was looked at; beside compiled code none is")
    return tuple(_beside(c, [at for m, at in learning.items() if m != c.model]) for c in found)


def _beside(course: Course, others: Sequence[frozenset[int]]) -> Course:
    return replace(course, company=bool(others), others_at=frozenset().union(*others))


def judge_each(
    measurements: Measurements, examine: Callable[[Course], Iterable[Match]]
) -> Iterator[Match]:
    """Yield what ``examine`` finds of each model; at the end say which could not be examined."""
    reasons = []
    for course in courses(measurements):
        try:
            yield from examine(course)
        except NotExamined as missing:
            reasons.append(f"{course.model}: {missing}")
    if reasons:
        raise NotExamined("; ".join(reasons))


def steps_of(updates: Iterable[Update]) -> tuple[int, ...]:
    """Return the distinct steps of some looks, ascending."""
    return tuple(sorted({update.step for update in updates}))


def line_of(
    course: Course,
    *,
    drawn: bool = True,
    squashed: bool = False,
    rate: bool = False,
    gathered: bool = False,
    recurs: bool = False,
) -> CallSite | None:
    """Return the line to which gradients that are lost or explode can be traced.

    That which drew the weights, unless they are as PyTorch draws them, which is not known of those
    of what ``recurs``; that of the activation; that which made the optimizer, whose steps they
    grew by; that at which a layer sums over given places; else where the layer was called.
    """
    choices = (
        [update.drawn for update in course.own if drawn and (recurs or not course.fresh)],
        [update.squashed for update in course.own if squashed],
        [update.made for update in course.own if rate],
        [update.gathered for update in course.own if gathered],
        [reach.steep for reach in course.reaches],
        [reach.made for reach in course.reaches],
    )
    return next((site for sites in choices for site in sites if site is not None), None)


def profile(update: Update, *, zeros: bool = False) -> list[tuple[str, float]]:
    """Return the gradient of each block relative to its weights, by depth.

    Blocks without matrices or gradient are left out and, unless ``zeros``, those whose gradient is
    exactly zero: they are mostly cut off or unused.
    """
    return [
        (part.layer, part.gradient / part.weight)
        for part in update.parts
        if part.layer and part.weight and part.gradient is not None and (part.gradient or zeros)
    ]


def at(
    course: Course,
    site: CallSite | None,
    note: str = "",
    step: int | None = None,
    layer: str | None = None,
) -> Where:
    """Return a place in the source, or the model where none is known."""
    return at_line(Where(course.model, layer, step, note=note), site)


def _parts(updates: Iterable[Update]) -> Iterator[Part]:
    return (part for update in updates for part in update.parts)
