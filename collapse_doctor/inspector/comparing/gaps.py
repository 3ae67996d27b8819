"""Scores that are held against each other by what lies between them, and are one.

A ranking loss knows no more than ``model(u, i) - model(u, j)``, or how much longer one translation
is than the other. Where both came of two passes over equal inputs this is zero whatever is
learned, and no row is compared with a row that would show it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.comparing.names import written
from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.comparing.twins import Sides, may_be_twins, same_scores
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import CallSite, Comparison, Operand, Origin, Relation

__all__ = ["RANKING", "Gaps"]

Function = Callable[..., Any]

RANKING: frozenset[Function] = frozenset({F.margin_ranking_loss})
"""Losses of the gap between two scores."""
_GAPS: dict[Function, str] = {
    Tensor.sub: "a - b",
    Tensor.__sub__: "a - b",
    torch.sub: "a - b",
    F.margin_ranking_loss: "F.margin_ranking_loss",
}
_LENGTHS: frozenset[Function] = frozenset(
    {Tensor.norm, torch.norm, torch.linalg.norm, torch.linalg.vector_norm}
)
_SHIFTS: frozenset[Function] = frozenset({Tensor.add, Tensor.__add__, Tensor.__radd__, torch.add})
"""How a margin is added to one of them."""
IN_A_ROW = 8
"""Looks at one line that must all find one thing, as CD107 asks: a coin may fall so at first."""
MOST_LINES = 64


class Gaps:
    """Watches differences of one number a row, and tells of those that cannot but be zero.

    Nothing is told of a line before it was seen often enough, nor of one where two differed before
    that; of one that was told, differing ones are told as well.
    """

    def __init__(
        self,
        moment: Moment,
        provenance: Provenance,
        later: Later,
        emit: Callable[[Comparison], None],
    ) -> None:
        self._moment = moment
        self._provenance = provenance
        self._later = later
        self._emit = emit
        self._lengths: Trail[Known] = Trail()
        self._waiting: dict[CallSite, list[Comparison] | None] = {}  # None: they differed
        self._steps: dict[CallSite, set[int]] = {}
        self._told: set[CallSite] = set()

    def end_step(self) -> None:
        """Forget what no longer exists."""
        self._lengths.sweep()

    def seen(self, func: Function, args: tuple[Any, ...], result: Any) -> None:
        """Take note of a length of rows, or of a difference of two scores."""
        if func in _LENGTHS:
            first = args[0] if args else None
            if isinstance(first, Tensor) and isinstance(result, Tensor) and is_plain(first):
                known = self._provenance.of(first)
                if known is not None and result.shape[:1] == first.shape[:1]:
                    self._lengths.put(result, known)
        elif func in _SHIFTS and len(self._lengths):
            known = self._lengths.of(args[0]) if args and isinstance(args[0], Tensor) else None
            if known is not None and isinstance(result, Tensor):
                self._lengths.put(result, known)
        elif func in _GAPS and len(args) > 1:
            self._met(func, args[0], args[1])

    def _met(self, func: Function, left: Any, right: Any) -> None:
        if not (self._is_score(left) and self._is_score(right)) or left.shape != right.shape:
            return
        known = [self._known(side) for side in (left, right)]
        sides = Sides(known[0], known[1], (left.requires_grad, right.requires_grad), paired=True)
        frame = user_frame() if may_be_twins(sides) else None
        if frame is None or not all(sides.grads):
            return
        names = written(frame, func, ("input1", "input2"))
        operands = tuple(map(_operand, (left, right), names, sides.origins))
        site = site_of(frame)
        now = self._moment
        comparison = Comparison(now.step, now.forward, _GAPS[func], False, site, operands)
        self._later.put([], lambda _values: self._judge(comparison, sides))

    def _judge(self, comparison: Comparison, sides: Sides) -> None:
        site = comparison.site
        if site not in self._waiting and len(self._waiting) >= MOST_LINES:
            return
        waiting = self._waiting.setdefault(site, [])
        entered = same_scores(sides)
        if entered is None and site in self._told:
            self._emit(comparison)  # they differ by now: for the rule to see
            return
        if waiting is None or entered is None:
            self._waiting[site] = None
            return
        relation = Relation("same-input", 0, 1, site=entered)
        waiting.append(msgspec.structs.replace(comparison, relations=(relation,)))
        steps = self._steps.setdefault(site, set())
        steps.add(comparison.step)
        if len(steps) >= IN_A_ROW:
            self._told.add(site)
            for one in waiting:
                self._emit(one)
            waiting.clear()

    def _is_score(self, value: Any) -> bool:
        if not isinstance(value, Tensor) or not is_plain(value) or not value.dim():
            return False
        rows = value.shape[0]
        return rows == value.numel() > 1 and rows in self._moment.leads

    def _known(self, tensor: Tensor) -> Known | None:
        known = self._provenance.of(tensor)
        return self._lengths.of(tensor) if known is None else known


def _operand(tensor: Tensor, name: str, origin: Origin) -> Operand:
    return Operand(
        expression=name,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        requires_grad=tensor.requires_grad,
        origin=origin,
    )
