"""Comparisons as they happen: from a call the mode saw to an observation."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import FrameType
from typing import Any

import msgspec
from torch import Tensor

from collapse_doctor.inspector.byhand.operations import ACTS
from collapse_doctor.inspector.byhand.terms import Factor
from collapse_doctor.inspector.byhand.written import Handwritten
from collapse_doctor.inspector.comparing.anchored import Anchored
from collapse_doctor.inspector.comparing.anchored import Side as Held
from collapse_doctor.inspector.comparing.birthplaces import births, kept_line
from collapse_doctor.inspector.comparing.carrying import carry
from collapse_doctor.inspector.comparing.causes import Causes, Clue, resolution, tell_all_rows
from collapse_doctor.inspector.comparing.encounters import Encounter
from collapse_doctor.inspector.comparing.gaps import RANKING, Gaps
from collapse_doctor.inspector.comparing.kinship import (
    Now,
    Side,
    descends,
    has_trained,
    kinship,
    past_of,
    relation,
)
from collapse_doctor.inspector.comparing.names import MOST_LEVELS, written
from collapse_doctor.inspector.comparing.provenance import CUTTING, Fingerprint, Known, Provenance
from collapse_doctor.inspector.comparing.relations import (
    Related,
    mean_cosine,
    of_one_column,
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
from collapse_doctor.inspector.memory.stores import Kept
from collapse_doctor.inspector.memory.writes import WRITERS
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import Still, site_of, still, user_frame
from collapse_doctor.recording.observations import (
    CallSite,
    Comparison,
    Operand,
    Past,
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
)
MOST_WAITING = 64
"""Comparisons that wait for the end of the step; in forward passes without any step it is long."""

PICKING = frozenset({"gather", "max", "amax"})
"""What takes one number of each row: an action's value, the log-probability of a class."""
SUBTRACTING = frozenset({"sub", "__sub__"})
COSINES = frozenset({"F.cosine_similarity", "F.cosine_embedding_loss"})

Place = tuple[int, int]


@dataclass(frozen=True)
class _Meeting:
    """A comparison of paired rows, as far as it can be told without reading a value."""

    comparison: Comparison
    now: Now
    names: list[str]
    known: list[Known | None]
    prints: list[Fingerprint | None]
    in_memory: dict[Place, Related | None]
    frame: Still
    clues: list[Clue]
    by_hand: Encounter | None = None
    kept: tuple[Kept | None, ...] = (None, None, None)


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
    ) -> None:
        self._moment = moment
        self._provenance = provenance
        provenance.stores.follow(lambda: moment.step)
        self._later = later
        self._patient = patient
        self._emit = emit
        self._uses = Uses(later, emit)
        self._by_hand = Handwritten(moment, provenance, self._met_by_hand)
        self.captured = Captured()
        self._causes = Causes(provenance, self.captured)
        self._anchored = Anchored(later, emit)
        self._gaps = Gaps(moment, provenance, later, emit)
        self._begun = 0
        self._unproved: dict[tuple[CallSite, str], tuple[Comparison, Now]] = {}
        self._proved: set[tuple[CallSite, str]] = set()

    def begin(self, step: int) -> None:
        """Begin to look again, at ``step``; of the steps before it nothing is known."""
        self._begun = step

    def end_step(self) -> None:
        """Let go of what was in between when the step was over."""
        self._by_hand.end_step()
        self._causes.end_step()
        self._anchored.end_step()
        self._gaps.end_step()

    def seen(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in ``SEEN``. Every tensor read is detached first."""
        self._causes.seen(func, args, kwargs)
        self._gaps.seen(func, args, result)
        if func in ACTS:
            self._by_hand.seen(func, args, kwargs, result)
        if func in COMPARATORS:
            self._compared(func, COMPARATORS[func], args, kwargs)
        elif func in CLASSIFIERS:
            logits = args[0] if args else kwargs.get("input")
            if isinstance(logits, Tensor) and is_plain(logits):
                self._uses.classified(logits, self._provenance.of(logits), func)
        elif func in HEADS:
            carry(self._provenance, HEADS[func], args[:1], result)
        elif func in CARRIERS:
            first = args[0] if args else None
            if isinstance(first, Tensor) and is_plain(first):
                self._looked_at(first, func, args, kwargs)
                if CARRIERS[func] in SUBTRACTING and len(args) > 1:
                    self._taken_off(first, args[1])
            carry(self._provenance, CARRIERS[func], args, result)

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
            self._uses.directed(known, float(eps) if isinstance(eps, int | float) else None)
        elif _picks(operation, tensor, known, args):
            self._uses.classified(tensor, known, func)

    def _taken_off(self, one: Tensor, other: Any) -> None:
        """Note an error written by hand: numbers less an output, or an output less numbers.

        They have one shape, or each number is held against many of its row, as by quantiles.
        """
        if not isinstance(other, Tensor) or not is_plain(other) or not one.dim():
            return
        if one.shape == other.shape or _is_each_against_many(one, other):
            sides = (one, other)
            self._uses.subtracted(sides, [self._provenance.of(side) for side in sides])

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
        self._uses.compared(comparator, tensors, known, comparator.eps(args, kwargs))
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
        meeting = _Meeting(
            comparison,
            self._moment.now(),
            names,
            known,
            [None if one else Fingerprint(t) for t, one in zip(tensors, known, strict=True)],
            {(i, j): relate_in_memory(tensors[i], tensors[j]) for i, j in places},
            here,
            [self._causes.clue(place, tensors, known, names, here) for place in places],
            kept=tuple(map(self._provenance.stores.of, tensors)),
        )
        if len(tensors) == 2:
            self._note_anchors(meeting, [weakref.ref(tensor) for tensor in tensors])
        rows = [rows_of(tensor, dim).clone() for tensor in tensors]
        later = self._later if any(meeting.prints) else self._patient
        later.put(rows, functools.partial(self._judge, meeting))
        if len(self._later) > MOST_WAITING:
            self._later.work_off()

    def _met_by_hand(self, met: Encounter, *sides: Factor) -> None:
        """Take in a comparison that was recognised in several operations."""
        names, known = list(met.names), list(met.known)
        if met.kind != "soft" and met.weighing is None:  # logits are no embeddings
            self._uses.met(known, by_direction=met.kind != "difference")
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
        clue = self._causes.clue((0, 1), values, known, names, met.frame, grads=grads)
        now = self._moment.now()
        kept = tuple(self._provenance.stores.of(side) for side in values)
        meeting = _Meeting(comparison, now, names, known, prints, {}, met.frame, [clue], met, kept)
        if met.weighing is None:  # whether they met is known later
            self._note_anchors(meeting, [side.itself for side in sides])
        later = self._later if any(prints) else self._patient
        later.put(met.rows, functools.partial(self._judge_by_hand, meeting, met))
        if len(self._later) > MOST_WAITING:
            self._later.work_off()

    def _note_anchors(self, meeting: _Meeting, tensors: list[weakref.ref[Tensor]]) -> None:
        one, other = (
            Held(itself, known, operand)
            for itself, known, operand in zip(
                tensors, meeting.known, meeting.comparison.operands, strict=True
            )
        )
        self._anchored.met(meeting.comparison, (one, other), meeting.frame)

    def _judge_by_hand(self, meeting: _Meeting, met: Encounter, rows: list[Tensor]) -> None:
        exist, in_memory = met.settle(rows)
        if exist:
            meeting.in_memory[0, 1] = in_memory
            self._judge(meeting, rows[:2])

    def _judge(self, meeting: _Meeting, rows: list[Tensor]) -> None:
        """Say how the operands of one comparison are related, now that their values are here."""
        operands = zip(
            meeting.names,
            meeting.known,
            meeting.comparison.operands,
            meeting.prints,
            rows,
            meeting.kept,
            strict=False,
        )
        sides = [
            Side(name, known, operand.shape, operand.requires_grad, seal, values, kept)
            for name, known, operand, seal, values, kept in operands
        ]
        relations: list[Relation] = []
        lines: list[CallSite] = []
        proved = True
        eps = resolution(rows)
        for clue, (place, in_memory) in zip(meeting.clues, meeting.in_memory.items(), strict=True):
            left, right = sides[place[0]], sides[place[1]]
            related = kinship(left, right, in_memory, meeting.now, self._provenance)
            if related is None and _by_direction(meeting.comparison):
                related = of_one_column(left.rows, right.rows)
            by_hand = meeting.by_hand
            if by_hand is not None and related is not None and not by_hand.admits(related):
                related = None  # it is meant
            if related is not None:
                pair = (left, right)
                relations.append(relation(related, place, pair, meeting.now, self._provenance))
                lines += births(meeting.frame, left, right, related)
                proved = proved and descends(related, left, right)
                proved = proved and (by_hand is None or not by_hand.must_recur)
            relations += clue.relations(related, eps)
        comparison = msgspec.structs.replace(
            meeting.comparison,
            relations=tuple(relations),
            births=tuple(dict.fromkeys(lines)),
            similarity=mean_cosine(rows[0], rows[1]),
            past=_past(relations, sides, meeting),
        )
        if meeting.by_hand is None or meeting.by_hand.keeps(comparison):
            self._tell(comparison, meeting.now, proved)

    def _tell(self, comparison: Comparison, now: Now, proved: bool) -> None:
        if not comparison.relations and self._may_be_of_before(comparison):
            return
        key = (comparison.site, _kinds(comparison.relations))
        if not proved and key not in self._proved:
            first, before = self._unproved.setdefault(key, (comparison, now))
            if first.step == comparison.step or not has_trained(before, now):
                return
            self._proved.add(key)
            self._emit(first)
        self._emit(comparison)

    def _may_be_of_before(self, comparison: Comparison) -> bool:
        """Tell whether an operand may be older than the look: then nothing found means nothing."""
        first = 0 < self._begun == comparison.step
        strange = (op.origin is None and not op.requires_grad for op in comparison.operands)
        return first and any(strange)


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


def _past(relations: list[Relation], sides: list[Side], meeting: _Meeting) -> Past | None:
    """Return what one of two operands keeps of earlier steps, unless it is this step's other one.

    Whether old rows are those of other samples is told by a test that errs now and then.
    """
    if len(sides) != 2 or any(each.kind != "stale" for each in relations):
        return None
    past = past_of(sides[0], sides[1], meeting.now)
    if past is None or past.is_store:
        return past
    known = sides[past.operand].known
    if known is not None and known.site_of(CUTTING) is not None:
        return past
    line = kept_line(meeting.frame, sides[past.operand].name)
    return msgspec.structs.replace(past, site=line) if line is not None else past


def _by_direction(comparison: Comparison) -> bool:
    """Tell whether a call of torch's compares directions, of something that learns."""
    learns = any(operand.requires_grad for operand in comparison.operands)
    return learns and comparison.function in COSINES


def _kinds(relations: Sequence[Relation]) -> str:
    return "+".join(sorted(relation.kind for relation in relations))


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
