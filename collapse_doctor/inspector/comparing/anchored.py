"""Two things that are held against one anchor, as positive and negative are, and are one.

``(u * i).sum(1) - (u * j).sum(1)`` never compares ``i`` with ``j``. Where both came of two passes
over equal inputs, the difference is zero whatever is learned. The same is true of two scores that
a model gave itself, ``model(u, i) - model(u, j)``: of them nothing but their gap is seen.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from collapse_doctor.inspector.comparing.provenance import Known
from collapse_doctor.inspector.comparing.twins import Sides, same_views
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import Still
from collapse_doctor.recording.observations import Comparison, Operand, Relation

__all__ = ["Anchored", "Side"]

MOST_ANCHORS = 64
MOST_OTHERS = 4


class Side(NamedTuple):
    """One operand: its tensor, held weakly, what is known of it, and how it is recorded."""

    itself: weakref.ref[Tensor]
    known: Known | None
    operand: Operand


class _Met(NamedTuple):
    other: Side
    function: str
    code: int


class Anchored:
    """Remembers what was held against each operand in the present step."""

    def __init__(self, later: Later, emit: Callable[[Comparison], None]) -> None:
        self._later = later
        self._emit = emit
        self._met: dict[int, tuple[weakref.ref[Tensor], list[_Met]]] = {}

    def end_step(self) -> None:
        """Forget what met in the step that is over."""
        self._met.clear()

    def met(self, comparison: Comparison, sides: tuple[Side, Side], frame: Still) -> None:
        """Take note of two operands; tell of a third that one of them met, and the other is.

        The anchor need not be an output of a watched model, where it learns: a user's vector
        beside a watched tower of items.
        """
        for anchor, other in (sides, sides[::-1]):
            tensor = anchor.itself()
            if tensor is None or other.known is None:
                continue
            if anchor.known is None and not anchor.operand.requires_grad:
                continue
            itself, before = self._met.get(id(tensor), (anchor.itself, []))
            if itself() is not tensor:  # the identity was used again
                itself, before = anchor.itself, []
            now = _Met(other, comparison.function, id(frame.f_code))
            for earlier in before:
                if earlier[1:] == now[1:]:
                    self.compare(comparison, earlier.other, other)
            if len(before) < MOST_OTHERS and len(self._met) < MOST_ANCHORS:
                self._met[id(tensor)] = (itself, [*before, now])

    def compare(self, comparison: Comparison, one: Side, other: Side) -> None:
        """Tell of two things that should differ, if they came of equal inputs."""
        grads = (one.operand.requires_grad, other.operand.requires_grad)
        sides = Sides(one.known, other.known, grads, paired=True)
        runs = sides.runs
        if runs is None or runs[0] is runs[1] or one.operand.shape != other.operand.shape:
            return

        def judge(_values: object) -> None:
            entered = same_views(sides)
            if entered is not None:
                relation = Relation("same-input", 0, 1, site=entered)
                self._emit(_between(comparison, one.operand, other.operand, relation))

        self._later.put([], judge)


def _between(
    comparison: Comparison, one: Operand, other: Operand, relation: Relation
) -> Comparison:
    return Comparison(
        comparison.step,
        comparison.forward,
        comparison.function,
        comparison.paired,
        comparison.site,
        (one, other),
        (relation,),
    )
