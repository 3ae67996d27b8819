"""CD208 no-negatives: the loss only ever pulls together, and nothing keeps the rows apart.

What it finds
-------------
All that was minimised on an output, at every step that was looked at, draws paired rows of it
together: a distance, or one less a cosine; or it pushes apart, too, but is never negative and 0
when all rows are equal, as a hinge is whose margin has the wrong sign. No negatives, no term of
variance, no classification or reconstruction was seen beside it, and no stop-gradient with a
predictor or a slow teacher.

Why it matters
--------------
The best that such a loss can reach is one vector for all inputs, and training finds it. It is
seen here before it has happened.

Likely causes
-------------
The negatives were forgotten, or are never drawn. The stop-gradient or the predictor of a method
without negatives is missing (SimSiam needs both). The weight of the term that keeps apart is 0,
or a schedule brings it there in the course of the training.

What to do
----------
Give the loss something that pushes apart: in-batch negatives (InfoNCE), a margin against other
samples, a term of variance and covariance (VICReg, Barlow Twins); or cut the gradient on one side
and put a predictor on the other (SimSiam), or let the target follow slowly (BYOL).

What would refute it
--------------------
Something keeps the rows apart that the graph of gradients does not show: a target that another
part of the program renews, whitening inside an operation that is not known here, a second loss at
steps that were not looked at, an output that only few of these steps train.

Bounds and their source
-----------------------
looks: 6 steps at which the loss was seen; a loss of two kinds of batches in turn shows both.
kept: 0.55 of the first spread. Healthy trainings never fell below it (see `geometry.FELL`), and
a loss that only pulls goes far below; so rows that keep more than that share for a long time are
kept apart by something, and nothing is said. Before that it is enough that the spread falls.
switched: 4 steps, where all looks before (`looks` of them at least) showed what keeps rows apart,
and none since. Some of these steps follow one another, so of two kinds in turn both would be seen.
The spread is held against that at the first of them.
patience: 200 steps, which is that long time: as in CD301, twice the slowest take-off measured.
fall: 3 times below the first spread, for high confidence; where the gradient is cut on the side of
the predictor instead of that of the target; where the model itself normalises or
whitens its output over the batch; and where the two sides are different outputs, of which one may
be a teacher that does not learn: then both must have fallen. Where the gradient flows into both,
and both models were seen to move by it, neither is a teacher, and they are judged as one output.
The spread is relative to the length of rows, or of their directions; where a distance is taken of
rows as they are, it shrinks with their length as well, and the absolute one counts, too.

References
----------
Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021, section 4.1 (without
stop-gradient the loss reaches its minimum at once) and 4.2 (nor does it work without predictor).
Bardes et al., "VICReg", ICLR 2022 (the variance term).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.recording.observations import Objective, Party, Pull
from collapse_doctor.rules.geometry import FELL, embeddings, evidence, judge, place, title
from collapse_doctor.rules.objectives import aliased_steps, has_unknown, objectives, steps_of
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.switched import begun_at, last_phase
from collapse_doctor.rules.wiring import courses

__all__ = ["RULE"]

KEEPING = frozenset(
    {
        "a term that pushes apart",
        "pairs that are to be apart",
        "a triplet loss",
        "a ranking loss",
        "a cross-entropy",
        "a binary cross-entropy",
        "a softmax",
        "the spread of an output",
        "the spread around the mean",
        "a fit to given numbers",
    }
)
"""What is known to keep rows apart, of the phrases that objectives hold."""
SPENT = "a push that ends before all rows are equal"
"""What keeps nothing apart that training draws together."""


@dataclass(frozen=True)
class Bounds:
    """How long to look, and what a healthy spread does meanwhile."""

    looks: int = 6  # steps: two kinds of batches in turn are both seen
    switched: int = 4  # steps since a loss lost what keeps rows apart
    kept: float = 0.55  # of the first spread: measured, see geometry.FELL
    patience: int = 200  # steps: as CD301's born_steps
    fall: float = FELL  # times below the first spread: measured, see geometry.FELL


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each output that is only ever pulled together."""
    seen = objectives(measurements)
    if has_unknown(measurements.objectives, seen):
        raise NotExamined("another loss was seen, of which it is not known what it trains")

    behind = _behind_others(measurements)

    def examine(layer: LayerState) -> Match | None:
        own = [one for one in seen if (layer.model, layer.layer) in one.outputs]
        later = last_phase(own, _keeps_apart, bounds.looks, bounds.switched)
        if not later:
            return _examined(measurements, layer, own, behind, bounds)
        # What came before is another training, to which the rows owe what they are.
        begun = begun_at(measurements, later[0].step)
        pairs = zip(measurements.layers, begun.layers, strict=True)
        now = next(new for old, new in pairs if old is layer)
        return _examined(begun, now, later, behind, replace(bounds, looks=bounds.switched))

    return judge(embeddings(measurements), examine, stand_in=Severity.WARNING)


def _examined(
    measurements: Measurements,
    layer: LayerState,
    own: Sequence[Objective],
    behind: Collection[str],
    bounds: Bounds,
) -> Match | None:
    """Return a match if all that was minimised on a layer in these looks only pulls."""
    fell = _fall(layer, own) > bounds.fall
    if not own or not _only_pulls(own, behind, fell=fell):
        return None
    _require(measurements, layer, own, bounds)
    return _match(layer, own, bounds)


def _keeps_apart(one: Objective) -> bool:
    """Tell whether a loss did anything beside drawing together, known to keep apart or not."""
    return bool(set(one.others) - {SPENT})


def _behind_others(measurements: Measurements) -> frozenset[str]:
    """Return the models that are only ever given what other networks made, and are learning.

    A predictor that is watched by itself is one. A teacher is none: it is given the data.
    """
    fed = {intake.model for intake in measurements.intakes if intake.learned}
    return frozenset(fed - {intake.model for intake in measurements.intakes if not intake.learned})


def _only_pulls(own: Sequence[Objective], behind: Collection[str], *, fell: bool) -> bool:
    """Tell whether nothing but unexcused pulls was seen; raise where that is not known."""
    phrases = dict.fromkeys(phrase for one in own for phrase in one.others)
    phrases.pop(SPENT, None)
    if not KEEPING.isdisjoint(phrases):
        return False
    if phrases:
        named = ", ".join(list(phrases)[:3])
        raise NotExamined(f"its loss has {named}, and whether that keeps rows apart is not known")
    inside = dict.fromkeys(phrase for one in own for phrase in one.whitened)
    if inside and not fell:
        raise NotExamined(f"the model itself may keep its rows apart, by {', '.join(inside)}")
    pulls = [pull for one in own for pull in one.pulls]
    if not pulls or any(_is_excused(pull, behind) for pull in pulls):
        return False
    if any(_is_predictor_cut(pull, behind) for pull in pulls) and not fell:
        raise NotExamined("its target is made of the same rows, which might be a teacher's")
    if any(side.fixed for pull in pulls for side in (pull.left, pull.right)) and not fell:
        raise NotExamined(
            "its target was computed without a gradient by the same network, and whether by the "
            "same weights is not known"
        )
    return True


def _is_excused(pull: Pull, behind: Collection[str]) -> bool:
    """Tell whether one side is a target that the other predicts, or of another network."""
    cut = next((side for side in (pull.left, pull.right) if side.cut), None)
    if cut is None or (_is_predictor_cut(pull, behind) and not cut.past):
        return False
    live = pull.right if pull.left.cut else pull.left
    return cut.past or _place(live) != _place(cut) or live.heads != cut.heads


def _is_predictor_cut(pull: Pull, behind: Collection[str]) -> bool:
    """Tell whether the gradient is cut behind the predictor, and flows into what it was given.

    The target is then made of the very rows that are drawn to it: nothing is predicted.
    """
    cut = next((side for side in (pull.left, pull.right) if side.cut), None)
    if cut is None:
        return False
    live = pull.right if pull.left.cut else pull.left
    if _place(live) == _place(cut):
        return cut.heads > live.heads
    return cut.model in behind and live.model not in behind


def _place(party: Party) -> tuple[str, str]:
    return party.model, party.layer


def _require(
    measurements: Measurements, layer: LayerState, own: Sequence[Objective], bounds: Bounds
) -> None:
    """Raise NotExamined where there may be another explanation."""
    steps = steps_of(own)
    if len(steps) < bounds.looks:
        raise NotExamined(f"its loss was seen at {len(steps)} steps only, of {bounds.looks}")
    if aliased_steps(measurements, {(layer.model, layer.layer)}) & set(steps):
        raise NotExamined("what is pulled together is one thing (see CD101 to CD105)")
    pulls = {pull for one in own for pull in one.pulls}
    partners = {_place(side) for pull in pulls for side in (pull.left, pull.right)}
    both = len(partners) > 1
    together = both and _learn_both(measurements, pulls)
    for other in measurements.layers:
        is_partner = (other.model, other.layer) in partners
        if both and not together and is_partner and not _fall(other, own) > bounds.fall:
            raise NotExamined("two different outputs are pulled together, and one may not learn")
        if is_partner or other is layer:
            _require_fall(measurements, other, own, bounds)


def _require_fall(
    measurements: Measurements, layer: LayerState, own: Sequence[Objective], bounds: Bounds
) -> None:
    patient = measurements.steps >= bounds.patience or _pushes(own)
    if not _fall(layer, own) > (1 / bounds.kept if patient else 1.0):
        raise NotExamined(
            f"its loss only pulls together, but in {measurements.steps:,} steps its spread has "
            "not fallen: something that was not seen may keep its rows apart"
        )


def _pushes(own: Sequence[Objective]) -> bool:
    return any(SPENT in one.others for one in own)


def _learn_both(measurements: Measurements, pulls: Iterable[Pull]) -> bool:
    """Tell whether two outputs were both moved by the gradient that flows into them."""
    sides = [side for pull in pulls for side in (pull.left, pull.right)]
    try:
        learning = {
            course.model
            for course in courses(measurements)
            if course.has_gradient
            and course.has_moved
            and not course.is_moved_from_outside
            and not any(update.absent for update in course.own)
        }
    except NotExamined:
        return False
    return all(not side.cut and side.model in learning for side in sides)


def _fall(layer: LayerState, own: Sequence[Objective] = ()) -> float:
    """Return how many times smaller the spread of a layer is than at first; NaN if not known."""
    first = layer.first or {}
    ratios = [
        first.get(metric, math.nan) / value
        for metric in ("relative_dispersion", "direction_dispersion")
        if (value := layer.values.get(metric, math.nan)) > 0
    ]
    if _are_vectors(layer, own) and ratios:
        length = layer.values.get("norm_mean", math.nan)
        shrunk = first.get("norm_mean", math.nan) / length if length > 0 else math.nan
        ratios.append(ratios[0] * shrunk)
    if layer.values.get("relative_dispersion") == 0:
        return math.inf
    return max((ratio for ratio in ratios if not math.isnan(ratio)), default=math.nan)


def _are_vectors(layer: LayerState, own: Sequence[Objective]) -> bool:
    """Tell whether all that is made of a layer is a distance of its rows as they are."""
    sides = [
        (pull.vectors, side.heads)
        for one in own
        for pull in one.pulls
        for side in (pull.left, pull.right)
        if _place(side) == (layer.model, layer.layer)
    ]
    return bool(sides) and all(vectors and not heads for vectors, heads in sides)


def _match(layer: LayerState, own: Sequence[Objective], bounds: Bounds) -> Match:
    steps, fall = steps_of(own), _fall(layer, own)
    pulls = [pull for one in own for pull in one.pulls]
    stopped = any(pull.left.cut or pull.right.cut for pull in pulls)
    cut = ", though the gradient is cut on one side" if stopped else ""
    first = own[0].value
    return Match(
        message=_message(layer, own, cut),
        where=_where(layer, own[0], pulls),
        evidence=evidence(
            looks=Evidence(len(steps), bounds.looks, ">=", meaning="steps at which it was seen"),
            fall=Evidence(fall, bounds.fall, ">", meaning="times smaller the spread has become"),
            first_loss=Evidence(first) if first is not None else None,
            last_loss=Evidence(own[-1].value) if own[-1].value is not None else None,
        ),
        confidence=Confidence.HIGH if fall > bounds.fall else Confidence.MEDIUM,
        cause=_MARGIN if _pushes(own) else _cause(pulls, stopped=stopped),
    )


_MARGIN = (
    "The margin enters with the wrong sign, or is 0: `relu(near - far + margin)` asks for a "
    "distance, `relu(near - far - margin)` for none."
)


def _message(layer: LayerState, own: Sequence[Objective], cut: str) -> str:
    since = f" since step {own[0].step}" if own[0].step > 1 else ""
    if _pushes(own):
        return (
            f"Nothing in the loss on {title(layer)} keeps different rows apart: it is never "
            "negative, and 0 when all rows are equal."
        )
    return (
        f"Nothing in the loss on {title(layer)} keeps different rows apart: at all "
        f"{len(steps_of(own))} steps looked at{since} it only drew pairs together{cut}."
    )


def _cause(pulls: Sequence[Pull], *, stopped: bool) -> str:
    if stopped:
        return (
            "A stop-gradient alone keeps nothing apart: the side that takes the gradient needs a "
            "predictor, or the target a network of its own that follows slowly."
        )
    if any(pull.left.heads != pull.right.heads for pull in pulls):
        return (
            "One side goes through layers of its own, as a predictor, but the gradient flows into "
            "the other side, too: a target that is predicted has to be cut off (`detach`)."
        )
    return ""


def _where(layer: LayerState, first: Objective, pulls: Sequence[Pull]) -> Where:
    met = None if SPENT in first.others else next((p.site for p in pulls if p.site), None)
    return at_line(place(layer, first.step), met or first.site)


RULE = Rule(
    code="CD208",
    name="no-negatives",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
