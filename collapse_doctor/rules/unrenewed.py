"""Targets that a network gave itself once and for all: kept, read for long, and never renewed.

What a network said of the same samples some time ago may be a target on purpose: temporal
ensembling, a policy before its update, old outputs that are held. All of these are renewed, or were
given by a network that had learnt something.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from collapse_doctor.findings import Confidence, Evidence, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import CallSite, Comparison, Past
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match

__all__ = ["unrenewed"]

_Pair = tuple[Comparison, Past]


def unrenewed(measurements: Measurements, *, steps: int, same: float) -> Iterator[Match]:
    """Yield one match for each line that reads old targets which are never made anew.

    Parameters
    ----------
    measurements
        What was measured.
    steps
        In how many steps they must have been read.
    same
        Cosine from which on two outputs of one state of the network are of the same inputs.
    """
    sites: dict[object, list[Comparison]] = defaultdict(list)
    for comparison in sorted(measurements.comparisons, key=lambda c: (c.step, c.forward)):
        names = tuple(operand.expression for operand in comparison.operands)
        site = comparison.site
        sites[site.file, site.line, comparison.function, names].append(comparison)
    for calls in sites.values():
        seen = [(call, call.past) for call in calls if call.past is not None]
        if not seen:
            continue
        begin = max(max(past.last for _, past in seen) + 1, seen[0][0].step)
        after = [call for call in calls if call.step >= begin]
        read = {call.step for call in after}
        if len(read) < steps or any(call.past is None for call in after) or _is_stale_too(after):
            continue  # something else was read there, too
        if _is_store(seen, steps) or _is_of_a_fresh_network(calls, seen, measurements, same):
            yield _match(seen)


def _is_stale_too(calls: Sequence[Comparison]) -> bool:
    """Tell whether most comparisons were with other samples: that is told by itself."""
    stale = [call for call in calls if any(each.kind == "stale" for each in call.relations)]
    return 2 * len(stale) > len(calls)


def _is_store(seen: Sequence[_Pair], steps: int) -> bool:
    """Tell whether targets were made over several steps, and then read for longer than that.

    What is renewed in turns is never older than a turn takes, and the writes seen lie a turn apart
    at least. Single tensors must have been read twice: what is replaced when it was read is not.
    """
    first, last = _made(seen)
    lasting = seen[-1][0].step - last > last - first + 1
    return last > first and lasting and (all(p.is_store for _, p in seen) or _twice(seen, steps))


def _twice(seen: Sequence[_Pair], steps: int) -> bool:
    """Tell whether in so many steps something was read that was read in another step as well."""
    read: dict[int, set[int]] = defaultdict(set)
    for call, past in seen:
        read[past.first].add(call.step)
    return sum(len(found) for found in read.values() if len(found) > 1) >= steps


def _is_of_a_fresh_network(
    calls: Sequence[Comparison], seen: Sequence[_Pair], measurements: Measurements, same: float
) -> bool:
    """Tell whether an untrained network made all targets, and of other views.

    That they are of other views shows at the step they were made in, when the network was still
    the one that made them.
    """
    first, last = _made(seen)
    models = {origin.model for call, _ in seen for o in call.operands if (origin := o.origin)}
    if first != last or first > 0 or not models <= measurements.fresh:
        return False
    then = [call.similarity for call in calls if call.step == first]
    apart = [value is not None and value < same for value in then]
    return bool(apart) and all(apart) and all(past.is_alike for _, past in seen)


def _made(seen: Sequence[_Pair]) -> tuple[int, int]:
    return min(past.first for _, past in seen), max(past.last for _, past in seen)


def _match(seen: Sequence[_Pair]) -> Match:
    first, last = _made(seen)
    reads = [(call, past) for call, past in seen if call.step > last]
    call, past = reads[0]
    old = call.operands[past.operand].expression or "one operand"
    made = f"in step {first}" if first == last else f"in steps {first} to {last}"
    age = reads[-1][0].step - last
    return Match(
        message=f"`{old}` is what the model put out {made} whenever {call.function} compares with "
        f"it: it is never made anew, up to step {reads[-1][0].step}.",
        where=_at(past.site or call.site, call.step),
        related=(_at(call.site, call.step, "it is read here"),) if past.site else (),
        evidence={
            "occurrences": Evidence(len(seen), meaning="comparisons with it"),
            "age": Evidence(age, last - first, ">", unit="steps", meaning="it took to be made"),
        },
        confidence=Confidence.MEDIUM,
        cause="The targets were computed once, by weights that had not learnt yet, and what was to "
        "renew them is not reached.",
        remedy="Compute the targets by the present weights in each step (or in each epoch), or "
        "take them from a teacher that follows slowly.",
    )


def _at(site: CallSite, step: int, note: str = "") -> Where:
    return at_line(Where(step=step, note=note), site)
