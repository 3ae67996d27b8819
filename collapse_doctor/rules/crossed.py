"""Losses that draw every row of one output to every row of another, and do nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import CallSite, Objective
from collapse_doctor.rules.objectives import has_unknown, objectives, steps_of
from collapse_doctor.rules.rule import NotExamined

__all__ = ["Crossed", "crossed_losses"]

ALL_PAIRS = frozenset(
    {
        "a comparison of all pairs of two batches",
        "the distances of all pairs of two batches",
        "a product of all pairs of two batches",
    }
)
"""What objectives call a matrix of every row with every row."""


@dataclass(frozen=True)
class Crossed:
    """All looks at the losses of one output, of which none does anything but draw all together."""

    model: str
    layer: str
    looks: tuple[Objective, ...]

    @property
    def site(self) -> CallSite | None:
        """The line at which every row met every row, else that of the loss."""
        first = self.looks[0]
        return next((pull.site for pull in first.pulls if pull.site is not None), first.site)

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps at which it was seen."""
        return steps_of(self.looks)


def crossed_losses(measurements: Measurements) -> Iterator[Crossed]:
    """Yield what was seen of each output whose rows are all drawn together, whatever they are of.

    That is so only where the mean, or the sum, of a whole matrix of distances or similarities is
    all that was minimised on it: a softmax, a mask, a margin or a second term gives it a meaning.
    """
    try:
        seen = objectives(measurements)
    except NotExamined:
        return
    if has_unknown(measurements.objectives, seen):
        return
    for model, layer in dict.fromkeys(place for one in seen for place in one.outputs):
        own = tuple(one for one in seen if (model, layer) in one.outputs)
        if _only_crossed(own):
            yield Crossed(model, layer, own)


def _only_crossed(own: Sequence[Objective]) -> bool:
    return all(
        one.pulls and all(pull.crossed for pull in one.pulls) and ALL_PAIRS.issuperset(one.others)
        for one in own
    )
