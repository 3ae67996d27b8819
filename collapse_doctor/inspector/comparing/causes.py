"""What lies behind a relation of two operands: one input, one network, or a later write.

Asked twice about each comparison: when the operands meet, for what can be told without reading a
value, and again when their values have come over from the device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import torch
from torch import Tensor

from collapse_doctor.inspector.comparing.names import roots_of
from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.comparing.relations import Related, relate_values, rows_of
from collapse_doctor.inspector.comparing.twins import (
    Sides,
    crossed_towers,
    is_bound,
    is_forgotten,
    may_be_twins,
    one_network,
    rows_to_pair,
    same_input,
)
from collapse_doctor.inspector.comparing.vocabulary import Comparator
from collapse_doctor.inspector.memory.captured import Captured
from collapse_doctor.inspector.memory.corrupted import Corrupted
from collapse_doctor.inspector.memory.lost import Lost
from collapse_doctor.inspector.memory.overwriting import (
    Held,
    Overwriting,
    find_overwriting,
    holds,
    note_write,
)
from collapse_doctor.inspector.memory.reused import Reused, Twins
from collapse_doctor.inspector.memory.unnoticed import given_back
from collapse_doctor.inspector.memory.writes import WRITERS, Write
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import Still
from collapse_doctor.recording.observations import CallSite, Comparison, Relation, RelationKind

__all__ = ["Causes", "Clue", "resolution", "tell_all_rows"]

Place = tuple[int, int]

EVAL_MODE = "eval mode"
"""What is said to have made two passes over one object equal: nothing random is left."""
FORGOTTEN = "forgotten input"
"""What is said of one pass that was given two inputs and used one of them twice."""
OF_THE_OTHER = "input of the other"
"""What is said of a network that was given what by its name is for another one."""


@dataclass(frozen=True)
class Clue:
    """Two operands of one comparison, as far as they can be told without reading a value."""

    place: Place
    sides: Sides
    held: tuple[Held, Held]
    frame: Still | None
    reused: Twins | None = None
    by_direction: bool = False
    changes: tuple[Write, ...] = ()
    lost: Overwriting | None = None

    @property
    def needs_values(self) -> bool:
        """Whether it takes the operands' values to tell more."""
        return may_be_twins(self.sides)

    def relations(self, related: Related | None, eps: float) -> list[Relation]:
        """Return the causes that are known of, now that values are.

        Parameters
        ----------
        related
            How the operands are related, if they are.
        eps
            Distance from 1 to the next number of the precision they are stored in.
        """
        found = []
        network = one_network(self.sides) if self.sides.paired else None
        if network is not None:
            found.append(self._relation("one-network", network))
        elif (crossed := crossed_towers(self.sides)) is not None:
            found.append(self._relation("same-input", crossed, OF_THE_OTHER))
        else:
            entered = same_input(self.sides, related, eps)
            if entered is not None:
                how = EVAL_MODE if is_bound(self.sides) else ""
                how = FORGOTTEN if is_forgotten(self.sides) else how
                found.append(self._relation("same-input", entered, how))
        written = find_overwriting(*self.held, related, self.frame, by_direction=self.by_direction)
        if written is not None:
            found.append(self._relation("overwritten", written.site, written.operation))
        elif self.reused is not None:
            (site, operation), twin = self.reused
            found.append(self._relation("overwritten", site, operation, twin))
        elif self.lost is not None:
            found.append(self._relation("overwritten", self.lost.site, self.lost.operation))
        return found

    def given_back(self, related: Related, lines: Sequence[CallSite]) -> list[Relation]:
        """Return the in-place operation whose result was given a name of its own, if that was it.

        Parameters
        ----------
        related, lines
            How the operands are one thing, and the lines that made them so.
        """
        if related.kind not in ("same-object", "shared-storage", "equal"):
            return []
        places = {(line.file, line.line) for line in lines}
        if self.frame is not None and self.changes:
            names = (self.held[0].name, self.held[1].name)
            places |= {(line.file, line.line) for line in roots_of(self.frame, *names)}
        for write in reversed(self.changes):
            if (write.site.file, write.site.line) in places:
                return [self._relation("overwritten", write.site, write.operation)]
        return []

    def _relation(
        self, kind: RelationKind, site: CallSite | None, operation: str = "", twin: str = ""
    ) -> Relation:
        return Relation(kind, *self.place, site=site, operation=operation, twin=twin)


class Causes:
    """Notes what is written in place, and keeps a :class:`Clue` of each pair of operands."""

    def __init__(self, provenance: Provenance, captured: Captured, lost: Lost) -> None:
        self._provenance = provenance
        self._captured = captured
        self._lost = lost
        self._reused = Reused()
        self.corrupted = Corrupted()

    def end_step(self) -> None:
        """Forget what was compared in the step that is over."""
        self._reused.end_step()
        self._captured.sweep()
        self._lost.end_step()
        self.corrupted.end_step()

    def seen(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Take note of a call that writes into its first argument."""
        if func in WRITERS:
            note_write(self._provenance, func, args, kwargs, self._captured)
            self.corrupted.seen(func, args, kwargs)

    def clue(
        self,
        place: Place,
        tensors: Sequence[Tensor],
        known: Sequence[Known | None],
        names: Sequence[str],
        frame: Still | None,
        *,
        grads: tuple[bool, bool] | None = None,
        by_direction: bool = False,
        objects: Sequence[Tensor | None] | None = None,
    ) -> Clue:
        """Return what can be told of the operands at ``place`` while they are here.

        ``frame`` is where they met, None if all rows meet all. ``grads`` tells which of the two
        take a gradient, and ``objects`` are the operands where these exist still, if ``tensors``
        are not the operands themselves; ``by_direction`` tells whether lengths do not count.
        """
        left, right = place
        grads = grads or (tensors[left].requires_grad, tensors[right].requires_grad)
        held = [
            holds(self._provenance, tensors[i], known[i], names[i], self._captured) for i in place
        ]
        sides = Sides(known[left], known[right], grads, paired=frame is not None)
        reused = None
        if frame is not None:
            both = (self._reused.find(one, frame) for one in held)
            reused = next((one for one in list(both) if one is not None), None)
        operands = [(objects or tensors)[i] for i in place]
        texts = [names[i] for i in place]
        lost = self._lost_among(operands, texts, frame)
        lost = lost or self.corrupted.of(operands, texts, frame)
        changes = given_back(self._provenance.writes.recent(), known[left], known[right])
        return Clue(place, sides, (held[0], held[1]), frame, reused, by_direction, changes, lost)

    def _lost_among(
        self, operands: Sequence[Tensor | None], names: Sequence[str], frame: Still | None
    ) -> Overwriting | None:
        """Return what was written over an operand before anybody had read it."""
        if not self._lost.is_armed:
            return None
        for tensor, name in zip(operands, names, strict=True):
            if tensor is not None and frame is not None:
                self._lost.compared(tensor, frame, name)
        found = (self._lost.of(tensor) for tensor in operands)
        return next((one for one in found if one is not None), None)


def tell_all_rows(
    comparison: Comparison,
    clue: Clue,
    tensors: Sequence[Tensor],
    comparator: Comparator,
    later: Later,
    emit: Callable[[Comparison], None],
) -> None:
    """Emit a comparison of all rows with all, with what lies behind its two operands.

    That the rows of one are those of the other is meant there, unless they were to be two views:
    only then values are waited for.
    """

    def tell(related: Related | None, eps: float) -> None:
        found = tuple(clue.relations(related, eps))
        emit(msgspec.structs.replace(comparison, relations=found) if found else comparison)

    def judge(values: list[Tensor]) -> None:
        tell(relate_values(values[0], values[1], one_side_cut=False), resolution(values))

    pair = rows_to_pair(tensors[0], tensors[1], product=comparator.is_product)
    if pair is None or not clue.needs_values:
        tell(None, 0.0)
    else:
        later.put([rows_of(side).clone() for side in pair], judge)


def resolution(rows: Sequence[Tensor]) -> float:
    """Return the distance from 1 to the next number in the coarsest of some stored precisions."""
    return max((torch.finfo(t.dtype).eps for t in rows if t.is_floating_point()), default=0.0)
