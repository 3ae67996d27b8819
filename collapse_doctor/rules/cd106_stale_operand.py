"""CD106 stale-operand: one operand is the model's own output of an earlier step.

What it finds
-------------
In a row-paired comparison one operand is a detached tensor that the watched model put out at an
earlier step, for other samples. Only the other side learns, and it is compared with the past. Or it
is what the model put out for the same samples, but never makes anew: a bank, a cache or a list that
was filled over several steps and then only read, or targets that a network computed of other views
before it had learnt anything.

Why it matters
--------------
The kept tensor was computed by older weights, from another batch, and takes no gradient. Its rows
have no tie to the rows they are paired with, so the loss pulls this batch towards the last one,
and the cheapest way to agree with every last batch is to map everything to one vector.

Likely causes
-------------
A variable is carried over from the previous iteration (`previous = output.detach()`), where two
samples of one batch, or two views of one sample, were meant. The code that renews a bank is not
reached (`if epoch == 0:`); a function behind `lru_cache` embeds; targets were embedded once, before
the loop.

What to do
----------
Compute both operands in the same step, by the same weights: run the model on both inputs and let
the gradient flow into both, or into a teacher that is meant to be fixed. Make sure row i of one
side belongs to row i of the other.

What would refute it
--------------------
A queue, a memory bank or a teacher's output was kept on purpose and is refreshed, as in MoCo; such
a bank is usually compared with all rows, not row by row, and is not looked at here. Old outputs of
a network that was trained before, or targets given by another network, are a teacher that is fixed
on purpose, and are not told.

Bounds and their source
-----------------------
age: 1 step, by definition of an earlier step. certain_from: 2 sightings; a loop that keeps the
past does so at every step, a single sighting may be a leftover of an evaluation. Where two other
calls at the same line were looked at and were no such thing, one sighting is none: that the rows
of an anchor set belong to each other is told by a sign test, which misses now and then.
What is kept counts as never renewed when it was read for longer than it took to be made: what is
renewed in turns is never older than one turn, and two writes lie a turn apart. That nothing was
written since is told by the tensor's version counter, which is exact; a write that nobody looked
at counts as one of the step that notices it, the latest that it can be. Of single tensors the same
one must have been read twice. read_steps: 4, so that what is read was not the last bit of a
training. same_views: 0.999 is the cosine below which outputs of one network in one state are of
other inputs: float16 rounds a cosine by up to 0.001 (eps), of the same inputs it is 1 to rounding.

References
----------
He et al., "Momentum Contrast", CVPR 2020, section 3.2 (why keys of different ages are
inconsistent, and what makes a queue of them work).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from collapse_doctor.findings import Confidence, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.rules.aliasing import Alias, Said, matches
from collapse_doctor.rules.rule import Match, Rule
from collapse_doctor.rules.unrenewed import unrenewed

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How old an operand must be, and how often it must be seen to be sure."""

    age: int = 1  # steps: the definition of "an earlier step"
    certain_from: int = 2  # sightings: a loop that keeps the past does so every time
    read_steps: int = 4  # steps in which what is never renewed was read
    same_views: float = 0.999  # cosine; one network gives one output for one input, to rounding


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each call that was given an output of an earlier step."""
    kept = tuple(unrenewed(measurements, steps=bounds.read_steps, same=bounds.same_views))
    yield from kept
    read = {_meeting_line(match) for match in kept}
    stale = matches(
        measurements,
        "stale",
        _say,
        confidence=lambda alias: (
            Confidence.HIGH if len(alias.found) >= bounds.certain_from else Confidence.MEDIUM
        ),
        holds=lambda alias: _age(alias) >= bounds.age and _recurs(alias, bounds),
    )
    yield from (
        _since_read(measurements, match) for match in stale if _meeting_line(match) not in read
    )


def _since_read(measurements: Measurements, match: Match) -> Match:
    """Return a match from the step on at which the same store, as old as it is, was first read.

    That its rows are of other samples is told by a sign test, which needs them to have become
    older; that nothing was written into it since is exact.
    """
    line = _meeting_line(match)
    reads = [
        (call.step, call.past.last)
        for call in measurements.comparisons
        if call.past is not None
        and call.past.is_store
        and (call.site.file, call.site.line) == line
        and call.step > call.past.last
    ]
    then = [last for step, last in reads if step == match.where.step]
    same = [step for step, last in reads if then and last == then[0]]
    if not same or min(same) >= (match.where.step or 0):
        return match
    return replace(
        match,
        where=replace(match.where, step=min(same)),
        related=tuple(replace(one, step=min(same)) for one in match.related),
    )


def _meeting_line(match: Match) -> tuple[str | None, int | None]:
    """Return where the operands met: one line is told once, the older story first."""
    where = match.related[0] if match.related else match.where
    return where.file, where.line


def _recurs(alias: Alias, bounds: Bounds) -> bool:
    """Tell whether it is more than one look among others that found nothing."""
    return len(alias.found) >= bounds.certain_from or alias.calls <= bounds.certain_from


def _say(alias: Alias) -> Said:
    left, right = alias.names
    stale, fresh = (left, right) if alias.lone == left else (right, left)
    age = _age(alias)
    when = "the step before" if age == 1 else f"{age} steps before"
    return Said(
        f"{stale} is the model's output of {when} when {alias.first.function} compares it with "
        f"{fresh}: it comes from older weights and another batch, and takes no gradient.",
        cause=f"{stale} is carried over from an earlier iteration, so {fresh} is compared with "
        "the past and only one side learns.",
    )


def _age(alias: Alias) -> int:
    return alias.relation.age if alias.relation.age is not None else 1


RULE = Rule(
    code="CD106",
    name="stale-operand",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
