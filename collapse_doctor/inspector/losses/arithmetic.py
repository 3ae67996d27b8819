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
from collapse_doctor.inspector.losses.meaning import Meaning, joined, other
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
        return meaning_of_call(one, inputs, read)
    if one.operation == "number":
        value = one.info
        number = read(value)[0] if isinstance(value, Tensor) else float(value)
        return Meaning("number", number, positive=number >= 0, reach=0.0, site=one.site)
    if one.operation == "given":
        if isinstance(one.info, Tensor):
            weights = read(one.info)
            return Meaning("given", sum(weights) / len(weights) if weights else None)
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


def _turned(one: Meaning) -> tuple[tuple[int, Pull], ...]:
    return tuple((-sign, pull) for sign, pull in one.pulls)


def _signs(one: Meaning) -> set[int]:
    """Return the directions of the terms of paired rows."""
    return {sign for sign, pull in one.pulls if not pull.crossed}


def _neg(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    one = inputs[0]
    value = -one.value if one.value is not None else None
    return replace(one, value=value, pulls=_turned(one), positive=False)


def _add(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    one, second = inputs[0], inputs[-1]
    if len(inputs) < 2:
        return other("a shift", inputs)
    if one.sort == "number":
        one, second = second, one
    if one.sort in ("difference", "product", "rows", "norm") and second.sort == "number":
        return replace(one, unit=False)  # as the eps of a distance
    if one.sort == "rows" and second.sort == "weights":
        return replace(one, unit=False, scale=None)
    if {one.sort, second.sort} <= {"score", "norm", "number"}:
        value = _both(one, second, lambda a, b: a + b)
        reach = None if one.reach is None or second.reach is None else one.reach + second.reach
        positive, site = one.positive and second.positive, one.site or second.site
        return joined("score", inputs, value=value, positive=positive, reach=reach, site=site)
    if one.sort == "score" and second.sort == "given" and not second.parties:
        return joined("score", inputs)
    if {one.sort, second.sort} <= {"weights", "score", "number"}:
        return joined("score", inputs)
    return other("a sum with something else", inputs)


def _sub(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    if len(inputs) < 2:
        return other("a shift", inputs)
    one, second = inputs
    if {one.sort, second.sort} == {"rows", "centre"}:
        return joined("score", inputs, value=0.0, others=("the spread around the mean",))
    if one.parties and second.parties and {one.sort, second.sort} <= {"rows", "given"}:
        parties = (one.parties[0], second.parties[0])
        unit = one.unit and second.unit
        return joined("difference", inputs, value=0.0, parties=parties, unit=unit)
    if one.sort in ("rows", "difference") or second.sort in ("rows", "difference"):
        return other("a fit to given numbers", inputs)
    found = _add((one, _neg([second], None)), None)
    if one.alike and one.alike == second.alike and found.sort == "score":
        return replace(found, value=0.0)  # the same unknown number, twice
    return found


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
        return joined("product", inputs, parties=parties, unit=unit, positive=itself)
    if one.sort == "score" and second.sort == "given":
        if one.shares:
            sign = -1.0 if (second.value or 0.0) < 0 else 1.0  # the weights add up to one, too
            value = sign * one.value if one.value is not None else None
            return joined("score", inputs, value=value, shares=True, site=one.site)
        value = 0.0 if one.value == 0 else _both(one, second, lambda a, b: a * b)
        if one.uneven:
            value = None
        weighted = other("a term weighted by given numbers", inputs, value)
        return replace(weighted, uneven=bool(value), positive=False)
    if one.sort == second.sort == "score":
        one, second = _even(one), _even(second)
        found = other("a product of scores", inputs, _both(one, second, lambda a, b: a * b))
    else:
        found = other("a product with something else", inputs)
    # A learnt temperature leaves a matrix what it is.
    scaled = (one.straight and not second.outputs) or (second.straight and not one.outputs)
    return replace(found, straight=scaled)


def _scaled(one: Meaning, factor: float, site: CallSite | None) -> Meaning:
    if factor == 0.0 and one.sort == "score":  # what weighs nothing does nothing
        return Meaning("score", 0.0, outputs=one.outputs, positive=True, reach=0.0)
    value = one.value * factor if one.value is not None else None
    pulls = one.pulls if factor >= 0 else _turned(one)
    positive = one.positive and factor >= 0
    reach = one.reach * abs(factor) if one.reach is not None else None
    return replace(
        one,
        value=value,
        pulls=pulls,
        positive=positive,
        unit=False,
        alike=frozenset(),
        reach=reach,
        scale=one.scale * abs(factor) if one.scale is not None else None,
        site=site if reach is not None and one.site is None else one.site,
    )


def _div(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    if len(inputs) < 2:
        return other("a quotient", inputs)
    one, second = inputs
    if second.sort == "number":
        return _scaled(one, 1.0 / second.value if second.value else math.nan, second.site)
    if one.sort == "rows" and second.sort == "norm" and one.parties == second.parties:
        return replace(one, unit=True, scale=None)
    if one.sort == second.sort == "score":
        one, second = _even(one), _even(second)
        value = _both(one, second, lambda a, b: a / b if b else math.nan)
        found = other("a quotient of scores", inputs, value)
    else:
        zero = 0.0 if one.value == 0 else None
        found = other("a quotient with something else", inputs, zero)
    return replace(found, straight=one.straight and not second.outputs)


def _cut_off(inputs: Sequence[Meaning], info: Any) -> Meaning:
    one = inputs[0]
    if one.sort in ("rows", "norm"):
        return replace(one, unit=False, scale=None)
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
    if value and _signs(one) == {1, -1}:
        hinge = ((f"a triplet loss of margin {value:g}", "its margin"),)
    return joined("score", inputs, value=value, positive=positive, kinds=hinge)


def _rising(function: Callable[[float], float], *, positive: bool) -> Any:
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
        return replace(one, value=value, positive=positive, alike=frozenset(), reach=None)

    return apply


def _softplus(inputs: Sequence[Meaning], info: Any) -> Meaning:
    found: Meaning = _rising(lambda x: math.log1p(math.exp(x)), positive=True)(inputs, info)
    if inputs[0].value == 0 and _signs(inputs[0]) == {1, -1}:
        return replace(found, kinds=(*found.kinds, ("a soft-margin triplet loss", "ln(2)")))
    return found


def _log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


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
    "exp": _rising(math.exp, positive=True),
    "log": _rising(math.log, positive=False),
    "sqrt": _rising(math.sqrt, positive=True),
    "logsigmoid": _rising(_log_sigmoid, positive=False),
    "cdist": rows.all_distances,
    "spread": rows.spread,
    "product": rows.matrix_product,
    "head": rows.head,
}
