"""Two passes over equal inputs whose outputs one loss draws in opposite directions.

Real and corrupted, in order and shuffled, next and not next: such outputs are never compared with
each other. Where what was to tell them apart does nothing, each row is drawn one way as the one and
the other way as the other, and what comes back cancels but for its size.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import torch
from torch import Tensor

from collapse_doctor.inspector.comparing.provenance import Known
from collapse_doctor.inspector.comparing.twins import Sides, entered_twice
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.recording.observations import (
    CallSite,
    Comparison,
    Operand,
    Reach,
    Relation,
)

__all__ = ["Drawn", "Opposed", "rows_of"]

FUNCTION = "a loss whose terms draw them opposite ways"
"""What meets in it, in a finding that says "when … compares them"."""
MOST_ROWS = 32
MOST_WIDTH = 256
"""Rows of a gradient, and numbers of each, that are kept until the step is over."""
MOST_PASSES = 4
LEAST_ROWS = 8
"""Rows with a gradient on both sides: signs of single numbers agree so by chance once in 256."""
SHARE = 0.5
"""Share of the rows that must have one; a hinge leaves out what it is content with."""
ROUNDING = 1e-3
"""How far from -1 a cosine may be. Errors of a share e of each number turn a vector by e at most,
and its cosine by e²/2: this admits 4 %, ten times the rounding of bfloat16, the coarsest."""
IN_A_ROW = 8
"""Looks that must all find it, as CD107 asks: a corruption may be left out by a coin."""
MOST_LINES = 64


class Drawn(NamedTuple):
    """One output, and some ``rows`` of the gradient that ``task``, one ``backward``, brought it."""

    reach: Reach
    known: Known
    shape: tuple[int, ...]
    rows: Tensor
    task: int


def rows_of(gradient: Tensor) -> Tensor:
    """Return some numbers of some rows of a gradient, in memory of their own; nothing is read."""
    few = gradient.detach()[:MOST_ROWS]
    return few.reshape(len(few), -1)[:, :MOST_WIDTH].clone()


class Opposed:
    """Tells of such passes, once it was so in several looks and never otherwise.

    Where it was told, what is otherwise is told as well: a corruption may grow from nought.

    Both gradients must come of one ``backward``, and both inputs take a gradient or neither: a
    discriminator is given one picture twice, cut for its own loss and whole for the generator's.
    """

    def __init__(self, later: Later, emit: Callable[[Comparison], None]) -> None:
        self._later = later
        self._emit = emit
        self._waiting: dict[CallSite, list[Comparison] | None] = {}  # None: it was otherwise
        self._told: set[CallSite] = set()

    def end_step(self, outputs: Iterable[Drawn]) -> None:
        """Look for two passes of one model in the step that is over."""
        groups: dict[tuple[str, str, int, int], list[Drawn]] = {}
        for each in outputs:
            key = (each.reach.model, each.reach.layer, each.reach.step, each.task)
            groups.setdefault(key, []).append(each)
        for group in groups.values():
            for one, other in itertools.combinations(group[:MOST_PASSES], 2):
                if one.shape == other.shape:
                    self._later.put([one.rows, other.rows], partial(self._judge, one, other))

    def _judge(self, one: Drawn, other: Drawn, values: Sequence[Tensor]) -> None:
        entered = entered_twice(Sides(one.known, other.known, (True, True), paired=True))
        made = other.known.made
        if made is None or (made not in self._waiting and len(self._waiting) >= MOST_LINES):
            return
        waiting = self._waiting.setdefault(made, [])
        cosine = _opposed(values[0].double(), values[1].double()) if entered is not None else None
        comparison = Comparison(
            other.reach.step,
            other.reach.forward,
            FUNCTION,
            paired=True,
            site=made,
            operands=(_operand(one, values[0]), _operand(other, values[1])),
        )
        if cosine is None and made in self._told:
            self._emit(comparison)  # it is otherwise by now: for the rule to see
            return
        if waiting is None or cosine is None:
            self._waiting[made] = None
            return
        relation = Relation("same-input", 0, 1, cosine=cosine, site=entered)
        waiting.append(msgspec.structs.replace(comparison, relations=(relation,)))
        if made in self._told or len({each.step for each in waiting}) >= IN_A_ROW:
            self._told.add(made)
            for each in waiting:
                self._emit(each)
            waiting.clear()


def _opposed(one: Tensor, other: Tensor) -> float | None:
    """Return the cosine farthest from -1 of two gradients (n, d), row by row; None if it is far."""
    lengths = one.norm(dim=1), other.norm(dim=1)
    drawn = (lengths[0] > 0) & (lengths[1] > 0)
    rows = int(drawn.sum())
    if rows < LEAST_ROWS or rows < SHARE * len(one):
        return None
    cosines = torch.cosine_similarity(one[drawn], other[drawn], dim=1, eps=0.0)
    worst = float(cosines.max())
    return worst if worst <= ROUNDING - 1 else None


def _operand(side: Drawn, gradient: Tensor) -> Operand:
    call = side.known.run.call if side.known.run is not None else None
    written = f"{call.callee}({', '.join(call.arguments)})" if call is not None else ""
    return Operand(
        expression=written,
        shape=side.shape,
        dtype=str(gradient.dtype).removeprefix("torch."),
        requires_grad=True,
        origin=side.known.origin,
        called=call.callee if call is not None else "",
    )
