"""What a call of one of PyTorch's own losses means, now that its values have come over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from collapse_doctor.inspector.losses.graph import Expression
from collapse_doctor.inspector.losses.marks import Call
from collapse_doctor.inspector.losses.meaning import TWO, Meaning, joined, other, pulled, reduced
from collapse_doctor.inspector.losses.onesided import are_drawn, drawn_out, held_against
from collapse_doctor.inspector.losses.room import Room
from collapse_doctor.inspector.losses.rows import matrix_product, product_of_all
from collapse_doctor.inspector.losses.words import CROSS, DISTANCES, FITTING, PRODUCT

__all__ = ["Read", "meaning_of_call"]

VANISHING = 745.0
"""Logits this far below the largest are masked out: their exponential is 0 in float64."""

MASKED = -1e4
"""Logits that are no larger, and all equal, are a mask: -inf, -1e9, or the least of float16."""

_NEARNESS = frozenset(known.name for known in DISTANCES.values())

Read = Callable[[Tensor], list[float]]


def meaning_of_call(one: Expression, inputs: Sequence[Meaning], read: Read) -> Meaning:
    """Return what a call means; ``read`` gives the values of a tensor."""
    call: Call = one.info
    if call.name in _NEARNESS or call.name == "F.cosine_similarity":
        return _compared(call, inputs, read)
    return _MEANINGS[call.name](call, inputs, read)


def _reduced(call: Call, found: Meaning, count: int) -> Meaning:
    return reduced(found, call.numbers.get("reduction", "none"), count)


def _compared(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    numbers, similar = call.numbers, call.name == "F.cosine_similarity"
    if call.name in FITTING and call.tensors:
        fitted = held_against(inputs[0], *read(call.tensors[0]))
        if fitted is not None:
            return _reduced(call, drawn_out(fitted), numbers["numel"])
    if not numbers["paired"]:
        return _crossed(call, inputs, "a comparison of all pairs", similar=similar)
    if not all(side.parties for side in inputs):
        return other("a fit to given numbers", inputs)
    if any(side.sort not in ("rows", "given") for side in inputs):
        return other("a comparison of something else", inputs)
    value = 1.0 if similar else 0.0
    order = 2.0 if similar or call.name == "F.mse_loss" else 1.0
    found = pulled(
        inputs, -1 if similar else 1, call.site, value=value, positive=not similar, order=order
    )
    return replace(found, room=Room(2.0)) if similar else found


def _crossed(
    call: Call, inputs: Sequence[Meaning], phrase: str, *, similar: bool = False
) -> Meaning:
    """Return what a comparison of every row with every row means: named, and what it draws."""
    rows = all(side.parties for side in inputs)
    two = all(one.sort == "rows" for one in inputs) and inputs[0] is not inputs[1]
    crossed = two and call.numbers["crossed"]
    found = other(phrase + (TWO if crossed else ""), inputs, float(similar) if rows else None)
    found = replace(found, order=2.0 if similar else 1.0)
    if similar:
        found = replace(found, room=Room(2.0))
    if not crossed:
        return found
    drawn = pulled(inputs, -1 if similar else 1, call.site, crossed=True)
    return replace(found, pulls=drawn.pulls, positive=not similar, straight=True)


def _distances(call: Call, inputs: Sequence[Meaning], _read: Read) -> Meaning:
    return _crossed(call, inputs, "the distances of all pairs")


def _product(call: Call, inputs: Sequence[Meaning], _read: Read) -> Meaning:
    if any(one.sort != "rows" for one in inputs):
        return matrix_product(inputs, None)
    return product_of_all(inputs, crossed=bool(call.numbers["crossed"]))


def _triplet(call: Call, inputs: Sequence[Meaning], _read: Read) -> Meaning:
    margin = _margin(call)
    found = other("a triplet loss", inputs, margin if _are_rows(inputs) else None)
    kind = (f"a triplet loss of margin {margin:g}", "its margin")
    named = joined("score", [found], value=found.value, kinds=(kind,), site=call.site)
    return _reduced(call, named, _rows(call))


def _cosine_embedding(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    targets = read(call.tensors[0]) if call.tensors else []
    if not targets or not _are_rows(inputs):
        return other("a cosine embedding loss", inputs)
    apart = sum(target < 0 for target in targets) / len(targets)
    margin = _margin(call)
    value = apart * max(0.0, 1.0 - margin)
    if apart == 0:
        found = pulled(inputs, 1, call.site, value=0.0, positive=True)
    else:
        kind = (f"a cosine embedding loss with {apart:.0%} of the pairs to be apart", "")
        found = joined(
            "score", inputs, value=value, kinds=(kind,), others=("pairs that are to be apart",)
        )
    return _reduced(call, found, _rows(call))


def _hinge_embedding(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    targets = read(call.tensors[0]) if call.tensors else []
    if not targets or inputs[0].value != 0:
        return other("a hinge embedding loss", inputs)
    value = sum(target < 0 for target in targets) / len(targets) * _margin(call)
    found = other("a hinge embedding loss", inputs, value)
    return _reduced(call, found, call.numbers["numel"])


def _ranking(call: Call, inputs: Sequence[Meaning], _read: Read) -> Meaning:
    margin = _margin(call)
    values = {one.value for one in inputs}
    value = margin if margin >= 0 and len(values) == 1 and None not in values else None
    kind = (f"a ranking loss of margin {margin:g}", "its margin")
    found = other("a ranking loss", inputs, value)
    found = joined("score", [found], value=value, kinds=(kind,))
    return _reduced(call, found, call.numbers["numel"])


def _cross_entropy(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    found = other("a cross-entropy", inputs)
    count = _candidates(call, read)
    if count is None or not found.outputs:
        return found
    kind = (f"a cross-entropy over {count:,} candidates", f"ln({count})")
    room, site = _room(inputs[0], math.log(count)), inputs[0].site or call.site
    if _is_alone(call, read):  # whatever the logit of the only one is, its share is 1
        room, site = Room(0.0), call.site
    wrong = _mismatched(call, read) if inputs[0].straight else ()
    site = call.site if wrong else site  # the line that was given these targets
    value = None if inputs[0].shifted and room is not None else math.log(count)
    named = joined("score", [found], value=value, kinds=(kind,), room=room, site=site)
    named = replace(named, logits=inputs[0].scale, mismatched=(*named.mismatched, *wrong))
    weighted = call.numbers.get("reduction") == "sum" and call.numbers["numel"] == 0
    return named if weighted else _reduced(call, named, _rows(call))


def _log_softmax(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    found = other("a softmax", inputs)
    count = _candidates(call, read)
    if count is None or not found.outputs:
        return found
    kind = (f"a cross-entropy over {count:,} candidates", f"ln({count})")
    room, site = _room(inputs[0], -math.log(count)), inputs[0].site or call.site
    value = None if inputs[0].shifted and room is not None else -math.log(count)
    named = joined("score", [found], value=value, kinds=(kind,), shares=True, room=room, site=site)
    return replace(named, logits=inputs[0].scale)


def _log_sum(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    found = other("a softmax", inputs)
    count, value = _candidates(call, read), inputs[0].value
    if count is None:
        return found
    found = replace(found, room=_room(inputs[0], math.log(count)), site=inputs[0].site)
    if value is None or inputs[0].uneven:
        return found
    return replace(joined("score", [found], value=value + math.log(count)), room=found.room)


def _room(logits: Meaning, size: float) -> Room | None:
    """Return the room of a softmax that gives ``size`` for equal logits."""
    return logits.room.softmax(size) if logits.room is not None else None


def _likelihood(call: Call, inputs: Sequence[Meaning], _read: Read) -> Meaning:
    value = -inputs[0].value if inputs[0].value is not None and inputs[0].shares else None
    found = other("a cross-entropy", inputs, value)
    room = inputs[0].room.scaled(-1.0) if inputs[0].room is not None else None
    found = replace(found, room=room, site=inputs[0].site)
    return _reduced(call, found, _rows(call))


def _binary(call: Call, inputs: Sequence[Meaning], read: Read) -> Meaning:
    labels = read(call.tensors[0]) if call.tensors else []
    one = inputs[0]
    if labels == [1.0, 1.0] and are_drawn(one, -1) and (one.value or 0.0) < VANISHING:
        value = math.log1p(math.exp(-one.value)) if one.value is not None else None
        pulls = tuple((-sign, pull) for sign, pull in one.pulls)
        alone = replace(joined("score", inputs, value=value, positive=True), pulls=pulls)
        return _reduced(call, alone, call.numbers["numel"])
    found = other("a binary cross-entropy", inputs, math.log(2))
    kind = ("a binary cross-entropy", "ln(2)")
    room, site = _room(inputs[0], math.log(2)), inputs[0].site or call.site
    named = joined("score", [found], value=found.value, kinds=(kind,), room=room, site=site)
    return _reduced(call, named, call.numbers["numel"])


def _candidates(call: Call, read: Read) -> int | None:
    """Return how many candidates each row of logits has, if all that were read have as many."""
    if not call.tensors:
        return None
    logits, width = call.tensors[0], call.tensors[0].shape[-1]
    values = read(logits)
    rows = [values[begin : begin + width] for begin in range(0, len(values), width or 1)]
    counts = {sum(value > max(row) - VANISHING for value in row) for row in rows}
    return counts.pop() or None if len(counts) == 1 else None


def _is_alone(call: Call, read: Read) -> bool:
    """Tell whether all candidates of a row but one were masked out, by one number for them all."""
    logits, width = call.tensors[0], call.tensors[0].shape[-1]
    values = read(logits)
    rows = [sorted(values[begin : begin + width]) for begin in range(0, len(values), width or 1)]
    return width > 1 and all(row[0] == row[-2] <= MASKED for row in rows)


def _mismatched(call: Call, read: Read) -> tuple[tuple[int, int, int], ...]:
    """Return what is told of targets that give rows no partner each; nothing of those that do.

    Partners are different ones for different rows, or the first of several rows that are alike:
    then it is its own.
    """
    if len(call.tensors) < 2:
        return ()
    targets = [int(number) for number in read(call.tensors[1])]
    known = [target for target in targets if 0 <= target < len(targets)]
    distinct = len(set(known))
    firsts = distinct > 1 and all(targets[target] == target for target in known)
    if len(targets) < 3 or not known or distinct == len(known) or firsts:
        return ()
    return ((len(targets), distinct, max(known)),)


def _are_rows(inputs: Sequence[Meaning]) -> bool:
    return all(one.sort in ("rows", "given") and one.parties for one in inputs)


def _margin(call: Call) -> float:
    """Return the margin of a call; NaN, which no loss meets, if it was no plain number."""
    return float(call.numbers.get("margin", math.nan))


def _rows(call: Call) -> int:
    return int(call.numbers["rows"])


_MEANINGS: Mapping[str, Callable[[Call, Sequence[Meaning], Read], Meaning]] = {
    CROSS: _distances,
    PRODUCT: _product,
    "F.triplet_margin_loss": _triplet,
    "F.triplet_margin_with_distance_loss": _triplet,
    "F.cosine_embedding_loss": _cosine_embedding,
    "F.hinge_embedding_loss": _hinge_embedding,
    "F.margin_ranking_loss": _ranking,
    "F.cross_entropy": _cross_entropy,
    "F.nll_loss": _likelihood,
    "F.binary_cross_entropy_with_logits": _binary,
    "log_softmax": _log_softmax,
    "logsumexp": _log_sum,
}
