"""What operations on rows mean: how those of one or two outputs become scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from msgspec import structs

from collapse_doctor.inspector.losses.marks import Output
from collapse_doctor.inspector.losses.meaning import (
    TWO,
    Meaning,
    Sort,
    joined,
    other,
    pulled,
)
from collapse_doctor.inspector.losses.onesided import are_drawn, drawn_out
from collapse_doctor.inspector.losses.room import Room, common
from collapse_doctor.recording.observations import CallSite, Party

__all__ = [
    "absolute",
    "all_distances",
    "average",
    "columns",
    "head",
    "matrix_product",
    "norm",
    "output_rows",
    "picked",
    "power",
    "product_of_all",
    "same",
    "spread",
    "together",
    "total",
]


def output_rows(output: Output, whitened: tuple[str, ...]) -> Meaning:
    """Return the rows of an output."""
    place = (output.model, output.layer)
    return Meaning(
        "rows",
        outputs=(place,),
        whitened=whitened,
        parties=(Party(*place),),
        width=output.width,
        scale=1.0,
    )


_SELECTING = frozenset(
    {
        *("Select", "Index", "Slice", "Diagonal", "MaskedSelect", "Split", "SplitWithSizes"),
        *("Unbind", "IndexSelect"),
    }
)


def same(inputs: Sequence[Meaning], info: Any) -> Meaning:
    """Return rows or scores that were only moved, cast, copied or selected."""
    return _selected(inputs[0]) if info in _SELECTING else inputs[0]


def _selected(one: Meaning) -> Meaning:
    """Return some of the numbers: of all pairs these may be those that belong together."""
    if not one.straight and not any(pull.crossed for _, pull in one.pulls):
        return one
    pulls = tuple(entry for entry in one.pulls if not entry[1].crossed)
    return replace(one, pulls=pulls, straight=False)


def columns(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    """Return some of the last dimension."""
    if inputs[0].sort in ("score", "given", "number"):
        return _selected(inputs[0])
    return other("some columns of an output", inputs)


def picked(inputs: Sequence[Meaning], info: Any) -> Meaning:
    """Take some numbers of each row: of distances that are all equal it is one of them."""
    if inputs[0].sort == "score":
        one = inputs[0]
        masked = one.straight and info == "MaskedFill"
        room = one.room.picked() if one.room is not None and info == "MaskedFill" else one.room
        phrase = ("the hardest of many",)
        found = joined("score", inputs, value=one.value, others=phrase, straight=masked)
        return replace(found, room=room, site=one.site)
    return other("one number of each row", inputs)


def together(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    """Return what was joined."""
    sorts = {one.sort for one in inputs}
    if sorts == {"rows"}:
        parties = tuple(dict.fromkeys(party for one in inputs for party in one.parties))
        unit = all(one.unit for one in inputs)
        found = joined("rows", inputs, parties=parties[:1], unit=unit, width=inputs[0].width)
        return replace(found, length=_longest(inputs), site=_site_of(inputs))
    if sorts == {"score"}:
        values = {one.value for one in inputs}
        value = values.pop() if len(values) == 1 else None
        found = joined("score", inputs, value=value, positive=all(one.positive for one in inputs))
        return replace(found, room=common([one.room for one in inputs]), site=_site_of(inputs))
    return other("a row joined of several", inputs)


def total(inputs: Sequence[Meaning], info: Any) -> Meaning:
    """Return a sum."""
    return _reduce(inputs[0], *info, mean=False)


def average(inputs: Sequence[Meaning], info: Any) -> Meaning:
    """Return a mean."""
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
        sort: Sort = "rows" if pooled else "centre"
        return replace(one, sort=sort, unit=False, length=None, room=None, scale=None)
    if one.sort == "product":
        if not last:
            return other("products of coordinates", [one])
        each = count // sizes[-1] if sizes else 1
        value = None if not one.unit else (1.0 / sizes[-1] if mean else float(each))
        if one.positive:  # of rows with themselves
            return _length(one, value)
        places = frozenset((party.model, party.layer) for party in one.parties)
        found = pulled([one], -1, None, value=value)
        if one.length is not None:
            most = one.length / sizes[-1] if mean and sizes else one.length * each
            found = replace(found, room=Room(2.0 * most), site=one.site)
        return found if value is not None or mean else replace(found, alike=places)
    if one.sort == "score":
        if one.shares and last and not mean:
            count //= sizes[-1]
        if mean:
            return replace(one, shares=one.shares and not last)
        value = None if one.value is None else one.value * count
        room = one.room.scaled(count) if one.room is not None and count else None
        still = one.shares and not last
        return replace(one, value=value, room=room, shares=still, alike=frozenset())
    return other("a sum of numbers", [one])


def power(inputs: Sequence[Meaning], info: Any) -> Meaning:
    """Return a power."""
    one = inputs[0] if inputs[0].positive else _selected(inputs[0])  # -1 is as far from 0 as 1
    power = float(info) if isinstance(info, int | float) else math.nan
    if power in (2.0, 4.0) and inputs[0].value == 0.0 and are_drawn(inputs[0], -1):
        return drawn_out(inputs[0])
    if one.sort == "difference" and power in (2.0, 4.0):
        return pulled([one], 1, None, value=0.0, positive=True, order=power)
    if one.sort == "rows" and power == 2.0:
        return joined("product", inputs, parties=one.parties * 2, unit=one.unit, positive=True)
    value = None
    if one.value is not None and one.value >= 0 and power > 0:
        value = one.value**power if one.value < 1e6 else None  # larger ones may overflow
    if one.sort == "score" and (one.positive or not one.pulls) and power > 0:
        order = one.order * power if one.order is not None else None
        return replace(one, value=value, positive=True, alike=frozenset(), room=None, order=order)
    return other("a power", inputs, value)


def absolute(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    """Return absolute values."""
    one = inputs[0]
    if one.sort == "difference":
        return pulled([one], 1, None, value=0.0, positive=True, order=1.0)
    if one.positive:
        return one
    if one.value == 0.0 and are_drawn(one, -1):
        return drawn_out(one)
    return other("an absolute value", inputs, abs(one.value) if one.value is not None else None)


def norm(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    """Return norms."""
    one = inputs[0]
    if one.sort == "difference":
        return pulled([one], 1, None, value=0.0, positive=True, order=1.0)
    if one.sort == "rows":
        return _length(one, 1.0 if one.unit else None)
    if one.sort == "weights":
        return joined("norm", inputs, others=("a norm",), positive=True)
    return other("a norm", inputs, 0.0 if one.value == 0 else None)


def _length(one: Meaning, value: float | None) -> Meaning:
    """Return the length of rows: named, unless it only comes to normalise them."""
    phrase = ("the length of rows",)
    parties = one.parties[:1]
    return joined("norm", [one], others=phrase, value=value, parties=parties, positive=True)


def all_distances(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    """Return the distances of all pairs of rows."""
    rows = all(one.sort == "rows" for one in inputs)
    found = other("the distances of all pairs", inputs, 0.0 if rows else None)
    return replace(found, order=1.0)


def spread(inputs: Sequence[Meaning], _info: Any) -> Meaning:
    """Return a variance or standard deviation."""
    rows = inputs[0].sort == "rows"
    return other("the spread of an output", inputs, 0.0 if rows else None)


def matrix_product(inputs: Sequence[Meaning], info: Any) -> Meaning:
    """Return a product of matrices."""
    sides = [one for one in inputs if one.sort not in ("weights", "given") or one.parties]
    if len(sides) == 1 and sides[0].sort == "rows":
        if all(one.sort == "weights" for one in inputs if one is not sides[0]):
            room, site = _room_of_product(inputs), sides[0].site or _site_of(inputs)
            return replace(_headed(sides[0]), room=room, site=site)
        found = other("a product with given numbers", inputs)
        return replace(found, room=_room_of_product(inputs), site=_site_of(inputs))
    if len(sides) == 2 and all(one.sort == "rows" for one in sides):
        by_row = bool(info) and info[-1] == sides[0].width  # and not coordinate by coordinate
        if by_row:
            # As one matrix; of a batch of them each may be of one pair.
            return product_of_all(sides, crossed=len(info) == 2)
        return other("a product of all pairs", inputs)
    zero = 0.0 if any(one.value == 0 for one in sides) else None
    return other("a product of matrices", inputs, zero)


def product_of_all(sides: Sequence[Meaning], *, crossed: bool) -> Meaning:
    """Return the products of rows; ``crossed``: of every row of one side with all of the other."""
    unit = all(one.unit for one in sides)
    two = crossed and sides[0] is not sides[1]
    found = other("a product of all pairs" + (TWO if two else ""), sides, 1.0 if unit else None)
    pulls = pulled(sides, -1, None, crossed=True).pulls if two else ()
    room, site = _room_of_product(sides), _site_of(sides)
    return replace(found, room=room, site=site, pulls=pulls, straight=crossed)


def _room_of_product(sides: Sequence[Meaning]) -> Room | None:
    """Return the room of products of rows: cosines lie between -1 and 1."""
    lengths = [one.length for one in sides]
    return None if None in lengths else Room(2.0 * math.prod(each or 0.0 for each in lengths))


def _longest(inputs: Sequence[Meaning]) -> float | None:
    """Return how long rows of all these are at most."""
    lengths = [one.length for one in inputs]
    return None if None in lengths else max(each or 0.0 for each in lengths)


def _site_of(inputs: Sequence[Meaning]) -> CallSite | None:
    """Return the line at which the first of these was scaled."""
    return next((one.site for one in inputs if one.site is not None), None)


def _headed(one: Meaning) -> Meaning:
    parties = tuple(_further(party) for party in one.parties)
    headed = replace(one, parties=parties, unit=False, length=None, room=None)
    return replace(headed, width=0, normed=False, scale=None)


def _further(party: Party) -> Party:
    """Return a party one layer further on."""
    return structs.replace(party, heads=party.heads + 1)


def head(inputs: Sequence[Meaning], info: Any) -> Meaning:
    """Return what a layer without a matrix made."""
    if inputs[0].sort == "rows":
        normed = "BatchNorm" in str(info)
        plain = replace(inputs[0], unit=False, length=None, room=None)
        return replace(plain, normed=normed, scale=None)
    return other(f"`{info}`", inputs)
