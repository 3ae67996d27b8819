"""Targets of a softmax over the matrix of every row with every row: the places of the partners."""

from __future__ import annotations

from collections.abc import Sequence

from collapse_doctor.findings import Confidence, Evidence, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Objective
from collapse_doctor.rules.objectives import objectives, steps_of
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined

__all__ = ["without_partners"]


def without_partners(measurements: Measurements, looks: int) -> Match | None:
    """Return a match if the targets of all pairs are no partners at any step looked at.

    They are one and the same place for all rows; or places in the first half of the rows alone, of
    which several rows have the same, as the numbers of classes are.

    Parameters
    ----------
    looks
        Different steps at which that was seen, at least.
    """
    try:
        seen = [one for one in objectives(measurements) if one.mismatched]
        other = [one for one in objectives(measurements) if not one.mismatched]
    except NotExamined:
        return None
    steps = steps_of(seen)
    if len(steps) < looks or any(one.outputs == seen[0].outputs for one in other):
        return None  # of two kinds of batches in turn one may be of classes, as many as its rows
    if _is_one(seen):
        return _match(seen, looks, "the same for every row, so that all are drawn to one")
    if all(2 * (highest + 1) <= rows for rows, _, highest in _told(seen)):
        return _match(seen, looks, "not the places of their partners; numbers of classes are not")
    return None


def _told(seen: Sequence[Objective]) -> list[tuple[int, int, int]]:
    return [(one.mismatched[0], one.mismatched[1], one.mismatched[2]) for one in seen]


def _is_one(seen: Sequence[Objective]) -> bool:
    return all(distinct == 1 for _, distinct, _ in _told(seen))


def _match(seen: Sequence[Objective], looks: int, said: str) -> Match:
    first = seen[0]
    rows, distinct, highest = _told(seen)[0]
    model, layer = first.outputs[0]
    return Match(
        message=f"A softmax over all {rows} rows is asked for {distinct} of them only: its targets "
        f"are {said}.",
        where=at_line(Where(model, layer, first.step), first.site),
        evidence={
            "rows": Evidence(rows, meaning="candidates of each row: all rows of its partner"),
            "targets": Evidence(distinct, rows, "<", meaning="different ones"),
            "highest": Evidence(highest, meaning="the largest target"),
            "looks": Evidence(len(steps_of(seen)), looks, ">=", unit="steps"),
            "first_step": Evidence(first.step),
            "last_step": Evidence(seen[-1].step),
        },
        confidence=Confidence.HIGH,
        cause="In a matrix of every row with every row the target of row i is the place of its "
        "partner: zeros, or numbers of classes, are other rows' places.",
        remedy="Where row i belongs to row i, the targets are `torch.arange(len(logits))`. Where "
        "rows of a class belong together, use a loss of several positives (SupCon).",
    )
