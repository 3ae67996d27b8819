"""What an expression of a loss means: its terms, and its value when all embeddings are equal.

Each operation is given a meaning from those of its inputs. Rows are what a model put out; their
differences, products and norms become scores; scores are added, scaled and cut off until one is
the loss. On the way the value is known that each score has when all rows are equal, and of each
term whether going down it draws rows together. What has no meaning here is named, not guessed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Literal

from torch import Tensor

from collapse_doctor.inspector.lossgraph import Expression
from collapse_doctor.inspector.marks import Output
from collapse_doctor.recording.observations import Party, Pull

__all__ = ["Meaning", "joined", "meaning_of", "other", "pulled", "reduced"]

Sort = Literal[
    "rows",  # of an output, or of what layers made of it
    "centre",  # the mean of rows over the batch
    "difference",  # of paired rows
    "product",  # of paired rows, coordinate by coordinate
    "norm",  # of rows
    "score",  # numbers that are no coordinates any more
    "number",
    "given",  # a tensor without a gradient
    "weights",
]
Place = tuple[str, str]


@dataclass(frozen=True)
class Meaning:
    """What is known of one part of a loss.

    Attributes
    ----------
    sort
        What it is.
    value
        The value of each of its numbers when all embeddings are equal; None if not known.
    pulls
        Terms, each with the sign by which it enters: +1 where less of this means nearer rows.
    others
        What else is done in it, a phrase for each.
    positive, unit, shares
        Whether its numbers are known not to be negative, its rows to have length one, its rows to
        be logarithms of shares that add up to one.
    parties
        The outputs whose rows these are; of differences and products both sides.
    kinds
        The known losses in it, each with how its value at collapse is written.
    """

    sort: Sort
    value: float | None = None
    pulls: tuple[tuple[int, Pull], ...] = ()
    others: tuple[str, ...] = ()
    outputs: tuple[Place, ...] = ()
    whitened: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str], ...] = ()
    parties: tuple[Party, ...] = ()
    width: int = 0
    positive: bool = False
    unit: bool = False
    shares: bool = False


Read = Callable[[Tensor], list[float]]
Calls = Callable[[Expression, Sequence[Meaning], Read], Meaning]


def meaning_of(expression: Expression, read: Read, calls: Calls) -> Meaning:
    """Return what an expression means; ``read`` gives the values of a tensor it holds.

    ``calls`` gives the meaning of calls of known losses.
    """
    known: dict[int, Meaning] = {}

    def mean(one: Expression) -> Meaning:
        if id(one) not in known:
            inputs = [mean(below) for below in one.inputs]
            known[id(one)] = _meaning(one, inputs, read, calls)
        return known[id(one)]

    return mean(expression)


def joined(sort: Sort, inputs: Sequence[Meaning], **changes: Any) -> Meaning:
    """Return a meaning of a sort with all that was said of its inputs, and what is new."""

    def union(name: str) -> tuple[Any, ...]:
        each = (entry for one in inputs for entry in getattr(one, name))
        return tuple(dict.fromkeys((*each, *changes.pop(name, ()))))

    names = ("pulls", "others", "outputs", "whitened", "kinds")
    return Meaning(sort, **{name: union(name) for name in names}, **changes)


def other(phrase: str, inputs: Sequence[Meaning], value: float | None = None) -> Meaning:
    """Return the meaning of what is named only: its direction is not known."""
    return joined("score", inputs, others=(phrase,), value=value)


def pulled(inputs: Sequence[Meaning], sign: int, site: Any, **changes: Any) -> Meaning:
    """Return a score of paired rows; ``sign``: +1 for a distance, -1 for a similarity."""
    sides = [one.parties for one in inputs if one.parties]
    if len(sides) == 1 and len(sides[0]) == 2:  # a difference or product has both
        sides = [sides[0][:1], sides[0][1:]]
    if len(sides) < 2:
        return other("a fit to given numbers", inputs)
    pull = Pull(sides[0][0], sides[1][0], site)
    return joined("score", inputs, pulls=((sign, pull),), **changes)


def reduced(one: Meaning, reduction: str, count: int) -> Meaning:
    """Return scores as a loss reduces them: to their mean, their sum, or not at all."""
    if reduction == "sum" and one.value is not None:
        return replace(one, value=one.value * count)
    return one


def _meaning(one: Expression, inputs: Sequence[Meaning], read: Read, calls: Calls) -> Meaning:
    if one.operation == "call":
        return calls(one, inputs, read)
    if one.operation == "number":
        value = one.info
        number = read(value)[0] if isinstance(value, Tensor) else float(value)
        return Meaning("number", number, positive=number >= 0)
    if one.operation == "given":
        parties = (one.info,) if isinstance(one.info, Party) else ()
        return Meaning("given", parties=parties)
    if one.operation == "rows":
        output, whitened = one.info
        return _output(output, whitened)
    if one.operation == "weights":
        return Meaning("weights")
    known = _ARITHMETIC.get(one.operation)
    if known is None or not inputs:
        return other(f"`{one.info}`", inputs)
    return known(inputs, one.info)


def _output(output: Output, whitened: tuple[str, ...]) -> Meaning:
    place = (output.model, output.layer)
    return Meaning(
        "rows",
        outputs=(place,),
        whitened=whitened,
        parties=(Party(*place),),
        width=output.width,
    )


# The arithmetic: each takes the meanings of the inputs, and what is known of the node


def _same(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    return inputs[0]


def _columns(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    if inputs[0].sort in ("score", "given", "number"):
        return inputs[0]
    return other("some columns of an output", inputs)


def _picked(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    """Take some numbers of each row: of distances that are all equal it is one of them."""
    if inputs[0].sort == "score":
        return joined("score", inputs, value=inputs[0].value, others=("the hardest of many",))
    return other("one number of each row", inputs)


def _together(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    sorts = {one.sort for one in inputs}
    if sorts == {"rows"}:
        parties = tuple(dict.fromkeys(party for one in inputs for party in one.parties))
        unit = all(one.unit for one in inputs)
        return joined("rows", inputs, parties=parties[:1], unit=unit, width=inputs[0].width)
    if sorts == {"score"}:
        values = {one.value for one in inputs}
        value = values.pop() if len(values) == 1 else None
        return joined("score", inputs, value=value, positive=all(one.positive for one in inputs))
    return other("a row joined of several", inputs)


def _sum(inputs: Sequence[Meaning], info: Any) -> Meaning:
    return _reduce(inputs[0], *info, mean=False)


def _mean(inputs: Sequence[Meaning], info: Any) -> Meaning:
    return _reduce(inputs[0], *info, mean=True)


def _reduce(
    one: Meaning, sizes: tuple[int, ...] | None, dims: tuple[int, ...] | None, *, mean: bool
) -> Meaning:
    sizes = tuple(sizes or ())
    every = range(len(sizes))
    over = {dim % len(sizes) for dim in dims} if dims and sizes else set(every)
    count = math.prod(sizes[dim] for dim in over)
    last = len(sizes) - 1 in over
    if one.sort == "rows":
        if last:
            return other("a mean of coordinates", [one])
        pooled = len(sizes) > 2 and 0 not in over
        return replace(one, sort="rows" if pooled else "centre", unit=False)
    if one.sort == "product":
        if not last:
            return other("products of coordinates", [one])
        each = count // sizes[-1] if sizes else 1
        value = None if not one.unit else (1.0 / sizes[-1] if mean else float(each))
        if one.positive:  # of rows with themselves
            return _length(one, value)
        return pulled([one], -1, None, value=value)
    if one.sort == "score":
        if one.shares and last and not mean:
            count //= sizes[-1]
        value = one.value if mean or one.value is None else one.value * count
        return replace(one, value=value, shares=one.shares and not last)
    return other("a sum of numbers", [one])


def _turned(one: Meaning) -> tuple[tuple[int, Pull], ...]:
    return tuple((-sign, pull) for sign, pull in one.pulls)


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
        return replace(one, unit=False)
    if {one.sort, second.sort} <= {"score", "norm", "number"}:
        value = _both(one, second, lambda a, b: a + b)
        return joined(
            "score", inputs, value=value, positive=one.positive and second.positive
        )
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
        return joined("difference", inputs, value=0.0, parties=parties)
    if one.sort in ("rows", "difference") or second.sort in ("rows", "difference"):
        return other("a fit to given numbers", inputs)
    return _add((one, _neg([second], None)), None)


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
        return _scaled(one, second.value or 0.0)
    if one.parties and second.parties and {one.sort, second.sort} <= {"rows", "given"}:
        parties = (one.parties[0], second.parties[0])
        unit = all(side.unit or side.sort == "given" for side in (one, second))
        itself = one is second
        return joined("product", inputs, parties=parties, unit=unit, positive=itself)
    if one.sort == "score" and second.sort == "given":
        if one.shares:
            return joined("score", inputs, value=one.value, shares=True)
        value = 0.0 if one.value == 0 else None
        return other("a term weighted by given numbers", inputs, value)
    if one.sort == second.sort == "score":
        return other("a product of scores", inputs, _both(one, second, lambda a, b: a * b))
    return other("a product with something else", inputs)


def _scaled(one: Meaning, factor: float) -> Meaning:
    value = one.value * factor if one.value is not None else None
    pulls = one.pulls if factor >= 0 else _turned(one)
    positive = one.positive and factor >= 0
    return replace(one, value=value, pulls=pulls, positive=positive, unit=False)


def _div(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    if len(inputs) < 2:
        return other("a quotient", inputs)
    one, second = inputs
    if second.sort == "number":
        return _scaled(one, 1.0 / second.value if second.value else math.nan)
    if one.sort == "rows" and second.sort == "norm" and one.parties == second.parties:
        return replace(one, unit=True)
    if one.sort == second.sort == "score":
        value = _both(one, second, lambda a, b: a / b if b else math.nan)
        return other("a quotient of scores", inputs, value)
    zero = 0.0 if one.value == 0 else None
    return other("a quotient with something else", inputs, zero)


def _pow(inputs: Sequence[Meaning], info: Any) -> Meaning:
    one = inputs[0]
    power = float(info) if isinstance(info, int | float) else math.nan
    if one.sort == "difference" and power in (2.0, 4.0):
        return pulled([one], 1, None, value=0.0, positive=True)
    if one.sort == "rows" and power == 2.0:
        return joined(
            "product", inputs, parties=one.parties * 2, unit=one.unit, positive=True
        )
    value = None
    if one.value is not None and one.value >= 0 and power > 0:
        value = one.value**power
    if one.sort == "score" and (one.positive or not one.pulls) and power > 0:
        return replace(one, value=value, positive=True)
    return other("a power", inputs, value)


def _abs(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    one = inputs[0]
    if one.sort == "difference":
        return pulled([one], 1, None, value=0.0, positive=True)
    if one.positive:
        return one
    return other("an absolute value", inputs, abs(one.value) if one.value is not None else None)


def _norm(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    one = inputs[0]
    if one.sort == "difference":
        return pulled([one], 1, None, value=0.0, positive=True)
    if one.sort == "rows":
        return _length(one, 1.0 if one.unit else None)
    return other("a norm", inputs, 0.0 if one.value == 0 else None)


def _length(one: Meaning, value: float | None) -> Meaning:
    """Return the length of rows: named, unless it only comes to normalise them."""
    phrase = ("the length of rows",)
    parties = one.parties[:1]
    return joined("norm", [one], others=phrase, value=value, parties=parties, positive=True)


def _cut_off(inputs: Sequence[Meaning], info: Any) -> Meaning:
    one = inputs[0]
    least, most = info if isinstance(info, tuple) else (None, None)
    if one.sort in ("rows", "norm"):
        return replace(one, unit=False)
    if one.sort != "score" or most is not None or not isinstance(least, int | float):
        return one if one.sort == "score" else other("a bound", inputs)
    value = max(one.value, float(least)) if one.value is not None else None
    hinge = ()
    if value and {sign for sign, _ in one.pulls} == {1, -1}:
        hinge = ((f"a triplet loss of margin {value:g}", "its margin"),)
    return joined("score", inputs, value=value, positive=least >= 0, kinds=hinge)


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
        return replace(one, value=value, positive=positive)

    return apply


def _softplus(inputs: Sequence[Meaning], info: Any) -> Meaning:
    found: Meaning = _rising(lambda x: math.log1p(math.exp(x)), positive=True)(inputs, info)
    if inputs[0].value == 0 and {sign for sign, _ in inputs[0].pulls} == {1, -1}:
        return replace(found, kinds=(*found.kinds, ("a soft-margin triplet loss", "ln(2)")))
    return found


def _log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


def _cdist(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    rows = all(one.sort == "rows" for one in inputs)
    return other("the distances of all pairs", inputs, 0.0 if rows else None)


def _spread(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    rows = inputs[0].sort == "rows"
    return other("the spread of an output", inputs, 0.0 if rows else None)


def _product(inputs: Sequence[Meaning], info: Any) -> Meaning:
    sides = [one for one in inputs if one.sort not in ("weights", "given") or one.parties]
    if len(sides) == 1 and sides[0].sort == "rows":
        if all(one.sort == "weights" for one in inputs if one is not sides[0]):
            return _headed(sides[0])
        return other("a product with given numbers", inputs)
    if len(sides) == 2 and all(one.sort == "rows" for one in sides):
        by_row = bool(info) and info[-1] == sides[0].width  # and not coordinate by coordinate
        unit = by_row and all(one.unit for one in sides)
        return other("a product of all pairs", inputs, 1.0 if unit else None)
    zero = 0.0 if any(one.value == 0 for one in sides) else None
    return other("a product of matrices", inputs, zero)


def _headed(one: Meaning) -> Meaning:
    parties = tuple(replace_heads(party) for party in one.parties)
    return replace(one, parties=parties, unit=False, width=0)


def replace_heads(party: Party) -> Party:
    """Return a party one layer further on."""
    return Party(party.model, party.layer, party.heads + 1, party.cut)


def _head(inputs: Sequence[Meaning], info: Any) -> Meaning:
    if inputs[0].sort == "rows":
        return replace(inputs[0], unit=False)
    return other(f"`{info}`", inputs)


def _both(
    one: Meaning, second: Meaning, combine: Callable[[float, float], float]
) -> float | None:
    values = [v for v in (one.value, second.value) if v is not None]
    if len(values) < 2:
        return None
    value = reduce(combine, values)
    return value if math.isfinite(value) else None


_ARITHMETIC: Mapping[str, Callable[[Sequence[Meaning], Any], Meaning]] = {
    "same": _same,
    "columns": _columns,
    "pick": _picked,
    "join": _together,
    "sum": _sum,
    "mean": _mean,
    "neg": _neg,
    "add": _add,
    "sub": _sub,
    "rsub": _rsub,
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "abs": _abs,
    "norm": _norm,
    "relu": _cut_off,
    "softplus": _softplus,
    "exp": _rising(math.exp, positive=True),
    "log": _rising(math.log, positive=False),
    "sqrt": _rising(math.sqrt, positive=True),
    "logsigmoid": _rising(_log_sigmoid, positive=False),
    "cdist": _cdist,
    "spread": _spread,
    "product": _product,
    "head": _head,
}
