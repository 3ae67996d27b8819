"""What a part of a loss means: its terms, and its value when all embeddings are equal.

Each operation is given a meaning from those of its inputs. Rows are what a model put out; their
differences, products and norms become scores; scores are added, scaled and cut off until one is
the loss. On the way the value is known that each score has when all rows are equal, and of each
term whether going down it draws rows together. What has no meaning here is named, not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from collapse_doctor.inspector.losses.room import Room
from collapse_doctor.recording.observations import CallSite, Party, Pull

__all__ = ["TWO", "Meaning", "joined", "other", "pulled", "reduced"]

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

TWO = " of two batches"
"""What is added to a phrase where every row of one tensor meets every row of another."""


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
    uneven
        Whether ``value`` is the mean of its numbers only, and they differ.
    shifted
        Whether given numbers were added, each its own.
    unevenness
        Of given numbers, and of logarithms of shares that were weighted with them: how much larger
        the largest is than the smallest, as a share of it; 0 for targets that ask the same of all.
    normed
        Whether its coordinates were normalised over the batch, and nothing could undo it since.
    parties
        The outputs whose rows these are; of differences and products both sides.
    kinds
        The known losses in it, each with how its value at collapse is written.
    alike
        Of products whose value at collapse is not known: of which outputs. Two of the same ones
        have the same value there.
    length
        Of rows, weights and given tensors: how long each of their rows is at most, as one was
        made of length one; None if not known.
    sign
        Of given numbers: 1 if none is negative, -1 if none is positive, else 0.
    room
        How far its numbers can move, whatever the embeddings are; None if not known.
    site
        The line that made its room so small, or that computed it.
    scale
        Of rows as they were put out: the number that they were multiplied with since; None where
        more was done with them.
    logits
        Of a loss made of softmaxes whose logits are rows as they were put out: the largest such
        number.
    straight
        Whether its numbers are still those of every row with every row, row by row.
    mismatched
        Of softmaxes over such a matrix: rows, distinct targets and highest target, where the
        targets give rows no partner each.
    order
        Of scores: the least power with which distances of rows enter, 2 of squares and cosines;
        None of what has none.
    met
        Of a difference or product of rows: the line at which they met.
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
    uneven: bool = False
    shifted: bool = False
    unevenness: float | None = None
    normed: bool = False
    alike: frozenset[Place] = frozenset()
    length: float | None = None
    sign: int = 0
    room: Room | None = None
    site: CallSite | None = None
    scale: float | None = None
    logits: float | None = None
    met: CallSite | None = None
    straight: bool = False
    mismatched: tuple[tuple[int, int, int], ...] = ()
    order: float | None = None


def joined(sort: Sort, inputs: Sequence[Meaning], **changes: Any) -> Meaning:
    """Return a meaning of a sort with all that was said of its inputs, and what is new."""
    for name in ("pulls", "others", "outputs", "whitened", "kinds", "mismatched"):
        each = (entry for one in inputs for entry in getattr(one, name))
        changes[name] = tuple(dict.fromkeys((*each, *changes.get(name, ()))))
    for name in ("uneven", "normed", "shifted"):
        changes.setdefault(name, any(getattr(one, name) for one in inputs))
    uneven = [one.unevenness for one in inputs if one.sort == "score"]
    if any(share is not None for share in uneven):
        changes.setdefault("unevenness", max(share for share in uneven if share is not None))
    orders = [one.order for one in inputs if one.order is not None]
    if orders:
        changes.setdefault("order", min(orders))
    scales = [one.logits for one in inputs if one.sort == "score"]
    if scales and None not in scales:
        changes.setdefault("logits", max(scale for scale in scales if scale is not None))
    return Meaning(sort, **changes)


def other(phrase: str, inputs: Sequence[Meaning], value: float | None = None) -> Meaning:
    """Return the meaning of what is named only: its direction is not known."""
    return joined("score", inputs, others=(phrase,), value=value)


def pulled(
    inputs: Sequence[Meaning], sign: int, site: Any, *, crossed: bool = False, **changes: Any
) -> Meaning:
    """Return a score of paired rows; ``sign``: +1 for a distance, -1 for a similarity.

    ``site`` is its line; without one, that of the difference or product that it is made of. It is
    ``crossed`` where it is one of every row with every row.
    """
    sides = [one.parties for one in inputs if one.parties]
    if len(sides) == 1 and len(sides[0]) == 2:  # a difference or product has both
        sides = [sides[0][:1], sides[0][1:]]
    if len(sides) < 2:
        return other("a fit to given numbers", inputs)
    vectors = sign > 0 and not all(one.unit for one in inputs if one.parties)
    met = next((one.met for one in inputs if one.met is not None), None)
    pull = Pull(sides[0][0], sides[1][0], site or met, vectors, crossed)
    normed = any(one.normed for one in inputs)
    apart = ("a batch norm before the comparison",) if normed else ()
    return joined("score", inputs, pulls=((sign, pull),), whitened=apart, **changes)


def reduced(one: Meaning, reduction: str, count: int) -> Meaning:
    """Return scores as a loss reduces them: to their mean, their sum, or not at all."""
    if reduction == "sum" and one.value is not None:
        one = replace(one, value=one.value * count)
    if reduction == "sum" and one.room is not None:
        one = replace(one, room=one.room.scaled(count))
    return one
