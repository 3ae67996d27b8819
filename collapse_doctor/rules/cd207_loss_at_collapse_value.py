"""CD207 loss-at-collapse-value: the loss sits at what it is when all embeddings are equal.

What it finds
-------------
The value of the loss, at the last steps that were looked at, is the one that this very loss takes
when every embedding is the same vector: the margin of a triplet loss, the logarithm of the number
of candidates of a contrastive one, 0 or -1 for a loss that only pulls together. And the embeddings
of those steps are the same, or what is compared is one thing, or the loss can take no other value:
its cosines are made so small that it must stay there, whatever the embeddings are. For a loss with
a margin embeddings are the same when they have come so near to each other that it cannot tell; for
a softmax of the embeddings themselves, when training has made them so short that it is even.

Why it matters
--------------
The number looks like a plateau, as if the training were slow or the margin too large. It is not:
no batch can change it any more, and where all embeddings are equal there is next to no gradient.

Likely causes
-------------
It follows from what made the embeddings equal: a finding that is reported beside this one, such as
complete collapse, or two operands that are one.

What to do
----------
Cure that. Do not tune margin, temperature or learning rate to get off the plateau before. Keep the
value in mind: a run whose loss goes back to it has collapsed again.

What would refute it
--------------------
The embeddings of these steps do differ. A loss alone proves nothing: an untrained network begins
near the logarithm of the number of candidates, and the mean over all triplets may hover at the
margin while the embeddings are fine; so it is never judged without them.

Bounds and their source
-----------------------
tolerance: 0.02, of the value at collapse, or of the first value of the loss where that is 0. It is
the spread up to which CD301 takes rows for one vector: distances and cosines of such rows move
by no more than that share of the length, and a loss made of them likewise.
sharp: 0.002. A tenth of it, for high confidence: a value that is met to three figures.
looks: 3 steps that were looked at, the last ones; two may agree by chance of neighbouring steps.
nearing: 0.1. Where the loss was not seen any more when rows came so near, it must have been within
this share of its value, five times the tolerance, and nearer than at the looks before.
losses: 2 of them with the value of the loss. Embeddings are looked at more often, and where they
are seen to be equal the loss can have no other value.
The values are mathematics: each is what PyTorch gives for equal embeddings, and is computed again
from the operations that made the loss. Where one of them is not known, nothing is said.
held: 0.05. A softmax over n cosines times s cannot bring a loss below ln(n) by more than ln(n) -
ln(1 + (n - 1) exp(-2 s)), which is less than 2 s: logits differ by no more. Where 2 s is within
this share of ln(n), a temperature of some 10 at n = 64, the loss is held. Temperatures in use lie
from 0.01 to 2, where n would have to be beyond 10^8. `python -m benchmarks.temperatures` shows
what is lost: over 64 candidates SGD brought the retrieval of the other view in 400 steps from
0.40 to 0.88 at a temperature of 0.1, to 0.77 at 2, 0.70 at 5, 0.65 at 10, 0.61 at 20, 0.50 at
100 and 0.44 at 700. Adam, which divides by the size of gradients, came to 0.87, 0.80, 0.77, 0.74,
0.72, 0.70 and 0.70, with an effective rank of 12 where it was 21 at 0.1: with such an optimizer the
finding is a warning.
grown: 1.25 times. A learnt factor counts as what it is at each look. One that leaves more room by a
quarter than at the first of these looks lets the loss go by itself.

References
----------
Schroff et al., "FaceNet", CVPR 2015, section 3.2 (f(x) = 0, a loss equal to the margin). van den
Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018, section 2.3 (the
number of candidates N, and log(N) as what the loss is measured from). Wang and Liu, "Understanding
the Behaviour of Contrastive Loss", CVPR 2021, section 3.2 (at a high temperature the loss is a mean
of cosines, and no longer keeps embeddings apart).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.recording.observations import Objective
from collapse_doctor.rules.geometry import (
    History,
    evidence,
    history,
    is_embedding,
    place,
    title,
)
from collapse_doctor.rules.objectives import aliased_steps, are_one_thing, objectives, steps_of
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import CollapseBounds, collapse, spread_of

__all__ = ["RULE"]

_EVEN = (
    "Its targets ask for the same share of every candidate, as those of a teacher whose "
    "temperature is too high do; or a decay of the weights is stronger than the loss."
)

_HOT = (
    "The temperature of the loss is so high, or its factor so small, that its softmax is even for "
    "all embeddings."
)
_SLOW = (
    " The optimizer divides by the size of gradients and goes on; but all that is left to learn "
    "is a mean of cosines, which a few directions suffice for."
)
_EVENLY = "Its targets have asked for the same share of every candidate"

ROUNDING = 1e-6
"""A cosine of float32 rows is off by some 2**-23, and so is a loss that is 0 in theory."""


@dataclass(frozen=True)
class Bounds:
    """How near the value must be met, and how often."""

    tolerance: float = 0.02  # as CD301: the spread up to which rows are one vector
    nearing: float = 0.1  # of the value at collapse, where rows came together after the last look
    held: float = 0.05  # of ln(n): measured, see above
    grown: float = 1.25  # times: a factor that is learnt, or annealed, on its way out
    sharp: float = 0.002  # a tenth of it
    looks: int = 3  # steps, the last that were looked at
    losses: int = 2  # of them at which the loss itself was seen


@dataclass(frozen=True)
class _Plateau:
    """The last looks at one loss, how far it was from its value at collapse, and its first look.

    ``met`` are all looks since it came to that value and stayed there, the last ones among them.
    """

    entries: tuple[Objective, ...]
    met: tuple[Objective, ...]
    distance: float
    first: float

    @property
    def last(self) -> Objective:
        """The newest look."""
        return self.entries[-1]

    def since(self, onset: int) -> Objective:
        """Return the look from which on both held: the loss, and what began at ``onset``."""
        return next(one for one in self.met if one.step >= onset)


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each loss that sits at its value at collapse."""
    seen = objectives(measurements)
    known = [one for one in seen if one.collapsed is not None or _is_held(one, bounds)]
    if not known:
        raise NotExamined(_unknown(measurements))
    losses: dict[object, list[Objective]] = {}
    for one in seen:
        losses.setdefault(_which(one), []).append(one)
    for entries in losses.values():
        held = _held(measurements, entries, bounds)
        valued = [one for one in entries if one.collapsed is not None]
        plateau = _plateau(valued, bounds) if valued and held is None else None
        if plateau is None and valued and held is None:
            plateau = _nearing(measurements, valued, bounds)
        if held is not None:
            yield held
        elif plateau is not None:
            yield from _matches(measurements, plateau, entries, bounds)
    most = max(len(steps_of(entries)) for entries in losses.values())
    if most < bounds.looks:
        raise NotExamined(f"a loss was seen at {most} steps only, of {bounds.looks} at least")


def _which(one: Objective) -> object:
    """Return what tells one loss of a training from another."""
    # The number of candidates changes with the last, smaller batch.
    return one.outputs, one.others, tuple((pull.left, pull.right) for pull in one.pulls)


def _unknown(measurements: Measurements) -> str:
    phrases = dict.fromkeys(phrase for one in objectives(measurements) for phrase in one.others)
    has = f" (it has {', '.join(list(phrases)[:3])})" if phrases else ""
    return f"what this loss is when all embeddings are equal is not known{has}"


def _plateau(entries: Sequence[Objective], bounds: Bounds) -> _Plateau | None:
    """Return the last looks at a loss, if some of them in a row met its value at collapse."""
    steps = steps_of(entries)
    first = next((one.value for one in entries if one.value is not None), math.nan)
    if len(steps) < bounds.looks:
        return None
    missed = [one.step for one in entries if not _distance(one, first) <= bounds.tolerance]
    met = tuple(one for one in entries if not missed or one.step > max(missed))
    wanted = steps_of(met)[-bounds.looks :]
    if len(wanted) < bounds.losses:
        return None
    recent = tuple(one for one in met if one.step in wanted)
    distance = max(_distance(one, first) for one in recent)
    return _Plateau(recent, met, distance, first)


def _nearing(
    measurements: Measurements, entries: Sequence[Objective], bounds: Bounds
) -> _Plateau | None:
    """Return the last looks at a loss with a margin whose rows have come together since.

    Embeddings are looked at more often. The loss must have been on its way to its value at
    collapse when it was last seen, as near as `nearing`.
    """
    last, steps = entries[-1], steps_of(entries)
    if not _has_margin(last) or len(steps) < bounds.looks:
        return None
    first = next((one.value for one in entries if one.value is not None), math.nan)
    onsets = [_onset_within(measurements, one, last, bounds) for one in _own(measurements, last)]
    recent = tuple(one for one in entries if one.step in steps[-bounds.looks :])
    distance = _distance(last, first)
    comes = distance == min(_distance(one, first) for one in recent) <= bounds.nearing
    if not comes or not any(onset is not None and onset > last.step for onset in onsets):
        return None
    return _Plateau((last,), (last,), distance, first)


def _has_margin(one: Objective) -> bool:
    return one.formula == "its margin" or one.kind == "a soft-margin triplet loss"


def _distance(one: Objective, first: float) -> float:
    """Return how far a loss is from its value at collapse, as a share of it; NaN as infinity."""
    if one.value is None or one.collapsed is None:
        return math.inf
    apart = abs(one.value - one.collapsed)
    size = abs(one.collapsed) or abs(first)
    if apart <= ROUNDING:
        return 0.0
    return apart / size if size > 0 else math.inf


def _matches(
    measurements: Measurements,
    plateau: _Plateau,
    entries: Sequence[Objective],
    bounds: Bounds,
) -> Iterator[Match]:
    """Yield a match if the rows were one vector meanwhile, or compared with themselves."""
    places, own = plateau.last.outputs, _own(measurements, plateau.last)
    steps = steps_of(plateau.entries)
    enough = len(steps) >= bounds.looks
    for layer in own:
        onset = _onset(measurements, layer) if is_embedding(layer) else None
        if onset is None and _has_margin(plateau.last):
            onset = _onset_within(measurements, layer, plateau.last, bounds)
        why, cause = f"as those of {title(layer)} are", ""
        if onset is None and plateau.last.logits:
            onset = _onset_of_logits(measurements, layer, plateau.last, bounds)
            why = f"and those of {title(layer)} have become too short for it to tell apart"
            cause = _EVEN
        coming = onset is not None and len(plateau.entries) == 1 and onset > steps[0]
        if onset is None or (onset > steps[0] and not coming):
            continue
        begin = onset if coming else steps[0]
        met = {step for step in history(measurements, layer, "norm_mean").steps if step > begin}
        looks = len(met.union([begin] if coming else steps))
        if looks >= bounds.looks:
            match = _match(layer, plateau, bounds, why, looks)
            since = _asked_since(entries, bounds) if cause else None
            if since is not None:
                cause = f"{_EVENLY} since step {since.step}: a teacher's centre or temperature."
            begun = since or (plateau.last if coming else plateau.since(onset))
            yield replace(match, where=_where(layer, begun), cause=cause)
            return
    aliased = enough and aliased_steps(measurements, places).issuperset(steps)
    if own and aliased and are_one_thing(measurements, steps):
        yield _match(own[0], plateau, bounds, "and what it compares here is one thing")


def _asked_since(entries: Sequence[Objective], bounds: Bounds) -> Objective | None:
    """Return the look since which the targets of a softmax ask for the same of all candidates."""
    found = None
    for one in reversed(entries):
        if one.unevenness is None or one.unevenness > bounds.tolerance:
            break
        found = one
    return found


def _own(measurements: Measurements, loss: Objective) -> list[LayerState]:
    """Return the layers whose rows a loss is computed from."""
    return [
        layer
        for layer in measurements.layers
        if (is_embedding(layer) or (loss.logits and layer.role == "logits"))
        and (layer.model, layer.layer) in loss.outputs
    ]


def _is_held(one: Objective, bounds: Bounds) -> bool:
    """Tell whether a loss can be nowhere else than at its value at collapse."""
    return one.value is not None and one.flat is not None and one.flat <= bounds.held


def _held(measurements: Measurements, entries: Sequence[Objective], bounds: Bounds) -> Match | None:
    """Return a match if a loss could not leave its value at collapse since some look."""
    free = [one.step for one in entries if not _is_held(one, bounds)]
    since = tuple(one for one in entries if not free or one.step > max(free))
    own = _own(measurements, entries[-1])
    if len(steps_of(since)) < bounds.looks or not own:
        return None
    last = since[-1]
    if (last.flat or 0.0) > bounds.grown * (since[0].flat or 0.0):
        return None  # what holds it lets go
    value, reach, flat = last.value or 0.0, last.reach or 0.0, max(one.flat or 0.0 for one in since)
    stays = f"and it is held within {reach:.2g} of"
    if last.collapsed is None:
        said = f"{stays} its value at collapse whatever the embeddings are"
    else:
        loss = f"{last.kind or 'this loss'} gives {_written(last)} when all embeddings are equal"
        said = f"{loss}, {stays} that whatever they are"
    return Match(
        message=f"The loss reads {value:.4g}{', ' if last.collapsed is None else ': '}{said}.",
        where=_where(own[0], since[0]),
        evidence=evidence(
            loss=Evidence(value, null=last.collapsed, meaning="beside its value at collapse"),
            flat=Evidence(
                flat,
                bounds.held,
                "<=",
                meaning="how far any embeddings can move it, as a share of what its softmax gives",
            ),
            looks=Evidence(len(steps_of(since)), bounds.looks, ">=", unit="steps"),
        ),
        confidence=Confidence.HIGH,
        severity=Severity.WARNING if (adaptive := _adapts(measurements, own[0])) else None,
        cause=f"{_HOT}{_SLOW if adaptive else ''}",
        remedy="Look up how the factor on the cosines is set: usual temperatures lie between 0.01 "
        "and 1, and cosines are divided by them.",
    )


def _adapts(measurements: Measurements, layer: LayerState) -> bool:
    """Tell whether all optimizers of a model divide by the size of gradients, however small.

    Such have an ``eps`` for that; plain descent has none, and slows down with the gradient.
    """
    known = [one for one in measurements.updates if one.model == layer.model and one.optimizer]
    moving = [one for one in known if one.holds and not one.idle]
    return bool(moving) and all(one.eps is not None for one in moving)


def _onset_within(
    measurements: Measurements, layer: LayerState, loss: Objective, bounds: Bounds
) -> int | None:
    """Return the step from which rows lie nearer to each other than a loss with a margin can tell.

    Where it has the squares of distances, it is these that are small beside the margin.
    """
    slope = 1.0 if loss.formula == "its margin" else 0.5  # of softplus at 0
    told = bounds.tolerance * (loss.collapsed or 0.0) / slope
    if loss.squared:
        told = math.sqrt(told)
    spreads = _absolute(measurements, layer)
    bound = min(told, spreads.first / CollapseBounds().fall)
    return spreads.onset(lambda value: value < bound)  # False for NaN


def _absolute(measurements: Measurements, layer: LayerState) -> History:
    """Return how far rows lie apart, as the root of the mean square of all pairs' distances."""
    lengths = history(measurements, layer, "norm_mean")
    shares = dict(zip(*_series(history(measurements, layer, "relative_dispersion")), strict=True))
    return History(
        lengths.steps,
        tuple(
            math.sqrt(2) * length * shares.get(step, math.nan)
            for step, length in zip(*_series(lengths), strict=True)
        ),
    )


def _onset_of_logits(
    measurements: Measurements, layer: LayerState, loss: Objective, bounds: Bounds
) -> int | None:
    """Return the step from which rows, taken as logits, are too short for a softmax to tell apart.

    Around equal logits its entropy falls by half of their variance, which is at most the mean
    square of the coordinates.
    """
    lengths = history(measurements, layer, "norm_mean")
    variance = 2 * bounds.tolerance * abs(loss.collapsed or 0.0)
    told = math.sqrt(variance * layer.width) / (loss.logits or math.nan)
    fall = CollapseBounds().fall
    short = lengths.onset(lambda length: length < told)  # False for NaN
    shrunk = lengths.onset(lambda length: length < lengths.first / fall)
    spreads = _absolute(measurements, layer)
    # Born so short, they say nothing; what they had to say may have been lost since.
    closer = spreads.onset(lambda spread: spread < spreads.first / fall)
    since = [step for step in (shrunk, closer) if step is not None]
    return max(short, min(since)) if short is not None and since else None


def _series(of: History) -> tuple[tuple[int, ...], tuple[float, ...]]:
    return of.steps, of.values


def _onset(measurements: Measurements, layer: LayerState) -> int | None:
    """Return the step from which a layer is collapsed, and below its own first state."""
    bounds = CollapseBounds()
    if layer.values.get("zero_share", 0.0) >= 1.0:  # equal, and of no direction
        return history(measurements, layer, "zero_share").onset(lambda share: share >= 1.0)
    try:
        if collapse(measurements, layer, bounds) != "collapsed":
            return None
    except NotExamined:
        return None
    spread = spread_of(measurements, layer, bounds)
    bound = min(bounds.dispersion, spread.first / bounds.fall)
    return history(measurements, layer, spread.metric).onset(lambda value: value < bound)


def _match(
    layer: LayerState, plateau: _Plateau, bounds: Bounds, why: str, looks: int | None = None
) -> Match:
    last = plateau.last
    value, collapsed = last.value or 0.0, last.collapsed or 0.0
    size = abs(collapsed) or abs(plateau.first)
    return Match(
        message=(
            f"The loss reads {value:.4g}: {last.kind or 'this loss'} gives {_written(last)} when "
            f"all embeddings are equal, {why}."
        ),
        where=_where(layer, plateau.entries[0]),
        evidence=evidence(
            loss=Evidence(value, null=collapsed, meaning="beside its value at collapse"),
            distance=Evidence(
                plateau.distance,
                bounds.tolerance if plateau.distance <= bounds.tolerance else bounds.nearing,
                "<=",
                meaning=f"largest of the last looks, as a share of {size:.4g}",
            ),
            first_loss=Evidence(plateau.first, meaning="at the first step looked at"),
            looks=Evidence(
                looks or len(steps_of(plateau.entries)),
                bounds.looks,
                ">=",
                unit="steps",
                meaning="at which the loss, or that embeddings are equal, was seen",
            ),
        ),
        confidence=Confidence.HIGH if plateau.distance <= bounds.sharp else Confidence.MEDIUM,
    )


def _where(layer: LayerState, one: Objective) -> Where:
    return at_line(place(layer, one.step), one.site)


def _written(one: Objective) -> str:
    """Write the value at collapse: ``ln(128) = 4.852``, ``its margin, 0.2,``, or ``-1``."""
    number = f"{one.collapsed:.4g}"
    if one.formula.startswith("ln("):
        return f"{one.formula} = {number}"
    return f"{one.formula}, {number}," if one.formula else number


RULE = Rule(
    code="CD207",
    name="loss-at-collapse-value",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
