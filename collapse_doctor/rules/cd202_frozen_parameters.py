"""CD202 frozen-parameters: steps are taken, and the parameters behind the embedding do not move.

What it finds
-------------
Learning was meant, for an optimizer holds the parameters or they get a gradient, and at no step
looked at did any of some hundred of their numbers change, nor between these steps. In this order:
the learning rate is zero; nothing requires a gradient, or was unfrozen by an attribute that does
nothing; gradients are cleared before the step; steps are below the resolution of the weights'
dtype; no optimizer that steps holds the parameters; the optimizer never steps. Or the learning
rate has become zero, or all but single numbers were frozen later, while nothing else learns; or
the model was replaced under way, and the optimizer holds what is not called any more. As a
warning: some parameters get a gradient, but no optimizer holds them; an error where it holds
nothing else but single numbers, as where layers lie in a plain list.

Why it matters
--------------
The embeddings stay what they were at the start, whatever the loss says: a head behind them may
learn. Parameters that are missing from the optimizer keep their random values.

Likely causes
-------------
The optimizer was made before the model was created anew, copied or moved, or from a generator
that was used up; a layer was added later; `requires_grad_(False)` was left over; a schedule that
starts at zero and is not stepped; `zero_grad()` between `backward()` and `step()`; a gradient
scaler that skips every step; a learning rate too small for bfloat16 weights.

What to do
----------
Make the optimizer after the model is complete, from `model.parameters()`, and keep that model.
Call `zero_grad()`, `backward()`, `step()` in this order. Keep weights in float32 and cast in
autocast. What is meant to rest: `requires_grad_(False)`, and out of the optimizer.

What would refute it
--------------------
The part rests on purpose, or the watched steps all belong to a warm-up at learning rate zero.

Bounds and their source
-----------------------
looks: 3 different steps: a movement can be missed once, or be blocked once by a scaler; that all
numbers of a model that learns stay bit for bit the same in three steps does not happen. A rate
that has become 0 counts when the training has gone on at it for as long as it had learnt before.
steps: 8, the first steps, which are looked at one by one: a warm-up from zero has moved by then.
passes: 16 forward passes without any step: more than gradients are commonly accumulated over.
certain_from: 100 steps, from which on a learning rate of zero is no usual warm-up any more.
exceeds: 1 unit of rounding of the dtype (IEEE 754): a step that is larger must change the weights.

References
----------
PyTorch documentation, torch.optim, "Constructing it" and "Per-parameter options"; Zamirai et al.,
"Revisiting BFloat16 Training", 2020 (steps that are lost in rounding the weights).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import CallSite, Part, Update
from collapse_doctor.rules.geometry import EPS
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.wiring import Course, at, judge_each, steps_of

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How long nothing may move."""

    looks: int = 3  # different steps
    steps: int = 8  # as many as are looked at one by one
    passes: int = 16  # forward passes without a step
    certain_from: int = 100  # steps at learning rate zero
    exceeds: float = 1.0  # units of rounding that a step must have to change the weights


@dataclass(frozen=True)
class _Reason:
    """Why parameters rest, in words."""

    message: str
    cause: str
    severity: Severity = Severity.ERROR
    confidence: Confidence = Confidence.HIGH
    blames_freezing: bool = True


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each model that does not move, or moves in parts only."""
    return judge_each(measurements, lambda course: _examine(course, bounds))


def _examine(course: Course, bounds: Bounds) -> Iterator[Match]:
    looks = course.own or course.foreign or course.alone
    steps = steps_of(looks)
    vain = [update for update in course.updates if update.in_vain and update.optimizer]
    if len(steps_of(vain)) >= bounds.looks:
        yield _match(course, vain, _unfrozen_in_vain(course, vain), bounds)
        return
    if not steps:
        raise NotExamined("no step of an optimizer was looked at")
    if course.has_moved:
        yield from _in_parts(course, bounds)
        yield from _frozen_later(course, bounds)
        yield from _rate_ended(course, bounds)
        yield from _replaced(course, bounds)
        return
    least = bounds.passes if looks is course.alone else bounds.steps
    if len(steps) < bounds.looks or steps[-1] + 1 < least:
        raise NotExamined(f"only {len(steps)} steps were looked at, up to step {steps[-1]}")
    reason = _reason(course, looks, bounds)
    if reason is not None:
        yield _match(course, looks, reason, bounds)


def _reason(course: Course, looks: Sequence[Update], bounds: Bounds) -> _Reason | None:
    if looks is course.alone:
        return _never_stepped(course)
    if looks is course.foreign:
        return _not_held(course)
    if not any(update.parts for update in course.own):
        return _not_trainable(course)
    if _is_zero_rate(course):
        return _zero_rate(course, bounds)
    if not any(part.pulled or _is_broken(part) for u in course.own for part in u.parts):
        return _cleared(course)
    return _lost(course, bounds)


def _unfrozen_in_vain(course: Course, looks: Sequence[Update]) -> _Reason:
    module = looks[0].in_vain
    named = course.model if module == "." else f"{course.model}.{module}"
    return _Reason(
        f"No parameter of {named} requires a gradient, although `requires_grad = True` was set on "
        "it: a module has no such attribute.",
        "`module.requires_grad = True` only adds an attribute. The method "
        "`module.requires_grad_(True)` unfreezes its parameters.",
        severity=Severity.WARNING if course.has_moved else Severity.ERROR,
    )


def _is_broken(part: Part) -> bool:
    """Tell whether gradients were there and not finite."""
    return bool(part.graded) and part.gradient is None


def _is_zero_rate(course: Course) -> bool:
    return all(update.rate == 0.0 for update in course.own)


def _zero_rate(course: Course, bounds: Bounds) -> _Reason | None:
    learns = any(part.pulled for update in course.own for part in update.parts)
    if not learns or all(update.others for update in course.own):
        return None  # a rate of zero for one group is how some freeze it
    late = course.own[-1].step + 1 >= bounds.certain_from
    return _Reason(
        f"The learning rate of {course.model} is 0 at every step looked at, and none of its "
        "weights moved, although they have gradients.",
        "The learning rate is 0: a schedule that starts there is not stepped, or the wrong group "
        "of parameters was switched off.",
        confidence=Confidence.HIGH if late else Confidence.MEDIUM,
    )


def _not_trainable(course: Course) -> _Reason | None:
    if any(update.others for update in course.own):
        return _frozen_for_target(course)  # else on purpose, beside a part that learns
    if any(update.trainable for update in course.own):
        return _frozen_held(course)
    if not course.reaches or course.company:
        return None
    return _Reason(
        f"{course.own[0].optimizer} holds {course.model}, but none of its parameters requires a "
        "gradient, nor does anything else in that optimizer learn.",
        "`requires_grad_(False)` was called on the model and not taken back.",
    )


def _frozen_for_target(course: Course) -> _Reason | None:
    """Say that the network that is to learn was frozen in the place of its target.

    Nobody freezes on purpose what nobody trained, hands it to the optimizer, and lets what only
    gives targets require gradients.
    """
    if not course.target or not course.fresh or course.company or course.has_moved:
        return None
    if any(update.trainable for update in course.own):
        return None
    return _Reason(
        f"{course.own[0].optimizer} holds {course.model}, but none of its parameters, which are as "
        f"PyTorch draws them, requires a gradient; those of {course.target} do, which is run "
        "without a graph and in no optimizer.",
        f"Gradients were switched off for {course.model} where {course.target} was meant.",
        confidence=Confidence.MEDIUM,
    )


def _frozen_held(course: Course) -> _Reason | None:
    """Say that the optimizer holds the part that rests, and nobody the part that is to learn."""
    absent = min(update.absent for update in course.own)
    if not absent or course.foreign or course.company:
        return None
    return _Reason(
        f"{course.own[0].optimizer} holds of {course.model} only parameters that require no "
        f"gradient, and {absent} others get a gradient and are in no optimizer that steps.",
        "The optimizer was given the part that rests, or was made before the part that is to "
        "learn. Give it the part that is to learn.",
        blames_freezing=False,
    )


def _cleared(course: Course) -> _Reason | None:
    if not course.came_back or course.lost_inside:
        return None  # that no gradient comes is CD201
    if all(part.graded for update in course.own for part in update.parts):
        return _Reason(
            f"Gradients come back to {course.model}, but at every step looked at those of its "
            "parameters were exactly zero.",
            "They were made zero between `backward()` and `step()`: clipped to 0, multiplied by 0, "
            "by a hook, or by `zero_grad(set_to_none=False)`.",
        )
    if all(update.wrong is None for update in course.own):  # nothing that clears them was found
        return _Reason(
            f"Gradients come back to {course.model}, but at every step looked at its parameters "
            "had none, or none but zero.",
            "They are cleared between `backward()` and `step()`, or the forward pass runs with "
            "other tensors in their place: `functional_call` with copies that nobody steps.",
        )
    return _Reason(
        f"Gradients come back to {course.model}, but at every step looked at its parameters had "
        "none, or none but zero: they were cleared before the step.",
        "`zero_grad()` is called between `backward()` and `step()`.",
    )


def _lost(course: Course, bounds: Bounds) -> _Reason | None:
    """Say why steps with a gradient and a learning rate changed nothing, if it can be said."""
    parts = [part for update in course.own for part in update.parts if part.tensors]
    if all(_is_broken(part) for part in parts if part.graded):
        return _Reason(
            f"All gradients of {course.model} are NaN or infinite at every step looked at, and "
            "no step moved anything.",
            "A gradient scaler skips every step, because the scaled loss overflows.",
        )
    dtype = max((part.dtype for part in parts), key=lambda name: EPS.get(name, 0.0), default="")
    rate = course.own[-1].rate
    if dtype in ("bfloat16", "float16"):
        return _Reason(
            f"No step moves the {dtype} weights of {course.model}: a learning rate of "
            f"{rate if rate is not None else 0:.1g} is lost when the weights are rounded.",
            f"Each step is smaller than half the distance between two neighbouring numbers of "
            f"{dtype} at the size of the weights.",
        )
    if rate is None or not any(
        _must_move(p, rate, u.eps, bounds) for u in course.own for p in u.parts
    ):
        return None  # too small to move anything: CD203
    return _Reason(
        f"Steps of {course.own[0].optimizer} change none of the weights of {course.model}, which "
        "have gradients, and a learning rate that should move them.",
        "The optimizer's step does nothing, or something puts the weights back.",
        confidence=Confidence.MEDIUM,
    )


def _must_move(part: Part, rate: float, eps: float | None, bounds: Bounds) -> bool:
    if not part.gradient or not part.weight:
        return False
    size = rate * (part.gradient if eps is None else min(1.0, part.gradient / eps))
    return size > bounds.exceeds * EPS.get(part.dtype, EPS["float32"]) * part.weight


def _not_held(course: Course) -> _Reason | None:
    pulled = [u for u in course.foreign if any(part.pulled for part in u.parts)]
    if len(pulled) * 2 < len(course.foreign):
        return None  # no gradient: it rests on purpose, or CD201
    first = pulled[0]
    if course.idle is not None:
        return _Reason(
            f"{course.idle.optimizer} holds the parameters of {course.model} and never stepped, "
            f"although they have gradients at every step of {first.optimizer}.",
            "`step()` is called on one of the optimizers only.",
            severity=Severity.ERROR if course.fresh and not course.company else Severity.WARNING,
        )
    if any(update.copied for update in pulled):
        return _Reason(
            f"{first.optimizer} holds parameters of the same shapes as those of {course.model}, "
            "but not these: none of them moved, although they have gradients.",
            "The optimizer was made for another copy of the model: before it was created anew, "
            "copied or moved.",
        )
    alone = not any(update.others for update in pulled)
    if not (alone or all(update.training for update in pulled)):
        return None  # in eval mode beside a part that learns: a critic, a frozen backbone
    severe = (alone or course.fresh) and not course.company
    low = Severity.WARNING if course.fresh or not course.company else Severity.INFO
    return _Reason(
        f"No optimizer that steps holds any parameter of {course.model}, and none moved, although "
        "gradients are computed for them.",
        "The optimizer was made without these parameters: from the head only, or from a generator "
        "that was used up. If the model is meant to rest, freeze it: gradients are computed for "
        "nothing.",
        severity=Severity.ERROR if severe else low,
        confidence=Confidence.HIGH if severe else Confidence.MEDIUM,
    )


def _never_stepped(course: Course) -> _Reason | None:
    returned = course.came_back
    if course.idle is None or len(returned) * 2 < len(course.reaches):
        return None
    broken = all(reach.gradient is None for reach in returned)
    return _Reason(
        f"{course.idle.optimizer} holds the parameters of {course.model} and never stepped, "
        "although gradients were computed again and again.",
        "All gradients are NaN or infinite, so a gradient scaler skips every step."
        if broken
        else "`optimizer.step()` is never called, or a gradient scaler skips every step.",
    )


def _match(course: Course, looks: Sequence[Update], reason: _Reason, bounds: Bounds) -> Match:
    first, last = looks[0], looks[-1]
    made = next((update.made for update in looks if update.made is not None), None)
    wrong = next((update.wrong for update in looks if update.wrong is not None), None)
    if not reason.blames_freezing:  # the line to change is that of the optimizer
        wrong = None
    if looks is course.foreign and course.idle is not None:  # that of somebody else
        made = wrong = None
    parts = last.parts
    related = [at(course, first.site, "the optimizer steps here")] if made and first.site else []
    if made is not None and wrong not in (None, made):
        related.insert(0, at(course, made, "the optimizer is made here"))
    return Match(
        message=reason.message,
        where=at(course, wrong or made or first.site or _idle_made(course), step=first.step),
        related=tuple(related),
        evidence={
            "looks": Evidence(len(steps_of(looks)), bounds.looks, ">=", unit="steps"),
            "sampled": Evidence(sum(part.sampled for part in parts), unit="numbers"),
            "moved": Evidence(
                sum(part.moved for update in looks for part in update.parts),
                0,
                "==",
                unit="numbers",
                meaning="of those, at all looks",
            ),
            "with_gradient": Evidence(
                sum(p.graded for p in parts), meaning=f"of {last.trainable} trainable parameters"
            ),
            **({} if last.rate is None else {"learning_rate": Evidence(last.rate)}),
        },
        severity=reason.severity,
        confidence=reason.confidence,
        cause=reason.cause,
    )


def _idle_made(course: Course) -> CallSite | None:
    return course.idle.made if course.idle is not None else None


def _frozen_later(course: Course, bounds: Bounds) -> Iterator[Match]:
    """Yield a match for a model that learnt, and was frozen while nothing else learns.

    A single number that still does (a temperature) is no training in the model's stead.
    """
    number = course.own[0].number if course.own else None
    looks = [update for update in course.own if update.number == number]
    trained = [i for i, update in enumerate(looks) if course.learns_at(update)]
    rest = looks[max(trained) + 1 :] if trained else []
    frozen = all(part.tensors == part.scalars for update in rest for part in update.parts)
    steps = steps_of(rest)
    if not frozen or len(steps) < bounds.looks or not course.has_weights or course.company:
        return
    passes = {reach.step for reach in course.reaches if reach.step >= steps[0]}
    if len(passes) < bounds.looks or any(update.others or update.absent for update in rest):
        return
    last = _Reason(
        f"Since step {steps[0]} or shortly before nothing of {course.model} requires a gradient "
        "but single numbers, nor does anything else learn; its optimizer steps on.",
        "`requires_grad_(False)` hit more parameters than were meant to rest.",
    )
    yield _match(course, rest, last, bounds)


def _rate_ended(course: Course, bounds: Bounds) -> Iterator[Match]:
    """Yield a match for a model that learnt for the smaller part, and at a rate of 0 since.

    A schedule that ends at 0 with the training is none, nor is one that comes back from it.
    """
    number = course.own[0].number if course.own else None
    looks = [update for update in course.own if update.number == number]
    rated = [i for i, update in enumerate(looks) if update.rate != 0.0]
    rest = looks[max(rated) + 1 :] if rated else []
    steps = steps_of(rest)
    if len(steps) < bounds.looks or steps[0] * 2 > steps[-1] or course.company:
        return
    learns = all(any(part.pulled for part in update.parts) for update in rest)
    moves = any(part.moved for update in rest for part in update.parts)
    if not learns or moves or any(update.others for update in rest):
        return
    last = _Reason(
        f"Since step {steps[0]} or shortly before the learning rate of {course.model} is 0, and "
        f"the training went on for as long again and more, to step {steps[-1]} at least.",
        "A schedule that was told fewer steps than are taken: epochs for steps, or steps of an "
        "optimizer where each batch counts.",
        severity=Severity.WARNING,
    )
    yield _match(course, rest, last, bounds)


def _replaced(course: Course, bounds: Bounds) -> Iterator[Match]:
    """Yield a match for a model that learnt, and of which no optimizer holds a parameter since.

    It was made anew under way, and the optimizer moves what is not called any more. The first look
    after that may find the new numbers drifted from the old ones.
    """
    last = max((i for i, update in enumerate(course.updates) if update in course.own), default=-1)
    rest = [u for u in course.updates[last + 1 :] if u.optimizer and not u.held and not u.idle]
    steps = steps_of(rest)
    if last < 0 or len(steps) < bounds.looks or len(rest) < len(course.updates) - last - 1:
        return
    if {update.number for update in rest}.isdisjoint(update.number for update in course.own):
        return  # another's steps, as those of a head that is trained by itself
    pulled = all(any(part.pulled for part in update.parts) for update in rest)
    still = not any(part.moved for update in rest for part in update.parts) and not any(
        part.drifted for update in rest[1:] for part in update.parts
    )
    if not pulled or not still:
        return
    alone = not any(update.others for update in rest)
    found = _Reason(
        f"Since step {steps[0]} or shortly before {rest[0].optimizer} holds no parameter of "
        f"{course.model}, which get gradients and do not move; it held others in their place.",
        "A part of the model was replaced by a new one or a copy, as when the best weights are "
        "restored. Copy the weights into the old one: `load_state_dict`.",
        severity=Severity.ERROR if alone and not course.company else Severity.WARNING,
    )
    yield _match(course, rest, found, bounds)


def _in_parts(course: Course, bounds: Bounds) -> Iterator[Match]:
    """Yield a warning for parameters with a gradient that no optimizer ever held."""
    looks = course.own
    without = [update for update in looks if update.absent]
    if len(without) < bounds.looks or not looks[-1].absent or looks[-1].step + 1 < bounds.steps:
        return
    last = without[-1]
    more = last.absent - len(last.missing)
    names = ", ".join(last.missing) + (f" and {more} more" if more > 0 else "")
    made = next((update.made for update in looks if update.made is not None), None)
    late = without[0].step > looks[0].step
    told = without if late else without[:1]
    wrong = next((update.wrong for update in told if update.wrong is not None), None)
    alone = course.has_only_scalars and not any(update.others for update in looks)
    yield Match(
        message=f"{last.absent} parameters of {course.model} get a gradient and are in no "
        f"optimizer that steps: {names}.",
        where=at(course, wrong or made or last.site, step=without[0].step),
        evidence={
            "missing": Evidence(last.absent, 0, ">", meaning=f"of {last.trainable} trainable"),
            "looks": Evidence(len(without), bounds.looks, ">=", unit="steps"),
        },
        severity=Severity.ERROR if alone else Severity.WARNING,
        cause="They came with a module that took another's place after the optimizer was made."
        if late
        else "They were added after the optimizer was made, or left out of its groups."
        if wrong is None
        else "Modules in a plain list, tuple or dict are no part of a model: `parameters()` has "
        "none of theirs. Keep them in an `nn.ModuleList` or `nn.ModuleDict`.",
        remedy="Give them to the optimizer (`add_param_group`), or freeze them: "
        "`requires_grad_(False)` saves computing gradients that nobody uses.",
    )


RULE = Rule(
    code="CD202",
    name="frozen-parameters",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
