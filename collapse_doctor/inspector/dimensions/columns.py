"""Columns that were normalised or compared where rows were meant."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from torch import Tensor

from collapse_doctor.inspector.comparing.provenance import SCALING, Known, Provenance
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.comparing.vocabulary import COMPARATORS, Comparator
from collapse_doctor.inspector.dimensions.batchfirst import Told, is_centred, is_turned
from collapse_doctor.inspector.dimensions.elementwise import (
    BINARY,
    COPYING,
    PRODUCTS,
    REDUCING,
    UNARY,
    argument,
    dims_of,
    named,
)
from collapse_doctor.inspector.dimensions.lengths import Lengths, measured, span
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import AlongBatch, CallSite

__all__ = ["COLUMNWISE", "Columns"]

NORMALIZING = named("normalize")
LAYER_NORM = named("layer_norm")
BENDING = named(
    "sqrt", "exp", "log", "relu", "sigmoid", "logsigmoid", "softplus", "clamp", "clamp_min", "tanh"
)
"""What makes a difference between a number for each row and one for each column. Sums do not: the
mean over all of them is the same either way."""
DIFFERENCES = named("sub", "subtract", "__sub__")
QUOTIENTS = named("div", "divide", "true_divide", "__truediv__")
LENGTHS = named("norm", "vector_norm")
MEANS = named("mean", "nanmean")
ROOTS = named("sqrt")
CONTRACTIONS = named("einsum")
SCALING_BY = PRODUCTS | QUOTIENTS | COPYING
POOLING = frozenset({"mean", "sum"})
COLUMNWISE = NORMALIZING | LAYER_NORM | BENDING | UNARY | BINARY | REDUCING | CONTRACTIONS
COLUMNWISE |= frozenset(COMPARATORS)


@dataclass(frozen=True)
class _Join:
    """The difference or the product of two batches of embeddings, entry by entry.

    ``values`` are measured of both. ``folded`` tells of the sum along the batch, once there is one:
    one number for each column; ``mean`` says whether it was a mean. ``unit`` tells of an operand
    that was normalised along the batch.
    """

    values: list[Tensor]
    known: Known
    product: bool
    unit: AlongBatch | None = None
    mean: bool = False
    folded: AlongBatch | None = None


class Columns:
    """Tells where columns have length 1 although rows are compared, and where columns are compared.

    Columns that are centred are correlated on purpose.
    """

    def __init__(self, provenance: Provenance, later: Later, told: Told) -> None:
        self._provenance = provenance
        self._later = later
        self._told = told
        self._marks: Trail[AlongBatch] = Trail()
        self._joins: Trail[_Join] = Trail()
        self._ways: Trail[set[int]] = Trail()

    def seen(
        self,
        func: Callable[..., Any],
        tensors: list[Tensor],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> None:
        """Take note of one call of a function in ``COLUMNWISE``."""
        if func in COMPARATORS:
            learnt = isinstance(result, Tensor) and result.requires_grad
            self._compared(func, COMPARATORS[func], args, kwargs, learnt)
        elif func in CONTRACTIONS:
            if isinstance(result, Tensor) and result.requires_grad and _meets_rows(args, tensors):
                for place, tensor in enumerate(tensors):
                    self._check(func, tensor, place)
        elif func in SCALING_BY and _is_scaled(tensors, result):
            self._scaled(tensors, result)
        elif not isinstance(result, Tensor) or tensors[0].dim() not in (1, 2):
            return
        elif func in NORMALIZING:
            if argument(args, kwargs, 2, "dim", 1) in (0, -2) and tensors[0].dim() == 2:
                self._mark(func, "normalized", tensors[0], result)
        elif func in LAYER_NORM:
            if len(argument(args, kwargs, 1, "normalized_shape", ())) == 2:
                self._mark(func, "everything", tensors[0], result)
        elif func in REDUCING:
            dim = argument(args, kwargs, 2 if func in LENGTHS else 1, "dim")
            self._reduced(func, tensors[0], dims_of(dim, tensors[0].dim()), result)
        else:
            self._carried(func, tensors, result)

    def sweep(self) -> None:
        """Forget what no longer exists."""
        for trail in (self._marks, self._joins, self._ways):
            trail.sweep()

    def _mark(self, func: Callable[..., Any], kind: str, source: Tensor, result: Tensor) -> None:
        told = self._told.described(func, kind, source)
        if told is not None:
            self._marks.put(result, told)

    def _scaled(self, tensors: Sequence[Tensor], result: Tensor) -> None:
        """Carry on what is known of a tensor that was copied, or scaled by one number."""
        mark = next((mark for one in tensors if (mark := self._marks.of(one)) is not None), None)
        if mark is not None:
            self._marks.put(result, mark)
        join = next((join for one in tensors if (join := self._joins.of(one)) is not None), None)
        if join is not None:
            self._joins.put(result, join)

    # Differences and products

    def _carried(self, func: Callable[..., Any], tensors: list[Tensor], result: Tensor) -> None:
        joins = [join for tensor in tensors if (join := self._joins.of(tensor)) is not None]
        if not joins:
            if len(tensors) == 2 and (func in DIFFERENCES or func in PRODUCTS):
                self._joined(func, tensors[0], tensors[1], result)
            return
        join = joins[0]
        by_lengths = func in QUOTIENTS and len(tensors) > 1 and tensors[1].dim() == 1
        error = join.mean and not join.product and func in ROOTS  # of each feature, on its own
        if join.folded is None or error or not (func in BENDING or by_lengths):
            self._joins.put(result, join)
        elif result.requires_grad:
            self._is_compared(join, join.folded)

    def _joined(
        self, func: Callable[..., Any], left: Tensor, right: Tensor, result: Tensor
    ) -> None:
        """Remember the difference or product of two outputs, unless something was taken off."""
        one, other = self._provenance.of(left), self._provenance.of(right)
        if one is None or other is None or left is right:
            return
        if left.dim() != 2 or left.shape != right.shape or is_centred(one) or is_centred(other):
            return
        if _is_mean_of_the_other(one, other):
            return
        if not all(self._told.has_batch_first(left.shape, known) for known in (one, other)):
            return
        frame = user_frame()
        if frame is None or self._told.is_enough(site_of(frame)):
            return
        values = [part for tensor in (left, right) if (part := measured(tensor)) is not None]
        if self._marks.of(left) is None:  # the one that was normalised is looked at
            values.reverse()
        unit = self._marks.of(left) or self._marks.of(right)
        if len(values) == 2:
            self._joins.put(result, _Join(values, one, func in PRODUCTS, unit))

    def _reduced(
        self, func: Callable[..., Any], source: Tensor, dims: set[int], result: Tensor
    ) -> None:
        join = self._joins.of(source)
        if join is None or source.dim() != 2 or not result.requires_grad:
            return
        if dims == {0}:
            told = self._told.described(func, "compared", source)
            if told is not None and func not in LENGTHS:
                self._joins.put(result, replace(join, folded=told, mean=func in MEANS))
            elif told is not None and not join.product:
                self._is_compared(join, told)
        elif dims == {1} and join.unit is not None:
            frame = user_frame()
            if frame is not None:
                judge = functools.partial(self._judge, join.unit, join.known, site_of(frame), True)
                self._later.put(join.values[:1], judge)

    def _is_compared(self, join: _Join, told: AlongBatch) -> None:
        judge = functools.partial(self._judge_compared, told, join.known, {0})
        self._later.put(join.values, judge)

    # Comparisons

    def _compared(
        self,
        func: Callable[..., Any],
        comparator: Comparator,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        learnt: bool,
    ) -> None:
        operands = comparator.bind(args, kwargs)
        if not learnt or not all(isinstance(operand, Tensor) for operand in operands):
            return
        if any(operand.dim() != 2 for operand in operands):
            if comparator.dim:
                self._spread_along(func, operands, comparator.feature_dim(args, kwargs))
            return
        if comparator.name in ("@", "Tensor.mm", "torch.mm", "torch.matmul"):
            self._multiplied(func, operands[0], operands[1])
        elif comparator.dim and comparator.feature_dim(args, kwargs) in (0, -2):
            self._compared_along(func, operands)
        else:
            self._ways_of(operands[0]).add(1)
            for place, operand in enumerate(operands):
                self._check(func, operand, place)

    def _multiplied(self, func: Callable[..., Any], left: Tensor, right: Tensor) -> None:
        """Take in a matrix product: of rows with rows, or a correlation of columns."""
        one, other = self._provenance.of(left), self._provenance.of(right)
        if one is not None and is_turned(one) and not self._told.has_rows(left.shape):
            self._told.correlated(one)
        elif other is not None and is_turned(other):
            self._check(func, left, 0)

    def _compared_along(self, func: Callable[..., Any], operands: Sequence[Tensor]) -> None:
        """Take in a comparison along the first dimension of embeddings."""
        known = [one for operand in operands if (one := self._provenance.of(operand)) is not None]
        shapes = {operand.shape for operand in operands}
        if not known or len(shapes) > 1:
            return
        ways = self._ways_of(operands[0])
        ways.add(0)
        shape = operands[0].shape
        if any(is_centred(one) or not self._told.has_batch_first(shape, one) for one in known):
            return
        told = self._told.described(func, "compared", operands[0], COMPARATORS[func].operands)
        if told is None or self._told.is_enough(told.site):
            return
        values = [part for operand in operands if (part := measured(operand)) is not None]
        self._later.put(values, functools.partial(self._judge_compared, told, known[0], ways))

    def _spread_along(self, func: Callable[..., Any], operands: Sequence[Tensor], dim: int) -> None:
        """Take in all pairs that are compared along the dimension one side is spread over.

        A row repeated along it is a constant there: of its numbers only the sign is left in a
        cosine, whatever was meant. ``dim=1`` is the default, and wrong for (n, 1, d), (1, n, d).
        """
        if [operand.dim() for operand in operands] != [3, 3] or dim % 3 == 2:
            return
        sizes = sorted(operand.shape[dim] for operand in operands)
        whole = next((operand for operand in operands if operand.shape[0] > 1), None)
        known = [one for operand in operands if (one := self._provenance.of(operand)) is not None]
        if sizes[0] != 1 or sizes[1] < 2 or whole is None or not known:
            return
        place = 0 if whole is operands[0] else 1
        told = self._told.described(func, "compared", whole, COMPARATORS[func].operands, place)
        if told is not None:
            self._told.tell(told, known[0])

    def _ways_of(self, tensor: Tensor) -> set[int]:
        """Return the dimensions that a tensor was compared along by now; it may be added to."""
        ways = self._ways.of(tensor)
        if ways is None:
            ways = set()
            self._ways.put(tensor, ways)
        return ways

    def _judge_compared(
        self, told: AlongBatch, known: Known, ways: set[int], values: list[Tensor]
    ) -> None:
        """Tell it unless columns are centred, or compared as well as rows: then it was meant.

        A cosine of centred columns is a correlation; with one side centred it is none, as of a
        prediction with a target that comes out of a batch norm.
        """
        width, dtype = told.operand.shape[1], told.operand.dtype
        if (
            values
            and ways == {0}
            and not all(Lengths.of(one, width, dtype).are_centred for one in values)
        ):
            self._told.tell(told, known)

    def _check(self, func: Callable[..., Any], operand: Tensor, place: int) -> None:
        """Look at the lengths of rows that are compared, and of the columns they make."""
        known = self._provenance.of(operand)
        if known is None:
            return
        if not self._told.has_batch_first(operand.shape, known):
            return
        frame = user_frame()
        values = measured(operand) if frame is not None else None
        if frame is None or values is None or self._told.is_enough(site_of(frame), place):
            return
        site, mark = known.site_of(SCALING), self._marks.of(operand)
        parameters = COMPARATORS[func].operands if func in COMPARATORS else ()
        told = mark or self._told.described(func, "normalized", operand, parameters, place)
        if told is not None:
            if mark is None:
                name = next((one for one in known.origin.path if one in SCALING), "")
                told = msgspec.structs.replace(told, site=site or told.site, function=name)
            if not parameters:  # the first argument is an equation
                nameless = msgspec.structs.replace(told.operand, expression="")
                told = msgspec.structs.replace(told, operand=nameless)
            scaled = mark is not None or site is not None
            judge = functools.partial(self._judge, told, known, site_of(frame), scaled)
            self._later.put([values], judge)

    def _judge(
        self, told: AlongBatch, known: Known, met: CallSite, scaled: bool, values: list[Tensor]
    ) -> None:
        """Tell whether columns, or everything, were made unit length where rows are compared."""
        lengths = Lengths.of(values[0], told.operand.shape[1], told.operand.dtype)
        if lengths.are_centred and told.kind != "everything":
            return
        spans = span(lengths.columns), span(lengths.rows)
        if lengths.unit_columns or (scaled and lengths.even_columns):
            told = msgspec.structs.replace(told, kind="normalized")
        elif told.kind == "everything" or (scaled and lengths.unit_whole):
            told = msgspec.structs.replace(told, kind="everything")
        else:
            return
        self._told.tell(told, known, met, *spans)


def _meets_rows(args: tuple[Any, ...], tensors: Sequence[Tensor]) -> bool:
    """Tell whether an ``einsum`` multiplies all rows of one matrix with all rows of another."""
    if not args or not isinstance(args[0], str) or [t.dim() for t in tensors] != [2, 2]:
        return False
    one, _, other = args[0].replace(" ", "").partition("->")[0].partition(",")
    return len(one) == len(other) == 2 and one[1] == other[1] and one[0] != other[0]


def _is_scaled(tensors: Sequence[Tensor], result: Any) -> bool:
    """Tell whether a tensor of two dimensions met nothing but single numbers."""
    if not isinstance(result, Tensor) or result.dim() != 2:
        return False
    whole = [tensor for tensor in tensors if tensor.numel() > 1]
    return len(whole) == 1 and whole[0].shape == result.shape


def _is_mean_of_the_other(one: Known, other: Known) -> bool:
    """Tell whether one of two tensors is a mean over the other, spread to its shape."""
    origins = {(k.origin.model, k.origin.layer, k.origin.forward) for k in (one, other)}
    pooled = [not POOLING.isdisjoint(known.origin.path) for known in (one, other)]
    return len(origins) == 1 and pooled[0] != pooled[1]
