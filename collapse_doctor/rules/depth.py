"""The first layer in depth at which something is lost, which everything after it then lacks.

What a layer has lost no later layer brings back, so the place to look at is the first from which
on every watched layer shows the same loss. Each layer is held against its own null and its own
first state by the rule that asks; this module only walks along the depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from collapse_doctor.findings import Evidence, Where
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.geometry import History, place, title
from collapse_doctor.rules.rule import Match

__all__ = ["Lost", "before", "first_lost", "located"]


@dataclass(frozen=True)
class Lost:
    """Where a loss begins: the first layer that shows it, and the last one before that does not.

    ``last`` is None where the first watched layer shows it already.
    """

    first: LayerState
    last: LayerState | None


def before(measurements: Measurements, layer: LayerState) -> list[LayerState]:
    """Return the watched layers of the same model that come before ``layer``, in their order."""
    own = [o for o in measurements.layers if o.model == layer.model and o.depth < layer.depth]
    return sorted(own, key=lambda other: other.depth)


def first_lost(
    measurements: Measurements, layer: LayerState, is_lost: Callable[[LayerState], bool]
) -> Lost:
    """Return where the loss of ``layer`` begins: in itself if the layer before it is whole."""
    first = layer
    for other in reversed(before(measurements, layer)):
        if not is_lost(other):
            return Lost(first, other)
        first = other
    return Lost(first, None)


def located(
    match: Match,
    lost: Lost,
    course: Callable[[LayerState], History],
    is_lost: Callable[[float], bool],
    reading: Callable[[LayerState], str],
) -> Match:
    """Return a match on an embedding that says at which inner layer its loss begins.

    Parameters
    ----------
    match, lost
        What was found at the embedding, and where it begins.
    course
        What the measure of a layer was over the steps; ``is_lost`` tells where it was too low.
    reading
        The measure of a layer in words: "keeps 31 of 64 dimensions".
    """
    first = lost.first
    if match.where.layer == first.layer:
        return match
    onset = course(first).onset(is_lost)
    since = f", from step {onset:,} on" if onset else ""
    rest = f"; {title(lost.last)} before it {reading(lost.last)}" if lost.last is not None else ""
    where: Where = place(first, onset, "the first layer at which it shows")
    said = Evidence(first.layer, meaning="the first layer in depth that shows it")
    return replace(
        match,
        message=f"{match.message} It is so already at {title(first)}{since}{rest}.",
        related=(*match.related, where),
        evidence={**match.evidence, "first_layer": said},
    )
