"""Comparisons as they happen: from a call the mode saw to an observation."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from itertools import combinations
from types import FrameType
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.byhand.operations import ACTS
from collapse_doctor.inspector.byhand.terms import Factor
from collapse_doctor.inspector.byhand.written import Handwritten
from collapse_doctor.inspector.comparing.anchored import Anchored
from collapse_doctor.inspector.comparing.anchored import Side as Held
from collapse_doctor.inspector.comparing.candidates import SIDE_BY_SIDE, Candidates
from collapse_doctor.inspector.comparing.carrying import carry
from collapse_doctor.inspector.comparing.causes import Causes, tell_all_rows
from collapse_doctor.inspector.comparing.encounters import Encounter
from collapse_doctor.inspector.comparing.gaps import RANKING, Gaps
from collapse_doctor.inspector.comparing.judging import COSINES, Judge, Meeting
from collapse_doctor.inspector.comparing.names import MOST_LEVELS, written
from collapse_doctor.inspector.comparing.provenance import Fingerprint, Known, Provenance
from collapse_doctor.inspector.comparing.relations import (
    relate_in_memory,
    rows_of,
)
from collapse_doctor.inspector.comparing.uses import Uses
from collapse_doctor.inspector.comparing.vocabulary import (
    CARRIERS,
    CLASSIFIERS,
    COMPARATORS,
    HEADS,
    Comparator,
)
from collapse_doctor.inspector.memory.captured import Captured
from collapse_doctor.inspector.memory.lost import Lost
from collapse_doctor.inspector.memory.writes import WRITERS
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, still, user_frame
from collapse_doctor.recording.observations import (
    Comparison,
    Operand,
    Relation,
    Use,
)

__all__ = ["SEEN", "Operands"]

SEEN: frozenset[Callable[..., Any]] = (
    frozenset(COMPARATORS)
    | frozenset(CARRIERS)
    | frozenset(HEADS)
    | frozenset(WRITERS)
    | frozenset(ACTS)
    | CLASSIFIERS
    | RANKING
    | SIDE_BY_SIDE
)
MOST_WAITING = 64
"""Comparisons that wait for the end of the step; in forward passes without any step it is long."""

PICKING = frozenset({"gather", "max", "amax"})
"""What takes one number of each row: an action's value, the log-probability of a class."""
KEPT = "a loss"
"""What is said to use a tensor that a hook keeps, whatever it is made of."""
SUBTRACTING = frozenset({"sub", "__sub__"})


class Operands:
    """Turns calls seen by the mode into :class:`Comparison` and :class:`Use` observations.

    What is known of operands, how they are written and what memory they share is read at the
    call. Their values are copied, and judged when they have come over from the device: ``later``
    where it takes what is known by then of earlier outputs, and else whenever there is time,
    by ``patient``.
    """

    def __init__(
        self,
        moment: Moment,
        provenance: Provenance,
        later: Later,
        patient: Later,
        emit: Callable[[Comparison | Use], None],
        lost: Lost,
    ) -> None:
        self._moment = moment
        self._provenance = provenance
        provenance.stores.follow(lambda: moment.step)
        self._later = later
        self._patient = patient
        self._emit = emit
        self.uses = Uses(later, emit)
        self._by_hand = Handwritten(moment, provenance, self._met_by_hand)
        self.captured = Captured(lambda: lost.listen(self._used))
        self._causes = Causes(provenance, self.captured, lost)
        self.corrupted = self._causes.corrupted
        self._anchored = Anchored(later, emit)
        self._gaps = Gaps(moment, provenance, later, emit)
        self._candidates = Candidates(moment, provenance, patient, emit)
        self._judge = Judge(provenance, emit)

    def begin(self, step: int) -> None:
        """Begin to look again, at ``step``; of the steps before it nothing is known."""
        self._judge.begin(step)

    def end_step(self) -> None:
        """Let go of what was in between when the step was over."""
        self._by_hand.end_step()
        self._causes.end_step()
        self._anchored.end_step()
        self._gaps.end_step()
        self._candidates.end_step()

    def seen(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in ``SEEN``. Every tensor read is detached first."""
        self._causes.seen(func, args, kwargs)
        self._gaps.seen(func, args, result)
        if func in SIDE_BY_SIDE:
            self._candidates.seen(func, args, kwargs, result)
        if func in ACTS:
            self._by_hand.seen(func, args, kwargs, result)
        if func in COMPARATORS:
            self._compared(func, COMPARATORS[func], args, kwargs)
        elif func in CLASSIFIERS:
            logits = args[0] if args else kwargs.get("input")
            if isinstance(logits, Tensor) and is_plain(logits):
                self.uses.classified(logits, self._provenance.of(logits), func)
        elif func in HEADS:
            carry(self._provenance, HEADS[func], args[:1], result)
        elif func in CARRIERS:
            first = args[0] if args else None
            if isinstance(first, Tensor) and is_plain(first):
                self._looked_at(first, func, args, kwargs)
                if CARRIERS[func] in SUBTRACTING and len(args) > 1:
                    self._taken_off(first, args[1])
            carry(self._provenance, CARRIERS[func], args, result)
            self.corrupted.carried(args, result)

    def _used(self, _func: Any, args: tuple[Any, ...], _kwargs: Any, result: Any) -> None:
        """Tell of a tensor that a hook keeps, and that is used after it was written over."""
        used = self.captured.used(args, result)
        if used is None:
            return
        known = self._provenance.of(used.tensor)
        what = _operand(used.tensor, used.name, known)
        cause = Relation("overwritten", 0, 1, site=used.site, operation=used.operation)
        self._emit(
            Comparison(
                step=self._moment.step,
                forward=self._moment.forward,
                function=KEPT,
                paired=False,
                site=used.meets,
                operands=(what, what),
                relations=(cause,),
            )
        )

    def _looked_at(
        self,
        tensor: Tensor,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        """Note a loss written by hand: rows normalised, one number picked."""
        known = self._provenance.of(tensor)
        if known is None:
            return
        operation = CARRIERS[func]
        if operation == "normalize":
            eps = kwargs.get("eps", args[3] if len(args) > 3 else 1e-12)
            self.uses.directed(known, float(eps) if isinstance(eps, int | float) else None)
        elif _picks(operation, tensor, known, args):
            self.uses.classified(tensor, known, func)

    def _taken_off(self, one: Tensor, other: Any) -> None:
        """Note an error written by hand: numbers less an output, or an output less numbers.

        They have one shape, or each number is held against many of its row, as by quantiles.
        """
        if not isinstance(other, Tensor) or not is_plain(other) or not one.dim():
            return
        if one.shape == other.shape or _is_each_against_many(one, other):
            sides = (one, other)
            self.uses.subtracted(sides, [self._provenance.of(side) for side in sides])

    def _compared(
        self,
        func: Callable[..., Any],
        comparator: Comparator,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        tensors = comparator.bind(args, kwargs)
        frame = user_frame()
        if frame is None or not all(isinstance(t, Tensor) and is_plain(t) for t in tensors):
            return
        names = written(frame, func, comparator.operands)
        known = [self._provenance.of(tensor) for tensor in tensors]
        self.uses.compared(comparator, tensors, known, comparator.eps(args, kwargs))
        # A product of an embedding with anything is no comparison of embeddings.
        if comparator.paired or all(known):
            self._met(
                comparator, frame, tensors, names, known, comparator.feature_dim(args, kwargs)
            )

    def _met(
        self,
        comparator: Comparator,
        frame: FrameType,
        tensors: list[Tensor],
        names: list[str],
        known: list[Known | None],
        dim: int,
    ) -> None:
        # Shapes that broadcast compare all pairs, or one row with many: nothing is row-paired.
        paired = comparator.paired and all(t.shape == tensors[0].shape for t in tensors)
        comparison = Comparison(
            step=self._moment.step,
            forward=self._moment.forward,
            function=comparator.name,
            paired=paired,
            site=site_of(frame),
            operands=tuple(map(_operand, tensors, names, known)),
        )
        if not paired or any(t.device != tensors[0].device for t in tensors):
            clue = self._causes.clue((0, 1), tensors, known, names, None)
            tell_all_rows(comparison, clue, tensors, comparator, self._patient, self._emit)
            return
        places = list(combinations(range(len(tensors)), 2))
        here = still(frame, MOST_LEVELS)
        clue_of = functools.partial(self._causes.clue, by_direction=comparator.name in COSINES)
        meeting = Meeting(
            comparison,
            self._moment.now(),
            names,
            known,
            [None if one else Fingerprint(t) for t, one in zip(tensors, known, strict=True)],
            {(i, j): relate_in_memory(tensors[i], tensors[j]) for i, j in places},
            here,
            [clue_of(place, tensors, known, names, here) for place in places],
            kept=tuple(map(self._provenance.stores.of, tensors)),
        )
        if len(tensors) == 2:
            self._note_anchors(meeting, [weakref.ref(tensor) for tensor in tensors])
        rows = [rows_of(tensor, dim).clone() for tensor in tensors]
        later = self._later if any(meeting.prints) else self._patient
        later.put(rows, functools.partial(self._judge.judge, meeting))
        if len(self._later) > MOST_WAITING:
            self._later.work_off()

    def _met_by_hand(self, met: Encounter, *sides: Factor) -> None:
        """Take in a comparison that was recognised in several operations."""
        names, known = list(met.names), list(met.known)
        if met.kind != "soft" and met.weighing is None:  # logits are no embeddings
            self.uses.met(known, by_direction=met.kind != "difference")
        comparison = Comparison(
            step=self._moment.step,
            forward=self._moment.forward,
            function=met.function,
            paired=True,
            site=site_of(met.frame),
            operands=tuple(
                _operand(side.values, name, side.known, side.requires_grad)
                for side, name in zip(sides, names, strict=True)
            ),
        )
        prints = [
            Fingerprint(side.values) if side.known is None and not side.requires_grad else None
            for side in sides
        ]
        grads = (sides[0].requires_grad, sides[1].requires_grad)
        values = [side.values for side in sides]
        objects = [side.itself() for side in sides]
        clue = self._causes.clue(
            (0, 1), values, known, names, met.frame, grads=grads, objects=objects
        )
        now = self._moment.now()
        kept = tuple(self._provenance.stores.of(side) for side in values)
        meeting = Meeting(comparison, now, names, known, prints, {}, met.frame, [clue], met, kept)
        if met.weighing is None:  # whether they met is known later
            self._note_anchors(meeting, [side.itself for side in sides])
        later = self._later if any(prints) else self._patient
        later.put(met.rows, functools.partial(self._judge.by_hand, meeting, met))
        if len(self._later) > MOST_WAITING:
            self._later.work_off()

    def _note_anchors(self, meeting: Meeting, tensors: list[weakref.ref[Tensor]]) -> None:
        one, other = (
            Held(itself, known, operand)
            for itself, known, operand in zip(
                tensors, meeting.known, meeting.comparison.operands, strict=True
            )
        )
        self._anchored.met(meeting.comparison, (one, other), meeting.frame)


def _is_each_against_many(one: Tensor, other: Tensor) -> bool:
    """Tell whether numbers of a row are held against all numbers of the same row.

    One of the two has but one number where the other has many: these are no vectors, of which one
    would be held against others. Rows are met by rows, so it is no table of all of them either.
    """
    if one.dim() != other.dim() or one.dim() < 2 or len(one) != len(other):
        return False
    widths = (one.shape[-1], other.shape[-1])
    return min(widths) == 1 < max(widths)


def _picks(operation: str, tensor: Tensor, known: Known, args: tuple[Any, ...]) -> bool:
    """Tell whether one number is taken of each row, as only a classifier's or critic's can be."""
    by_position = operation in PICKING and tensor.dim() == 2 and len(args) > 1
    of_logarithms = operation == "__getitem__" and known.origin.path[-1:] == ("log_softmax",)
    return by_position or of_logarithms


def _operand(
    tensor: Tensor, name: str, known: Known | None, requires_grad: bool | None = None
) -> Operand:
    call = known.run.call if known is not None and known.run is not None else None
    return Operand(
        expression=name,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        requires_grad=tensor.requires_grad if requires_grad is None else requires_grad,
        origin=known.origin if known is not None else None,
        called=call.callee if call is not None else "",
    )
