"""Seeing comparisons as people write them by hand: ``(a * b).sum(-1)``, ``(a - b).norm(dim=1)``.

Each operation on the way is one call, and seen alone. What its result was made of is remembered
(:mod:`terms`) until another operation shows that it was a comparison, or the result is gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.byhand.contractions import contraction
from collapse_doctor.inspector.byhand.operations import ACTS
from collapse_doctor.inspector.byhand.pairs import Pairs
from collapse_doctor.inspector.byhand.softmaxes import Softened
from collapse_doctor.inspector.byhand.tables import Tables
from collapse_doctor.inspector.byhand.traces import Call, Met, Traces
from collapse_doctor.inspector.byhand.weighed import Weighed
from collapse_doctor.inspector.comparing.provenance import Provenance
from collapse_doctor.inspector.moment import Moment

__all__ = ["Handwritten"]


class Handwritten:
    """Recognises comparisons among the operations of a training.

    Parameters
    ----------
    moment, provenance
        Where the training is, and what is known of tensors.
    met
        Told of each comparison that was recognised, and of its operands.
    """

    def __init__(self, moment: Moment, provenance: Provenance, met: Met) -> None:
        self._traces = Traces(moment, provenance, met)
        self._weighed = Weighed(self._traces)
        self._pairs = pairs = Pairs(self._traces, self._weighed)
        self._tables = tables = Tables(self._traces)
        self._soft = soft = Softened(self._traces)
        self._acts: dict[str, Callable[[Call], None]] = {
            "multiply": pairs.multiplied,
            "divide": pairs.divided,
            "subtract": pairs.subtracted,
            "shift": pairs.shifted,
            "pass": pairs.passed,
            "reduce": pairs.reduced,
            "norm": pairs.normed,
            "even": pairs.evened,
            "reshape": tables.reshaped,
            "transpose": tables.turned,
            "contract": self._contracted,
            "cross": tables.crossed,
            "diagonal": tables.diagonal,
            "gather": tables.gathered,
            "join": tables.joined,
            "soften": soft.softened,
            "squash": pairs.squashed,
            "choose": pairs.chosen,
            "diverge": self._diverged,
            "fit": self._weighed.fitted,
            "lose": self._lost,
        }

    def seen(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in ``ACTS``."""
        if isinstance(result, Tensor):
            act, name = ACTS[func]
            self._acts[act](Call(func, name, args, kwargs, result))

    def end_step(self) -> None:
        """Let go of all that was in between when the step was over."""
        self._traces.end_step()

    def _contracted(self, call: Call) -> None:
        if call.name == "einsum" and _takes_diagonal(call):
            self._tables.diagonal(call._replace(args=call.args[1:2]))
            return
        found = contraction(call.name, call.args, call.kwargs)
        if found is not None:
            on = self._pairs if found.kind == "paired" else self._tables
            on.contracted(call, found)

    def _lost(self, call: Call) -> None:
        self._tables.classified(call)
        self._weighed.fitted(call)
        self._soft.classified(call)

    def _diverged(self, call: Call) -> None:
        self._weighed.fitted(call)
        self._soft.diverged(call)


def _takes_diagonal(call: Call) -> bool:
    equation = call.args[0] if call.args else None
    if not isinstance(equation, str) or len(call.args) != 2:
        return False
    taken, _, left = equation.replace(" ", "").partition("->")
    return len(taken) == 2 and taken[0] == taken[1] and left in ("", taken[0])
