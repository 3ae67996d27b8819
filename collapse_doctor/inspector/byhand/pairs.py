"""Products that are summed and differences that are measured: row i meets row i."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from collapse_doctor.inspector.byhand.contractions import Contraction, sums_features
from collapse_doctor.inspector.byhand.operations import ACTS
from collapse_doctor.inspector.byhand.terms import Kind, Term, may_meet
from collapse_doctor.inspector.byhand.traces import Call, Traces
from collapse_doctor.inspector.byhand.weighed import Weighed

__all__ = ["Pairs"]

_CHANGING = frozenset({"exp", "exp_", "log", "normalize"})
"""What makes something else of a product or a difference, though not of a table."""
_STAYING = frozenset({"contiguous", "float", "to"})
"""What lays a tensor out or stores it otherwise: ``z @ z.t().contiguous()``."""


class Pairs:
    """Follows ``a * b`` to its sum, and ``a - b`` to its norm or square."""

    def __init__(self, traces: Traces, weighed: Weighed) -> None:
        self._traces = traces
        self._weighed = weighed

    def multiplied(self, call: Call) -> None:
        """Begin a product, weigh what is under way, or find a difference squared."""
        left, right = call.first, call.second
        one, other = self._traces.of(left), self._traces.of(right)
        if one is None and other is None:
            self._meet("product", call, left, right)
        elif one is other and one is not None and one.kind == "difference":
            self._traces.tell(one, "(a - b) ** 2", levels=1)
        elif one is not None and other is not None:
            if one.kind == other.kind == "table":
                self._weighed.of_two(call, one, other)
            else:
                self._both_soft(call, one, other)
        elif one is not None:
            self._weigh(call, one, left, right)
        elif other is not None:
            self._weigh(call, other, right, left)

    def divided(self, call: Call) -> None:
        """Scale what is under way."""
        term = self._traces.of(call.first)
        if term is not None:
            self._weigh(call, term, call.first, call.second)
        else:
            self._scale(call)

    def subtracted(self, call: Call) -> None:
        """Begin a difference, or shift what is under way."""
        left, right = call.first, call.second
        if self._traces.of(left) is not None or not isinstance(right, Tensor):
            self.shifted(call)
        elif self._traces.of(right) is None:
            self._meet("difference", call, left, right)

    def shifted(self, call: Call) -> None:
        """Shift what is under way: a margin, a mask, ``(a - b + 1e-6).norm(dim=1)``."""
        term = self._traces.of(call.first)
        if term is None:
            self._scale(call)
        elif term.kind == "table" or (
            term.kind == "difference" and not isinstance(call.second, Tensor)
        ):
            self._carry(call, self._weighed.shifted(call, term), call.first)

    def passed(self, call: Call) -> None:
        """Follow what is under way through an operation on each number."""
        term = self._traces.of(call.first)
        if term is not None and (
            term.kind in ("table", "joined", "soft") or call.name not in _CHANGING
        ):
            self._carry(call, self._weighed.carried(call, term), call.first)
        elif term is None and call.name in _STAYING and isinstance(call.first, Tensor):
            self._traces.stays(call.result, call.first)

    def squashed(self, call: Call) -> None:
        """Follow a table through a sigmoid and what is like it."""
        term = self._traces.of(call.first)
        if term is not None and term.kind == "table":
            self._carry(call, term, call.first)

    def chosen(self, call: Call) -> None:
        """Follow a table of which ``where`` takes some places."""
        for place in (1, 2):
            table = call.given(place, ("input", "other")[place - 1])
            term = self._traces.of(table)
            if term is not None and term.kind == "table":
                kept = self._weighed.chosen(term, call.given(0, "condition"), inverted=place == 2)
                if kept is not None:
                    self._carry(call, kept, table)

    def reduced(self, call: Call) -> None:
        """Find a product that is summed over features."""
        term = self._traces.of(call.first)
        if term is not None and term.kind == "table":
            self._weighed.summed(term)
        if term is None or term.kind not in ("product", "soft") or len(term.factors) < 2:
            return
        dim = sums_features(call.given(1, "dim", "axis"), call.first.dim())
        if dim is not None:
            name = "(a * b)" if term.kind == "product" else "(softmax(a) * log_softmax(b))"
            self._traces.tell(term, f"{name}.{call.name}", dim=dim)

    def normed(self, call: Call) -> None:
        """Find the length of a difference."""
        term = self._traces.of(call.first)
        if term is None or term.kind != "difference":
            return
        dim = sums_features(call.given(2, "dim"), call.first.dim())
        if dim is not None:
            self._traces.tell(term, "(a - b).norm", dim=dim, levels=1)

    def evened(self, call: Call) -> None:
        """Find a difference of which the sign no longer counts."""
        term = self._traces.of(call.first)
        if term is not None and term.kind == "difference":
            name = call.name.strip("_")
            words = "(a - b) ** 2" if name == "pow" else f"(a - b).{name}"
            self._traces.tell(term, words, levels=1)

    def contracted(self, call: Call, found: Contraction) -> None:
        """Tell a product and its sum in one, as ``einsum('bd,bd->b', a, b)``."""
        traces = self._traces
        one, other = traces.of(found.left), traces.of(found.right)
        for table, weights in ((one, found.right), (other, found.left)):
            if table is not None and table.kind == "table" and call.name == "einsum":
                self._weighed.summed(self._weighed.weigh(table, weights))
        rows = found.rows
        if not may_meet(*rows) or not (traces.learns(found.left) or traces.learns(found.right)):
            return
        factors = []
        for tensor, part in zip((found.left, found.right), rows, strict=True):
            whole = traces.unshaped(tensor, part) if found.batched else None
            factors.append(traces.factor(tensor, part) if whole is None else traces.factor(whole))
        term = traces.begin("product", call, factors)
        if term is not None:
            traces.tell(term, call.name.strip("_"), dim=found.dim)

    def _meet(self, kind: Kind, call: Call, left: Any, right: Any) -> None:
        traces = self._traces
        if call.result is left or not may_meet(left, right):
            self._scale(call)
        elif traces.learns(left) or traces.learns(right):
            traces.begin(kind, call, [traces.factor(left), traces.factor(right)])

    def _both_soft(self, call: Call, one: Term, other: Term) -> None:
        """Begin a cross entropy: ``softmax(t) * log_softmax(s)``."""
        if one.kind == other.kind == "soft" and len(one.factors) == len(other.factors) == 1:
            term = self._traces.begin("soft", call, [*one.factors, *other.factors])
            if term is not None:
                term.parts = (one, other)

    def _weigh(self, call: Call, term: Term, own: Any, weight: Any) -> None:
        # Three embeddings in one product are no pair; a table may be scaled by what is learnt.
        if term.kind == "table":
            given = not isinstance(weight, Tensor) or not weight.requires_grad
            self._carry(call, self._weighed.weigh(term, weight) if given else term, own)
        elif not self._traces.learns(weight):
            self._carry(call, term, own)

    def _carry(self, call: Call, term: Term, own: Any) -> None:
        if call.result.shape == own.shape:
            self._traces.put(call.result, term)

    def _scale(self, call: Call) -> None:
        """Remember what a tensor was scaled or shifted from: what a softmax is taken of."""
        for own, other in ((call.first, call.second), (call.second, call.first)):
            if isinstance(own, Tensor) and own.dim() == 2 and call.result.shape == own.shape:
                by_number = not isinstance(other, Tensor) or other.numel() == 1
                scaled = by_number and ACTS[call.func][0] in ("multiply", "divide")
                self._traces.made_from(call.result, own, "scale" if scaled else "shift")
                return
