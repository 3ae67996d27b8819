"""Two things that are held against one anchor, as positive and negative are, and are one.

``(u * i).sum(1) - (u * j).sum(1)`` never compares ``i`` with ``j``. Where both came of two passes
over equal inputs, the difference is zero whatever is learned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from collapse_doctor.inspector.comparing.provenance import Known
from collapse_doctor.inspector.comparing.twins import Sides, same_views
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import Still
from collapse_doctor.recording.observations import Comparison, Operand, Relation

__all__ = ["Anchored", "Side"]

MOST_ANCHORS = 64
MOST_OTHERS = 4


class Side(NamedTuple):
    """One operand: the identity of its tensor, what is known of it, and how it is recorded."""

    identity: int
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
        self._met: dict[int, tuple[Known, list[_Met]]] = {}

    def end_step(self) -> None:
        """Forget what met in the step that is over."""
        self._met.clear()

    def met(self, comparison: Comparison, sides: tuple[Side, Side], frame: Still) -> None:
        """Take note of two operands; tell of a third that one of them met, and the other is."""
        for anchor, other in (sides, sides[::-1]):
            if anchor.known is None or other.known is None:
                continue
            known, before = self._met.get(anchor.identity, (anchor.known, []))
            if known is not anchor.known:  # the identity was used again
                before = []
            now = _Met(other, comparison.function, id(frame.f_code))
            for earlier in before:
                if earlier[1:] == now[1:]:
                    self._compare(comparison, earlier.other, other)
            if len(before) < MOST_OTHERS and len(self._met) < MOST_ANCHORS:
                self._met[anchor.identity] = (anchor.known, [*before, now])

    def _compare(self, comparison: Comparison, one: Side, other: Side) -> None:
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
