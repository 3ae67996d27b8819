"""What a comparison turns out to be, once the values of its operands have come over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
from torch import Tensor

from collapse_doctor.inspector.comparing.birthplaces import births, kept_line
from collapse_doctor.inspector.comparing.causes import Clue, resolution
from collapse_doctor.inspector.comparing.encounters import Encounter
from collapse_doctor.inspector.comparing.kinship import (
    Now,
    Side,
    descends,
    has_trained,
    kinship,
    past_of,
    relation,
)
from collapse_doctor.inspector.comparing.provenance import CUTTING, Fingerprint, Known, Provenance
from collapse_doctor.inspector.comparing.relations import (
    Related,
    mean_cosine,
    of_one_column,
)
from collapse_doctor.inspector.memory.stores import Kept
from collapse_doctor.inspector.source.callsite import Still
from collapse_doctor.recording.observations import (
    CallSite,
    Comparison,
    Past,
    Relation,
)

__all__ = ["COSINES", "Judge", "Meeting"]

Place = tuple[int, int]
COSINES = frozenset({"F.cosine_similarity", "F.cosine_embedding_loss"})


@dataclass(frozen=True)
class Meeting:
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


class Judge:
    """Says how the operands of a comparison are related, once their values are on the host.

    Parameters
    ----------
    provenance
        What is known of tensors, by then: it is asked only of operands with a fingerprint.
    emit
        Takes the comparisons that are worth telling.
    """

    def __init__(self, provenance: Provenance, emit: Callable[[Comparison], None]) -> None:
        self._provenance = provenance
        self._emit = emit
        self._begun = 0
        self._unproved: dict[tuple[CallSite, str], tuple[Comparison, Now]] = {}
        self._proved: set[tuple[CallSite, str]] = set()

    def begin(self, step: int) -> None:
        """Begin to look again, at ``step``; of the steps before it nothing is known."""
        self._begun = step

    def by_hand(self, meeting: Meeting, met: Encounter, rows: list[Tensor]) -> None:
        """Judge a comparison in several operations, if the rows that were chosen exist."""
        exist, in_memory = met.settle(rows)
        if exist:
            meeting.in_memory[0, 1] = in_memory
            self.judge(meeting, rows[:2])

    def judge(self, meeting: Meeting, rows: list[Tensor]) -> None:
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
                made = births(meeting.frame, left, right, related)
                lines += made
                proved = proved and descends(related, left, right)
                proved = proved and (by_hand is None or not by_hand.must_recur)
            causes = clue.relations(related, eps)
            if related is not None and not any(one.kind == "overwritten" for one in causes):
                causes += clue.given_back(related, made)
            relations += causes
        lost = [one for one in relations if one.kind == "overwritten"]
        if not proved and lost and any(clue.lost for clue in meeting.clues):
            relations, proved = lost, True  # needs no values to be true
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


def _past(relations: list[Relation], sides: list[Side], meeting: Meeting) -> Past | None:
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
