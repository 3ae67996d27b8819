"""Comparisons as they happen: from a call the mode saw to an observation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from types import FrameType
from typing import Any

import torch
from torch import Tensor

from collapse_doctor.inspector.callsite import site_of, user_frame
from collapse_doctor.inspector.carrying import carry
from collapse_doctor.inspector.kinship import (
    Now,
    Side,
    births,
    descends,
    has_trained,
    kinship,
    relation,
)
from collapse_doctor.inspector.names import written
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.provenance import Known, Provenance
from collapse_doctor.inspector.relations import mean_cosine
from collapse_doctor.inspector.uses import Uses
from collapse_doctor.inspector.vocabulary import (
    CARRIERS,
    CLASSIFIERS,
    COMPARATORS,
    HEADS,
    Comparator,
)
from collapse_doctor.recording.observations import CallSite, Comparison, Operand, Relation, Use

__all__ = ["SEEN", "Operands"]

SEEN: frozenset[Callable[..., Any]] = (
    frozenset(COMPARATORS) | frozenset(CARRIERS) | frozenset(HEADS) | CLASSIFIERS
)


PICKING = frozenset({"gather", "max", "amax"})
"""What takes one number of each row: an action's value, the log-probability of a class."""
SUBTRACTING = frozenset({"sub", "__sub__"})


class Operands:
    """Turns calls seen by the mode into :class:`Comparison` and :class:`Use` observations."""

    def __init__(
        self, now: Now, provenance: Provenance, emit: Callable[[Comparison | Use], None]
    ) -> None:
        self._now = now
        self._provenance = provenance
        self._emit = emit
        self._uses = Uses(emit)
        self._unproved: dict[tuple[CallSite, str], tuple[Comparison, Tensor]] = {}
        self._proved: set[tuple[CallSite, str]] = set()

    @torch.no_grad()
    def seen(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in ``SEEN``."""
        if func in COMPARATORS:
            self._compared(func, COMPARATORS[func], args, kwargs)
        elif func in CLASSIFIERS:
            logits = args[0] if args else kwargs.get("input")
            if isinstance(logits, Tensor) and is_plain(logits):
                self._uses.classified(logits, self._provenance.of(logits), func)
        elif func in HEADS:
            carry(self._provenance, HEADS[func], args[:1], result)
        else:
            first = args[0] if args else None
            if isinstance(first, Tensor) and is_plain(first):
                self._looked_at(first, func, args)
            carry(self._provenance, CARRIERS[func], args, result)

    def _looked_at(self, tensor: Tensor, func: Callable[..., Any], args: tuple[Any, ...]) -> None:
        """Note a loss written by hand: rows normalised, one number picked, targets taken off."""
        known = self._provenance.of(tensor)
        if known is None:
            return
        operation = CARRIERS[func]
        if operation == "normalize":
            self._uses.directed(known)
        elif _picks(operation, tensor, known, args):
            self._uses.classified(tensor, known, func)
        elif operation in SUBTRACTING and len(args) > 1:
            self._taken_off(tensor, args[1])

    def _taken_off(self, tensor: Tensor, target: Any) -> None:
        if isinstance(target, Tensor) and is_plain(target) and target.shape == tensor.shape:
            sides = (tensor, target)
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
        self._uses.compared(comparator, tensors, known)
        # A product of an embedding with anything is no comparison of embeddings.
        if comparator.paired or all(known):
            sides = [Side(*side) for side in zip(tensors, names, known, strict=True)]
            self._record(comparator, frame, sides, comparator.feature_dim(args, kwargs))

    def _record(
        self, comparator: Comparator, frame: FrameType, sides: list[Side], dim: int
    ) -> None:
        # Shapes that broadcast compare all pairs, or one row with many: nothing is row-paired.
        paired = comparator.paired and len({side.tensor.shape for side in sides}) == 1
        relations: list[Relation] = []
        lines: list[CallSite] = []
        proved = True
        for place in combinations(range(len(sides)), 2) if paired else ():
            left, right = sides[place[0]], sides[place[1]]
            related = kinship(left, right, dim, self._now, self._provenance)
            if related is not None:
                pair = (left, right)
                relations.append(relation(related, place, pair, self._now, self._provenance))
                lines += births(frame, left, right, related)
                proved = proved and descends(related, left, right)
        comparison = Comparison(
            step=self._now.step,
            forward=self._now.forward,
            function=comparator.name,
            paired=paired,
            site=site_of(frame),
            operands=tuple(map(_operand, sides)),
            relations=tuple(relations),
            births=tuple(dict.fromkeys(lines)),
            similarity=mean_cosine(sides[0].tensor, sides[1].tensor, dim) if paired else None,
        )
        self._tell(comparison, proved)

    def _tell(self, comparison: Comparison, proved: bool) -> None:
        key = (comparison.site, _kinds(comparison.relations))
        if not proved and key not in self._proved:
            first, weights = self._unproved.setdefault(key, (comparison, self._now.weights()))
            if first.step == comparison.step or not has_trained(self._now, weights):
                return
            self._proved.add(key)
            self._emit(first)
        self._emit(comparison)


def _picks(operation: str, tensor: Tensor, known: Known, args: tuple[Any, ...]) -> bool:
    """Tell whether one number is taken of each row, as only a classifier's or critic's can be."""
    by_position = operation in PICKING and tensor.dim() == 2 and len(args) > 1
    of_logarithms = operation == "__getitem__" and known.origin.path[-1:] == ("log_softmax",)
    return by_position or of_logarithms


def _kinds(relations: Sequence[Relation]) -> str:
    return "+".join(sorted(relation.kind for relation in relations))


def _operand(side: Side) -> Operand:
    return Operand(
        expression=side.name,
        shape=tuple(side.tensor.shape),
        dtype=str(side.tensor.dtype).removeprefix("torch."),
        requires_grad=side.tensor.requires_grad,
        origin=side.known.origin if side.known is not None else None,
    )
