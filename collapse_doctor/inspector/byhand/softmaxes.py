"""Cross entropies between two softmaxes: what they were taken of is what is compared."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from collapse_doctor.inspector.byhand.terms import Term, may_meet
from collapse_doctor.inspector.byhand.traces import Call, Traces
from collapse_doctor.inspector.outputs import is_plain

__all__ = ["Softened"]


class Softened:
    """Follows logits through a softmax to a divergence between two of them."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def softened(self, call: Call) -> None:
        """Remember what a softmax was taken of. A table stays one: its rows are normalised."""
        first = call.first
        if not isinstance(first, Tensor):
            return
        term = self._traces.of(first)
        if term is not None and term.kind == "table":
            self._traces.put(call.result, term)
        else:
            self._begin(call, first)

    def diverged(self, call: Call) -> None:
        """Tell a divergence between two softmaxes."""
        one, other = self._traces.of(call.first), self._traces.of(call.second)
        if _is_one(one) and _is_one(other):
            self._tell(call, one, other)

    def classified(self, call: Call) -> None:
        """Tell a cross entropy between logits and a softmax."""
        other = self._traces.of(call.second)
        if _is_one(other) and isinstance(call.first, Tensor):
            self._tell(call, self._begin(call, call.first), other)

    def _begin(self, call: Call, logits: Tensor) -> Term | None:
        source = self._traces.source(logits, "scale", "shift")
        base = logits if source is None else source
        if base.dim() != 2 or not is_plain(base) or not base.is_floating_point():
            return None
        return self._traces.begin("soft", call, [self._traces.factor(base)])

    def _tell(self, call: Call, one: Term | None, other: Term | None) -> None:
        if one is None or other is None:
            return
        factors = (*one.factors, *other.factors)
        if not may_meet(*(side.values for side in factors)):
            return
        if not any(side.requires_grad or side.known for side in factors):
            return
        term = self._traces.begin("soft", call, factors)
        if term is not None:
            term.parts = (one, other)
            self._traces.tell(term, f"F.{call.name} of softmax(a), softmax(b)")


def _is_one(term: Any) -> bool:
    return isinstance(term, Term) and term.kind == "soft" and len(term.factors) == 1
