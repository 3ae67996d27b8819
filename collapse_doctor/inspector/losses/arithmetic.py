"""What the arithmetic of scores means, and what an expression of a loss means in the end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.losses import rows
from collapse_doctor.inspector.losses.calls import Read, meaning_of_call
from collapse_doctor.inspector.losses.graph import Expression
from collapse_doctor.inspector.losses.marks import Bank, Cut, Ends, Given
from collapse_doctor.inspector.losses.meaning import Meaning, joined, other
from collapse_doctor.inspector.losses.onesided import are_drawn, held_against
from collapse_doctor.inspector.losses.room import Room, common
from collapse_doctor.inspector.losses.words import LOG
from collapse_doctor.recording.observations import CallSite, Party, Pull

__all__ = ["meaning_of"]


def meaning_of(expression: Expression, read: Read) -> Meaning:
    """Return what an expression means; ``read`` gives the values of a tensor it holds."""
    known: dict[int, Meaning] = {}

    def mean(one: Expression) -> Meaning:
        if id(one) not in known:
            inputs = [mean(below) for below in one.inputs]
            known[id(one)] = _meaning(one, inputs, read)
        return known[id(one)]

    return mean(expression)


def _meaning(one: Expression, inputs: Sequence[Meaning], read: Read) -> Meaning:
    if one.operation == "call":
        if one.info.name == LOG:
            return _logarithm(one, inputs, read)
        return meaning_of_call(one, inputs, read)
    if one.operation == "number":
        value = one.info
        number = read(value)[0] if isinstance(value, Tensor) else float(value)
        return Meaning("number", number, positive=number >= 0, room=Room(0.0), site=one.site)
    if one.operation == "learnt":
        if inputs[0].outputs:  # the embeddings have a part in it
            return inputs[0]
        number = read(one.info)[0]
        return Meaning("number", number, positive=number >= 0, room=Room(0.0), site=one.site)
    if one.operation == "given":
        if isinstance(one.info, Tensor):
            weights = read(one.info)
            value = sum(weights) / len(weights) if weights else None
            return Meaning("given", value, sign=_sign(weights), unevenness=_unevenness(weights))
        if isinstance(one.info, Ends):
            ends = read(one.info.ends)
            return Meaning("given", sign=_sign(ends), unevenness=_unevenness(ends))
        if isinstance(one.info, Given):
            least, greatest = read(one.info.ends)
            value = least if least == greatest else None
            return Meaning("given", value, sign=_sign([least, greatest]))
        if isinstance(one.info, Cut):
            longest = one.info.longest
            length = read(longest)[0] if longest is not None else None
            return Meaning("given", parties=(one.info.party,), length=length)
        if isinstance(one.info, Bank):
            return Meaning("given", length=read(one.info.longest)[0])
        parties = (one.info,) if isinstance(one.info, Party) else ()
        return Meaning("given", parties=parties)
    if one.operation == "rows":
        output, whitened = one.info
        return rows.output_rows(output, whitened)
    if one.operation == "weights":
        return Meaning("weights")
    known = _ARITHMETIC.get(one.operation)
    if known is None or not inputs:
        return other(f"`{one.info}`", inputs)
    if one.operation not in _LINEAR:
        inputs = [_even(each) for each in inputs]
    found = known(inputs, one.info)
    if one.site is not None and found.sort in ("difference", "product"):
        return replace(found, met=one.site)
    return found


def _even(one: Meaning) -> Meaning:
    """Return a meaning without a value that is no more than the mean of different ones."""
    return replace(one, value=None) if one.uneven else one


def _room_of_sum(one: Meaning, second: Meaning) -> Room | None:
    """Return the room of a sum of two."""
    if one.room is None or second.room is None:
        return None
    if second.sort == "number":
        return one.room.raised(second.value or 0.0)
    return one.room.plus(second.room)


def _room_of_quotient(one: Meaning, second: Meaning) -> Room | None:
    """Return the room of a quotient, or a product, of two scores."""
    return one.room.over(second.room) if one.room is not None and second.room is not None else None


def _room_of_two(one: Meaning, value: float | None) -> Room | None:
    """Return the room of a softmax over a score and 0, which is ``value`` at collapse."""
    return one.room.softmax(value) if one.room is not None and value is not None else None


def _turned(one: Meaning) -> tuple[tuple[int, Pull], ...]:
    return tuple((-sign, pull) for sign, pull in one.pulls)


def _signs(one: Meaning) -> set[int]:
    """Return the directions of the terms of paired rows."""
    return {sign for sign, pull in one.pulls if not pull.crossed}


def _neg(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    one = inputs[0]
    value = -one.value if one.value is not None else None
    room = one.room.scaled(-1.0) if one.room is not None else None
    return replace(one, value=value, pulls=_turned(one), positive=False, room=room)


def _add(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    one, second = inputs[0], inputs[-1]
    if len(inputs) < 2:
        return other("a shift", inputs)
    if one.sort == "number":
        one, second = second, one
    if one.sort in ("difference", "product", "rows", "norm") and second.sort == "number":
        return replace(one, unit=False, length=None)  # as the eps of a distance
    if one.sort == "rows" and second.sort == "weights":
        return replace(one, unit=False, length=None, room=None, scale=None)
    if {one.sort, second.sort} <= {"score", "norm", "number"}:
        value = _both(one, second, lambda a, b: a + b)
        room = _room_of_sum(one, second)
        positive, site = one.positive and second.positive, one.site or second.site
        return joined("score", inputs, value=value, positive=positive, room=room, site=site)
    if one.sort == "score" and second.sort == "given" and not second.parties:
        room = one.room if one.room is not None and not one.room.grown else None
        return joined("score", inputs, room=room, site=one.site, shifted=True)
    if {one.sort, second.sort} <= {"weights", "score", "number"}:
        return joined("score", inputs)
    return other("a sum with something else", inputs)


def _sub(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    if len(inputs) < 2:
        return other("a shift", inputs)
    one, second = inputs
    if {one.sort, second.sort} == {"rows", "centre"}:
        return joined("score", inputs, value=0.0, others=("the spread around the mean",))
    held = _held_against(one, second)
    if held is not None:
        return held
    if one.parties and second.parties and {one.sort, second.sort} <= {"rows", "given"}:
        parties = (one.parties[0], second.parties[0])
        unit = one.unit and second.unit
        return joined("difference", inputs, value=0.0, parties=parties, unit=unit)
    if one.sort in ("rows", "difference") or second.sort in ("rows", "difference"):
        found = other("a fit to given numbers", inputs)
        if one.sort != "rows" or second.sort != "given":
            return found
        return replace(found, room=one.room, site=one.site, shifted=True)
    found = _add((one, _neg([second], None)), None)
    if one.alike and one.alike == second.alike and found.sort == "score":
        return replace(found, value=0.0)  # the same unknown number, twice
    return found


def _held_against(one: Meaning, second: Meaning) -> Meaning | None:
    """Return a score less the labels that it has for equal rows, or these less the score."""
    score, labels = (second, one) if one.sort == "given" else (one, second)
    if labels.sort != "given" or labels.value is None or labels.parties:
        return None
    held = held_against(score, labels.value, labels.value)
    if held is None or score is one:
        return held
    return replace(_neg([held], None), positive=are_drawn(score, -1))


def _rsub(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    """Take away from a number; ``1 - cos`` is never negative."""
    one, second = inputs[0], inputs[-1]
    found = _sub((second, one), None)
    nearest = second.sort == "number" and bool(one.pulls) and found.value == 0.0
    return replace(found, positive=nearest and all(sign < 0 for sign, _ in one.pulls))


def _mul(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    if len(inputs) < 2:
        return other("a product", inputs)
    one, second = inputs
    if one.sort == "number" or (one.sort in ("given", "weights") and second.sort == "score"):
        one, second = second, one
    if second.sort == "number":
        return _scaled(one, second.value or 0.0, second.site)
    if one.parties and second.parties and {one.sort, second.sort} <= {"rows", "given"}:
        parties = (one.parties[0], second.parties[0])
        unit = all(side.unit or side.sort == "given" for side in (one, second))
        itself = one is second
        lengths = (one.length, second.length)
        length = None if None in lengths else math.prod(each or 0.0 for each in lengths)
        found = joined("product", inputs, parties=parties, unit=unit, positive=itself)
        return replace(found, length=length, site=one.site or second.site)
    if one.sort == "score" and second.sort == "given":
        room = one.room.weighted(second.sign) if one.room is not None else None
        if one.shares:
            sign = -1.0 if (second.value or 0.0) < 0 else 1.0  # the weights add up to one, too
            value = sign * one.value if one.value is not None else None
            even = second.unevenness
            found = joined("score", inputs, value=value, shares=True, room=room, site=one.site)
            return replace(found, unevenness=even) if even is not None else found
        value = 0.0 if one.value == 0 else _both(one, second, lambda a, b: a * b)
        if one.uneven:
            value = None
        weighted = other("a term weighted by given numbers", inputs, value)
        return replace(weighted, uneven=bool(value), positive=False, room=room, site=one.site)
    if one.sort == second.sort == "score":
        one, second = _even(one), _even(second)
        found = other("a product of scores", inputs, _both(one, second, lambda a, b: a * b))
        found = replace(found, room=_room_of_quotient(one, second), site=one.site or second.site)
    else:
        found = other("a product with something else", inputs)
    # A learnt temperature leaves a matrix what it is.
    scaled = (one.straight and not second.outputs) or (second.straight and not one.outputs)
    return replace(found, straight=scaled)


def _scaled(one: Meaning, factor: float, site: CallSite | None) -> Meaning:
    if factor == 0.0 and one.sort == "score":  # what weighs nothing does nothing
        return Meaning("score", 0.0, outputs=one.outputs, positive=True, room=Room(0.0))
    value = one.value * factor if one.value is not None else None
    pulls = one.pulls if factor >= 0 else _turned(one)
    positive = one.positive and factor >= 0
    room = one.room.scaled(factor) if one.room is not None else None
    known = room is not None or one.length is not None
    return replace(
        one,
        value=value,
        pulls=pulls,
        positive=positive,
        unit=False,
        alike=frozenset(),
        length=one.length * abs(factor) if one.length is not None else None,
        room=room,
        scale=one.scale * abs(factor) if one.scale is not None else None,
        site=site if known and one.site is None else one.site,
    )


def _div(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    if len(inputs) < 2:
        return other("a quotient", inputs)
    one, second = inputs
    if second.sort == "number":
        return _scaled(one, 1.0 / second.value if second.value else math.nan, second.site)
    if one.sort == "rows" and second.sort == "norm" and one.parties == second.parties:
        return replace(one, unit=True, length=1.0, room=None, scale=None)
    if one.sort == "weights" and second.sort == "norm" and not second.parties:
        return replace(one, length=1.0)
    if one.sort == second.sort == "score":
        one, second = _even(one), _even(second)
        value = _both(one, second, lambda a, b: a / b if b else math.nan)
        found = other("a quotient of scores", inputs, value)
        found = replace(found, room=_room_of_quotient(one, second), site=one.site or second.site)
    else:
        zero = 0.0 if one.value == 0 else None
        found = other("a quotient with something else", inputs, zero)
        if second.sort == "given" and one.room is not None:
            found = replace(found, room=one.room.weighted(second.sign), site=one.site)
    return replace(found, straight=one.straight and not second.outputs)


def _cut_off(inputs: Sequence[Meaning], info: Any) -> Meaning:
    one = inputs[0]
    if one.sort in ("rows", "norm"):
        return replace(one, unit=False, length=None, room=None, scale=None)
    if one.sort != "score":
        return other("a bound", inputs)
    bounds = info if isinstance(info, tuple) else (math.nan, None)  # tensors are not known
    least, most = (
        float(bound) if isinstance(bound, int | float) else none
        for bound, none in zip(bounds, (-math.inf, math.inf), strict=True)
    )
    value = None
    if one.value is not None and not math.isnan(least):
        value = min(max(one.value, least), most)
    positive = least >= 0
    hinge: tuple[tuple[str, str], ...] = ()
    mined = {"the distances of all pairs", "the hardest of many"}.issubset(one.others)
    if value and (_signs(one) == {1, -1} or (mined and not one.pulls)):
        hinge = ((f"a triplet loss of margin {value:g}", "its margin"),)
    room = one.room if one.room is not None and not one.room.size else None
    return joined(
        "score", inputs, value=value, positive=positive, kinds=hinge, room=room, site=one.site
    )


def _rising(
    function: Callable[[float], float],
    room: Callable[[Meaning, float | None], Room | None] | None,
    *,
    positive: bool,
) -> Any:
    """Return the meaning of a function that only rises: it keeps the direction of terms."""

    def apply(inputs: Sequence[Meaning], info: Any) -> Meaning:
        one = inputs[0]
        if one.sort == "norm":
            return replace(one, value=one.value if one.value == 1.0 else None)
        if one.sort != "score":
            return other(f"`{info}`", inputs)
        try:
            value = function(one.value) if one.value is not None else None
        except (ValueError, OverflowError):
            value = None
        left = room(one, value) if room is not None and one.room is not None else None
        return replace(one, value=value, positive=positive, alike=frozenset(), room=left)

    return apply


def _softplus(inputs: Sequence[Meaning], info: Any) -> Meaning:
    found: Meaning = _SOFTPLUS(inputs, info)
    if inputs[0].value == 0 and _signs(inputs[0]) == {1, -1}:
        return replace(found, kinds=(*found.kinds, ("a soft-margin triplet loss", "ln(2)")))
    return found


def _log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


def _root(inputs: Sequence[Meaning], info: Any) -> Meaning:
    found: Meaning = _ROOT(inputs, info)
    return replace(found, order=found.order / 2 if found.order is not None else None)


_ROOT = _rising(math.sqrt, None, positive=True)
_SOFTPLUS = _rising(lambda x: math.log1p(math.exp(x)), _room_of_two, positive=True)
_LOG = _rising(math.log, None, positive=False)


def _logarithm(one: Expression, inputs: Sequence[Meaning], read: Read) -> Meaning:
    """Return logarithms: of exponentials their size is what was read of them."""
    (given,) = [_even(each) for each in inputs]
    found: Meaning = _LOG([given], "Log")
    seen = [number for kept in one.info.tensors for number in read(kept) if math.isfinite(number)]
    if given.room is None or not seen or min(seen) * max(seen) < 0:
        return found
    return replace(found, room=given.room.logarithm(min(seen, key=abs)), site=given.site)


def _where(inputs: Sequence[Meaning], info: Any) -> Meaning:
    """Return what is one thing in some places and another elsewhere."""
    chosen = [one for one in inputs if one.sort == "score"]
    found = other(f"`{info}`", inputs)
    if not chosen or any(one.sort not in ("score", "number", "given") for one in inputs):
        return found
    rooms = [one.room.picked() if one.room is not None else None for one in chosen]
    site = next((one.site for one in chosen if one.site is not None), None)
    return replace(found, room=common(rooms), site=site)


def _unevenness(numbers: Sequence[float]) -> float | None:
    """Return how much larger the largest of given numbers is than the smallest, as its share."""
    sizes = [abs(number) for number in numbers]
    return 1.0 - min(sizes) / max(sizes) if any(sizes) and _sign(numbers) else None


def _sign(numbers: Sequence[float]) -> int:
    """Return the sign that given numbers have in common, or 0."""
    if all(number >= 0 for number in numbers):
        return 1
    return -1 if all(number <= 0 for number in numbers) else 0


def _both(one: Meaning, second: Meaning, combine: Callable[[float, float], float]) -> float | None:
    values = [v for v in (one.value, second.value) if v is not None]
    if len(values) < 2:
        return None
    value = reduce(combine, values)
    return value if math.isfinite(value) else None


_LINEAR = frozenset({"sum", "mean", "neg", "add", "sub", "rsub", "mul", "div"})

_ARITHMETIC: Mapping[str, Callable[[Sequence[Meaning], Any], Meaning]] = {
    "same": rows.same,
    "columns": rows.columns,
    "pick": rows.picked,
    "join": rows.together,
    "sum": rows.total,
    "mean": rows.average,
    "neg": _neg,
    "add": _add,
    "sub": _sub,
    "rsub": _rsub,
    "mul": _mul,
    "div": _div,
    "pow": rows.power,
    "abs": rows.absolute,
    "norm": rows.norm,
    "relu": _cut_off,
    "softplus": _softplus,
    "exp": _rising(math.exp, lambda one, _: one.room and one.room.exponential(), positive=True),
    "log": _LOG,
    "sqrt": _root,
    "logsigmoid": _rising(_log_sigmoid, _room_of_two, positive=False),
    "where": _where,
    "cdist": rows.all_distances,
    "spread": rows.spread,
    "product": rows.matrix_product,
    "head": rows.head,
}
