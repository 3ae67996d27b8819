"""A softmax over the batch whose values are used as the weights of a mean within each row.

``softmax(scores, dim=0)`` of (n, t) sums to 1 over n. Where ``(w[..., None] * x).sum(1)`` then adds
up t vectors for each of n rows, these weights do not sum to 1, and depend on the other rows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from torch import Tensor

from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.dimensions.batchfirst import Told
from collapse_doctor.inspector.dimensions.elementwise import (
    INSERTING,
    PRODUCTS,
    REDUCING,
    SQUEEZING,
    argument,
    dims_of,
    named,
)
from collapse_doctor.inspector.dimensions.lengths import MOST_VALUES, NEAR, span
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import AlongBatch, CallSite

__all__ = ["CONTRACTING", "WEIGHING", "Weights"]

CONTRACTING = named("einsum", "bmm", "matmul", "__matmul__")
SUMS = named("sum", "nansum")
WEIGHING = INSERTING | SQUEEZING | PRODUCTS | REDUCING | CONTRACTING


@dataclass(frozen=True)
class _Weight:
    """Weights of shape (n, t) that sum to 1 over n, or their product with (n, t, d).

    ``along`` are the dimensions the scores were soft-maxed along: both of them, by now, is a
    matching of two sides. ``sums`` are those over t, which nobody reads before they are judged.
    """

    told: AlongBatch
    shape: tuple[int, int]
    along: set[int]
    sums: Tensor
    multiplied: bool = False


class Weights:
    """Follows the shares of a softmax over the batch until rows are averaged with them.

    Nothing is told where the sum is taken over the dimension of the softmax, whichever that is.
    """

    def __init__(self, later: Later, told: Told) -> None:
        self._later = later
        self._told = told
        self._trail: Trail[_Weight] = Trail()

    def put(self, told: AlongBatch, along: set[int], result: Tensor) -> None:
        """Remember what a softmax along the first dimension made of scores (n, t) or (n, t, 1)."""
        shape = tuple(result.shape)
        if len(shape) > 2 and shape[2] != 1:
            return
        if min(shape[:2]) < 2 or result.numel() > MOST_VALUES:
            return
        sums = result.detach().sum(1)
        self._trail.put(result, _Weight(told, (shape[0], shape[1]), along, sums))

    def sweep(self) -> None:
        """Forget what no longer exists."""
        self._trail.sweep()

    def seen(
        self,
        func: Callable[..., Any],
        tensors: list[Tensor],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Tensor,
    ) -> None:
        """Take note of one call of a function in ``WEIGHING``."""
        found = [(place, one) for place, t in enumerate(tensors) if (one := self._trail.of(t))]
        if len(found) != 1 or not result.requires_grad:
            return
        place, weight = found[0]
        if func in PRODUCTS:
            if len(tensors) == 2 and _is_weighted(tensors[1 - place], weight):
                self._trail.put(result, replace(weight, multiplied=True))
        elif func in REDUCING:
            dims = dims_of(argument(args, kwargs, 1, "dim"), tensors[0].dim())
            if func in SUMS and weight.multiplied and dims == {1}:
                self._averaged(weight)
        elif func in CONTRACTING:
            if len(tensors) == 2 and _is_contracted(args, tensors, place, weight):
                self._averaged(weight)
        elif not weight.multiplied and _is_same(result, weight):
            self._trail.put(result, weight)

    def _averaged(self, weight: _Weight) -> None:
        frame = user_frame()
        if frame is not None and not self._told.is_enough(weight.told.site):
            judge = functools.partial(self._judge, weight.told, weight.along, site_of(frame))
            self._later.put([weight.sums], judge)

    def _judge(
        self, told: AlongBatch, along: set[int], met: CallSite, values: list[Tensor]
    ) -> None:
        """Tell it where the first dimension is a batch, which in a first pass is known only now."""
        rows = span(values[0])
        if along != {0} or rows is None or not self._told.has_samples(told.operand.shape[0]):
            return
        if max(abs(1 - rows[0]), abs(1 - rows[1])) > NEAR:
            self._told.tell(msgspec.structs.replace(told, kind="weights"), None, met, None, rows)


def _is_same(result: Tensor, weight: _Weight) -> bool:
    """Tell whether a tensor is the weights with dimensions of 1 put in or taken out."""
    shape = tuple(result.shape)
    return shape in {weight.shape, (*weight.shape, 1), (weight.shape[0], 1, weight.shape[1])}


def _is_weighted(other: Tensor, weight: _Weight) -> bool:
    """Tell whether weights met a vector for each of them."""
    return other.dim() == 3 and tuple(other.shape[:2]) == weight.shape and other.shape[2] > 1


def _is_contracted(
    args: tuple[Any, ...], tensors: list[Tensor], place: int, weight: _Weight
) -> bool:
    """Tell whether a matrix product or an ``einsum`` adds up t vectors for each of n rows."""
    own, other = tensors[place], tensors[1 - place]
    if not _is_weighted(other, weight) or weight.multiplied:
        return False
    if args and isinstance(args[0], str):
        inputs, _, output = args[0].replace(" ", "").partition("->")
        letters = inputs.split(",")[place] if inputs.count(",") == 1 else ""
        return len(letters) == own.dim() and letters[0] in output and letters[1] not in output
    return place == 0 and tuple(own.shape) == (weight.shape[0], 1, weight.shape[1])
