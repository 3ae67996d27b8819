"""Shapes that broadcast to all pairs where pairs were meant.

``(n,)`` against ``(n, 1)`` gives ``(n, n)``, and so does a label a row against the matrix of all
pairs. That may be wanted. It is not where one side is a given number for each row, or where the
dimension of 1 came along unasked, and where all of the pairs are then made one number: no mask, no
sum over candidates, no diagonal, no other matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Literal

import msgspec
import torch
from torch import Tensor

from collapse_doctor.inspector.comparing.vocabulary import COMPARATORS, REGRESSIONS
from collapse_doctor.inspector.dimensions.allpairs import AllPairs, Pairs, joined
from collapse_doctor.inspector.dimensions.broadcasting import (
    expressions_of,
    is_column,
    is_square,
    is_written_here,
    may_spread,
    name_of,
    operand_of,
)
from collapse_doctor.inspector.dimensions.elementwise import (
    BINARY,
    COPYING,
    INSERTING,
    PRODUCTS,
    REDUCING,
    SQUEEZING,
    UNARY,
    named,
)
from collapse_doctor.inspector.dimensions.numbers import Scores
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import CallSite, Spread

__all__ = ["SPREADING", "Spreads"]

LOSSES = named("hinge_embedding_loss", "poisson_nll_loss", "gaussian_nll_loss", "kl_div")
"""Losses beside the comparators that broadcast their operands, and hold one against the other."""
FITTING = LOSSES | {f for f, comparator in COMPARATORS.items() if comparator.name in REGRESSIONS}
THRESHOLDS = named(
    "lt", "le", "gt", "ge", "less", "less_equal", "greater", "greater_equal", "__lt__", "__le__",
    "__gt__", "__ge__",
)  # fmt: skip
"""Which of two formulas holds for an entry, as in a Huber loss written with ``where``."""
PICKING = named("__getitem__", "index_select", "embedding")
SPREADING = (
    PICKING | UNARY | BINARY | REDUCING | SQUEEZING | INSERTING | THRESHOLDS | FITTING
) | frozenset(COMPARATORS)
DIFFERENCES = named("sub", "subtract", "__sub__")
CHOICES = named("where")
HINGES = named("relu", "clamp", "clamp_min", "softplus", "logsigmoid", "sigmoid")
MOST_TOLD = 64
"""Lines and shapes that are told of one training; there are a handful."""

Intent = Literal["unasked", "inline", "asked"]


class Spreads:
    """Follows numbers of rows until they meet as all pairs, and these until they are one number.

    What is done to a tensor of all pairs beyond arithmetic entry by entry (a mask, a softmax, a
    sum over one side) shows that it was meant: it is not followed any further.
    """

    def __init__(self, moment: Moment, scores: Scores, emit: Callable[[Spread], None]) -> None:
        self._moment = moment
        self._scores = scores
        self._emit = emit
        self._pairs = AllPairs()
        self._told: set[tuple[CallSite, tuple[int, ...]]] = set()

    def seen(
        self,
        func: Callable[..., Any],
        tensors: list[Tensor],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> None:
        """Take note of one call of a function in ``SPREADING``."""
        if not isinstance(result, Tensor) or not is_plain(result):
            return
        if func in FITTING:
            self._fitted(func, tensors[:2], result)
        elif func in PICKING and _is_gathered(tensors, result):
            self._scores.gathered(result)
        elif func in THRESHOLDS:
            self._thresholded(tensors, result)
        elif func in COMPARATORS:
            operands = COMPARATORS[func].bind(args, kwargs)
            if all(isinstance(operand, Tensor) for operand in operands):
                self._compared(func, operands, result)
        elif func in REDUCING:
            self._reduced(tensors[0], result)
        elif len(tensors) > 1 and func in BINARY:
            self._met(func, tensors, result)
        else:
            self._carried(func, tensors[0], args[1] if len(args) > 1 else 0, result)

    def sweep(self) -> None:
        """Forget what no longer exists."""
        self._pairs.sweep()

    # Following

    def _carried(
        self, func: Callable[..., Any], source: Tensor, index: Any, result: Tensor
    ) -> None:
        pairs = self._pairs.of(source)
        if pairs is None:
            self._scores.carried(func, source, index, result)
        elif result.shape == source.shape and (func in COPYING or not pairs.latent):
            self._pairs.put(result, replace(pairs, hinged=pairs.hinged or func in HINGES))

    def _thresholded(self, tensors: Sequence[Tensor], result: Tensor) -> None:
        """Take in which pairs pass one number: of pairs nobody asked for, this is no mask either.

        Of a matrix that was asked for it may be one, and the matrix is not followed into it.
        """
        pairs = self._pairs.of(tensors[0])
        alone = all(other.numel() == 1 for other in tensors[1:])
        if pairs is not None and pairs.is_outer and alone and result.shape == tensors[0].shape:
            self._pairs.put(result, pairs)

    def _reduced(self, source: Tensor, result: Tensor) -> None:
        pairs = self._pairs.of(source)
        if pairs is None:
            self._scores.reduced(source, result)
        elif result.dim():
            self._pairs.reduced(pairs, source, result)
        else:
            self._all_in_one(pairs, result)

    def _all_in_one(self, pairs: Pairs, result: Tensor) -> None:
        """Take note that all pairs were made one number, which is learnt from."""
        if pairs.spread is None or not pairs.is_mistaken or not result.requires_grad:
            return
        frame = user_frame()
        if frame is not None:
            self._tell(msgspec.structs.replace(pairs.spread, reduced=site_of(frame)))

    def _met(self, func: Callable[..., Any], tensors: list[Tensor], result: Tensor) -> None:
        """Take in arithmetic of two tensors, or a choice between two by a third."""
        known = [self._pairs.of(tensor) for tensor in tensors]
        if any(known):
            self._continued(func, tensors, known, result)
        elif not self._spread_among(func, tensors, result) and result.dim():
            self._scores.joined(tensors, result)

    def _continued(
        self,
        func: Callable[..., Any],
        tensors: list[Tensor],
        known: list[Pairs | None],
        result: Tensor,
    ) -> None:
        """Follow all pairs through arithmetic with one another, or with numbers of rows."""
        pairs = joined([one for one in known if one is not None])
        others = [t for t, one in zip(tensors, known, strict=True) if one is None and t.numel() > 1]
        if pairs is None or not is_square(result, pairs.count):
            return
        if not all(is_column(other, pairs.count) for other in others):
            return  # it meets a matrix: it was meant to be one
        if pairs.latent and others and func in DIFFERENCES and all(map(self._learns, others)):
            pairs = replace(pairs, latent=False)
        if pairs.is_matrix and func in DIFFERENCES and not others:
            pairs = self._difference(func, tensors, known, pairs, result)
        elif pairs.is_matrix and func in CHOICES and len(others) == 1 and len(known) == 3:
            if known[0] is not None or not self._is_given(others[0]):
                return
            spread = self._described(func, "matrix", (others[0], tensors[1]), result)
            pairs = replace(pairs, spread=spread, signs=frozenset({True, False}))
        elif others and pairs.is_matrix:
            if func not in PRODUCTS or not self._is_given(others[0]):
                return
            spread = self._described(func, "matrix", tensors, result)
            pairs = replace(pairs, spread=spread, signs=self._signs(others))
        self._pairs.put(result, pairs)

    def _difference(
        self,
        func: Callable[..., Any],
        tensors: Sequence[Tensor],
        known: Sequence[Pairs | None],
        joint: Pairs,
        result: Tensor,
    ) -> Pairs:
        """Tell apart a difference of two matrices of the same rows: near ones less far ones."""
        roots = [one.roots for one in known if one is not None]
        if len(roots) != 2 or not roots[0] or roots[0] != roots[1] or tensors[0] is tensors[1]:
            return joint
        spread = self._described(func, "margin", tensors, result)
        made = next((one.made for one in known if one is not None), None)
        if spread is not None:
            spread = msgspec.structs.replace(spread, made=made)
        return replace(joint, spread=spread)

    # Meeting

    def _compared(self, func: Callable[..., Any], operands: list[Tensor], result: Tensor) -> None:
        if not COMPARATORS[func].paired:
            self._matrix(operands, result)
        elif not all(operand.shape == operands[0].shape for operand in operands):
            self._spread_among(func, operands, result)
        elif result.dim():
            self._scores.put(result)

    def _matrix(self, operands: list[Tensor], result: Tensor) -> None:
        """Remember the matrix of all pairs of two batches of embeddings."""
        one, other = operands
        apart = one.untyped_storage()._cdata != other.untyped_storage()._cdata
        square = result.dim() == 2 and is_square(result, result.shape[0])
        if square and apart and all(self._scores.of(operand).scored for operand in operands):
            roots = self._scores.of(one).roots
            frame = user_frame()
            made = site_of(frame) if frame is not None else None
            self._pairs.put(result, Pairs(result.shape[0], roots=roots, made=made))

    def _fitted(self, func: Callable[..., Any], operands: list[Tensor], result: Tensor) -> None:
        """Take in a loss that holds one number against another."""
        for matrix, target in (operands, operands[::-1]) if len(operands) == 2 else ():
            pairs = self._pairs.of(matrix)
            if pairs is not None:
                known = pairs.is_matrix and is_column(target, pairs.count)
                if known and self._is_given(target) and not result.dim():
                    spread = self._described(func, "matrix", operands, matrix)
                    both = frozenset({True, False})
                    self._all_in_one(replace(pairs, spread=spread, signs=both), result)
                elif pairs.latent and not result.dim() and self._learns(target):
                    self._all_in_one(replace(pairs, latent=False), result)
                return
        self._spread_among(func, operands, result)

    def _spread_among(
        self, func: Callable[..., Any], operands: Sequence[Tensor], result: Tensor
    ) -> bool:
        """Take in operands of which two are spread along each other; tell whether any are."""
        for pair in combinations(operands, 2):
            low, high = sorted(pair, key=Tensor.dim)
            if may_spread(low, high):
                if low.shape[0] == high.shape[0]:
                    self._spread(func, pair, low, high, result)
                else:
                    self._uneven(func, pair, result)
                return True
        return False

    def _spread(
        self,
        func: Callable[..., Any],
        operands: Sequence[Tensor],
        low: Tensor,
        high: Tensor,
        result: Tensor,
    ) -> None:
        intent = self._intent(func, operands, low, high)
        latent = intent == "asked" and self._is_latent(low, high)
        told = latent or intent != "asked"
        spread = self._described(func, "outer", operands, result) if told else None
        if spread is None:
            return
        signs = self._signs([one for one in operands if self._is_given(one)])
        pairs = Pairs(low.shape[0], spread, intent == "inline", signs, latent=latent)
        if result.dim():
            self._pairs.put(result, pairs)
        else:  # the loss has reduced it itself
            whole = msgspec.structs.replace(spread, result=(low.shape[0], *low.shape))
            self._all_in_one(replace(pairs, spread=whole), result)

    def _intent(
        self, func: Callable[..., Any], operands: Sequence[Tensor], low: Tensor, high: Tensor
    ) -> Intent:
        """Tell whether somebody asked for all pairs of these two.

        Of two scores somebody did who wrote the dimension of 1. Labels are given one for each row
        whoever wrote it; where it is written at the meeting itself, they must show as labels.
        """
        one, other = self._scores.of(low), self._scores.of(high)
        computed = [t.requires_grad or n.scored for t, n in ((low, one), (high, other))]
        in_batch = one.scored or other.scored or self._is_batch(low.shape[0])
        if one.roots & other.roots or not any(computed) or not in_batch:
            return "asked"
        if any(operand.is_leaf and operand.requires_grad for operand in operands):
            return "asked"
        if not other.written or one.gathered or other.gathered:
            return "unasked"
        if all(computed) or low.dim() > 1:
            return "asked"
        return (
            "inline" if func not in FITTING and is_written_here(func, operands, high) else "unasked"
        )

    def _is_latent(self, low: Tensor, high: Tensor) -> bool:
        """Tell whether numbers that are given, one for each row, met as nobody has written."""
        one, other = self._scores.of(low), self._scores.of(high)
        given = self._is_given(low) and self._is_given(high) and low.dim() == 1
        written = other.written or one.gathered or other.gathered or one.roots & other.roots
        return given and not written and self._is_batch(low.shape[0])

    def _learns(self, numbers: Tensor) -> bool:
        """Tell whether a tensor is one number a row, (n,), computed of embeddings that learn."""
        return numbers.dim() == 1 and numbers.requires_grad and self._scores.of(numbers).scored

    def _is_batch(self, size: int) -> bool:
        """Tell whether there are as many rows: of outputs, or of inputs where no output is rows.

        A model that squeezes its one column itself returns (n,), which says no more than that.
        """
        if self._moment.batch is not None:
            return size == self._moment.batch
        return size in self._moment.leads

    def _is_given(self, tensor: Tensor) -> bool:
        """Tell whether numbers come from elsewhere, as labels and weights do."""
        return not tensor.requires_grad and not self._scores.of(tensor).scored

    def _signs(self, labels: Sequence[Tensor]) -> frozenset[bool]:
        return frozenset(self._scores.of(label).flipped for label in labels)

    # Telling

    def _uneven(self, func: Callable[..., Any], operands: Sequence[Tensor], result: Tensor) -> None:
        """Tell of other shapes at a line that was told: these numbers never were pairs."""
        frame = user_frame() if self._told else None
        if frame is not None and any(site == site_of(frame) for site, _ in self._told):
            spread = self._described(func, "outer", operands, result)
            if spread is not None:
                self._tell(spread)

    def _described(
        self,
        func: Callable[..., Any],
        kind: Literal["outer", "matrix", "margin"],
        operands: Sequence[Tensor],
        result: Tensor,
    ) -> Spread | None:
        frame = user_frame()
        if frame is None:
            return None
        names = expressions_of(frame, func, len(operands))
        site = site_of(frame)
        return Spread(
            step=self._moment.step,
            forward=self._moment.forward,
            function=name_of(func),
            kind=kind,
            site=site,
            operands=tuple(map(operand_of, operands, names)),
            result=tuple(result.shape),
            reduced=site,
            labels=any(self._is_given(operand) for operand in operands),
        )

    def _tell(self, spread: Spread) -> None:
        key = (spread.site, spread.result)
        if key not in self._told and len(self._told) < MOST_TOLD:
            self._told.add(key)
            self._emit(spread)


def _is_gathered(tensors: Sequence[Tensor], result: Tensor) -> bool:
    """Tell whether rows of a table were picked, one for each of a list of indices.

    A table is a parameter or a buffer; rows of a batch may be picked for pairs.
    """
    table = next((tensor for tensor in tensors if tensor.is_floating_point()), None)
    index = next((tensor for tensor in tensors if not tensor.is_floating_point()), None)
    if table is None or index is None or not table.is_leaf or result.dim() != 2:
        return False
    return index.dim() == 1 and index.dtype is torch.int64 and len(index) == len(result)
