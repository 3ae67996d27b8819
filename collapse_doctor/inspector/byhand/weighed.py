"""Tables of all pairs that are held to given weights: ``-(same * scores.log_softmax(1)).sum(1)``.

Row i is compared with row i where the weight of that place is the greatest of its row: a one of
the identity, a smoothed label, one of several partners. A mask that takes the diagonal away, as
supervised contrastive losses have it, leaves nothing of i and i. What the weights are is looked
at on the device, and read when the rows have come over.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from collapse_doctor.inspector.byhand.terms import Term, Weighing
from collapse_doctor.inspector.byhand.traces import Call, Traces
from collapse_doctor.inspector.comparing.relations import MOST_ROWS
from collapse_doctor.inspector.outputs import is_plain

__all__ = ["Weighed"]

_HIDING = frozenset({"masked_fill", "masked_fill_"})
_CUTTING = frozenset({"fill_diagonal_", "triu", "tril"})


class Weighed:
    """Follows a table through masks and weights to their sum, or to a loss that takes weights."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def carried(self, call: Call, term: Term) -> Term:
        """Return a table after a call that may have hidden its diagonal."""
        if term.kind != "table":
            return term
        if call.name in _CUTTING:
            return self._hide(term, call.result, None)
        if call.name in _HIDING:
            return self._hide(term, call.result, call.given(1, "mask"))
        return term

    def shifted(self, call: Call, term: Term) -> Term:
        """Return a table after something was added: of all its shape it may be a mask."""
        other = call.second
        plain = not isinstance(other, Tensor) or other.shape != call.result.shape
        if term.kind != "table" or plain or self._traces.of(other) is not None:
            return term
        return self._hide(term, call.result, None)

    def weigh(self, term: Term, weights: Any) -> Term:
        """Return a table after it was multiplied with something."""
        marks = self._marks(term, weights)
        return term if marks is None else _marked(term, marks, is_weighed=True)

    def chosen(self, term: Term, condition: Any, *, inverted: bool) -> Term | None:
        """Return a table of which a condition keeps some places."""
        if not isinstance(condition, Tensor) or condition.dtype != torch.bool:
            return None
        return self.weigh(term, ~condition if inverted else condition)

    def of_two(self, call: Call, one: Term, other: Term) -> None:
        """Follow the product of two tables: the one of two things has the other for weights."""
        own = [each.factors[0].itself() is each.factors[1].itself() for each in (one, other)]
        if own == [True, False]:
            self._traces.put(call.result, self.weigh(other, call.first))
        elif own == [False, True]:
            self._traces.put(call.result, self.weigh(one, call.second))

    def summed(self, term: Term) -> None:
        """Tell a table whose weighted places are summed."""
        if term.is_weighed and term.marks is not None:
            self._tell(term, f"weights of {term.table}", term.marks)

    def fitted(self, call: Call) -> None:
        """Tell a table that a loss holds to a table of weights, labels or probabilities."""
        term, weights = self._traces.of(call.first), call.second
        if term is None or term.kind != "table" or not _is_given(weights):
            return
        marks = self._marks(term, weights)
        if marks is not None:
            self._tell(term, f"F.{call.name} of {term.table}", marks)

    def _tell(self, term: Term, function: str, marks: Tensor) -> None:
        if not any(side.requires_grad for side in term.factors):
            return  # somebody measures how near kinds are
        left, right = (side.values for side in term.factors)
        step = _stride(left)
        rows = [left[::step].clone(), right[::step].clone(), marks]
        self._traces.tell(term, function, rows=rows, weighing=Weighing(term.fate))

    def _hide(self, term: Term, result: Tensor, mask: Any) -> Term:
        """Return a table of which some places, or the diagonal, are hidden from now on."""
        if result.dim() != 2 or result.shape[0] != result.shape[1]:
            return term
        step = _stride(result)
        marks = result.new_zeros(len(range(0, len(result), step)), 3, dtype=torch.float32)
        if isinstance(mask, Tensor) and mask.shape == result.shape and is_plain(mask):
            marks[:, 0] = 1 - mask.diagonal()[::step].float()
        return _marked(term, marks, is_weighed=False)

    def _marks(self, term: Term, weights: Any) -> Tensor | None:
        """Return what is to be read of weights later, see :meth:`Weighing.holds`."""
        if not isinstance(weights, Tensor) or not is_plain(weights) or weights.dim() != 2:
            return None
        if weights.is_complex():
            return None
        heights = tuple(len(side.values) for side in term.factors)
        square = heights[0] == heights[1] and heights == tuple(weights.shape)
        if not square or weights.device != term.factors[0].values.device:
            return None
        step = _stride(weights)
        own = weights.detach().diagonal()[::step].float()
        some = weights.detach()[::step].float() * own.sign()[:, None]  # -targets * log_softmax
        own = own.abs()
        greatest = (own >= some.amax(1)) & (own > some.mean(1))
        share = own / some.clamp(min=0).sum(1).clamp(min=1e-12)
        return torch.stack([(own != 0).float(), greatest.float(), share], 1)


def _marked(term: Term, marks: Tensor, *, is_weighed: bool) -> Term:
    """Return a table with marks beside those it has: what was hidden once stays so."""
    if term.marks is not None:
        kept = term.marks[:, :1] * marks[:, :1]
        marks = torch.cat([kept, torch.maximum(term.marks, marks)[:, 1:]], 1)
    return replace(term, marks=marks, is_weighed=term.is_weighed or is_weighed)


def _is_given(weights: Any) -> bool:
    return isinstance(weights, Tensor) and not weights.requires_grad


def _stride(rows: Tensor) -> int:
    return max(1, -(-len(rows) // MOST_ROWS))
