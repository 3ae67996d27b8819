"""Comparisons as they happen: from a call the mode saw to an observation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from collapse_doctor.inspector.callsite import site_of, user_frame
from collapse_doctor.inspector.names import birth_of, written
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.provenance import Known, Provenance
from collapse_doctor.inspector.relations import Related, mean_cosine, relate
from collapse_doctor.inspector.vocabulary import (
    BINARY,
    CARRIERS,
    CLASSIFIERS,
    COMPARATORS,
    HEADS,
    REGRESSIONS,
    Comparator,
)
from collapse_doctor.recording.observations import CallSite, Comparison, Operand, Relation, Use

__all__ = ["SEEN", "Now", "Operands"]

SEEN: frozenset[Callable[..., Any]] = (
    frozenset(COMPARATORS) | frozenset(CARRIERS) | frozenset(HEADS) | CLASSIFIERS
)


_HEAD_NAMES = frozenset(HEADS.values()) - {"dropout", "softmax", "log_softmax"}


class Now(Protocol):
    """What the moment is: asked of whoever watches the training."""

    @property
    def step(self) -> int:
        """The current step."""

    @property
    def forward(self) -> int:
        """The number of the last outermost forward pass."""

    @property
    def inputs(self) -> Tensor | None:
        """A fingerprint of what the model was last given."""

    @property
    def learning(self) -> bool:
        """Whether the last step could move parameters at all."""

    def weights(self) -> Tensor:
        """Return a fingerprint of the watched parameters."""


class Operands:
    """Turns calls seen by the mode into :class:`Comparison` and :class:`Use` observations."""

    def __init__(
        self, now: Now, provenance: Provenance, emit: Callable[[Comparison | Use], None]
    ) -> None:
        self._now = now
        self._provenance = provenance
        self._emit = emit
        self._uses: set[Use] = set()
        self._unproved: dict[tuple[CallSite, str], tuple[Comparison, Tensor]] = {}
        self._proved: set[tuple[CallSite, str]] = set()

    @torch.no_grad()
    def seen(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Take note of one call of a function in ``SEEN``."""
        if func in COMPARATORS:
            self._compared(COMPARATORS[func], args, kwargs)
        elif func in CLASSIFIERS:
            self._classified(args[0] if args else kwargs.get("input"), func)
        elif func in HEADS:
            self._carried(HEADS[func], args[:1], result)
        else:
            self._carried(CARRIERS[func], args[:2], result)

    def _classified(self, logits: Any, func: Callable[..., Any]) -> None:
        if isinstance(logits, Tensor) and is_plain(logits):
            width = logits.shape[1] if logits.dim() > 1 else 1
            binary = func in BINARY and width == 1
            dimensions = 1 if binary else width - 1
            self._used(self._provenance.of(logits), "classified", dimensions)

    def _carried(self, operation: str, args: tuple[Any, ...], result: Any) -> None:
        sources = [arg for arg in args if isinstance(arg, Tensor) and is_plain(arg)]
        source = next((s for s in sources if self._provenance.of(s) is not None), None)
        frame = user_frame() if source is not None else None
        if source is None or frame is None:
            return
        made = result if isinstance(result, list | tuple) else (result,)
        for tensor in made:
            if isinstance(tensor, Tensor) and is_plain(tensor):
                self._provenance.carried(source, tensor, operation, site_of(frame))

    def _compared(
        self, comparator: Comparator, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        tensors = comparator.bind(args, kwargs)
        frame = user_frame()
        if frame is None or not all(isinstance(t, Tensor) and is_plain(t) for t in tensors):
            return
        known = [self._provenance.of(tensor) for tensor in tensors]
        self._note_uses(comparator, tensors, known)
        # A product of an embedding with anything is no comparison of embeddings.
        if not comparator.paired and not all(known):
            return
        dim = comparator.feature_dim(args, kwargs)
        self._record(comparator, frame, tensors, known, dim)

    def _note_uses(
        self, comparator: Comparator, tensors: list[Tensor], known: list[Known | None]
    ) -> None:
        """Tell a regression (a head's output against given numbers) from a comparison."""
        outputs = [one for one in known if one is not None]
        fixed = [t for t, one in zip(tensors, known, strict=True) if one is None]
        if (
            comparator.name in REGRESSIONS
            and len(outputs) == len(fixed) == 1
            and _has_head(outputs[0])
            and not fixed[0].requires_grad
        ):
            width = fixed[0].shape[-1] if fixed[0].dim() > 1 else 1
            self._used(outputs[0], "regressed", width)
            return
        for one in outputs:
            self._used(one, "compared")

    def _record(
        self,
        comparator: Comparator,
        frame: FrameType,
        tensors: list[Tensor],
        known: list[Known | None],
        dim: int,
    ) -> None:
        names = written(frame, comparator.operands)
        # Shapes that broadcast compare all pairs, or one row with many: nothing is row-paired.
        paired = comparator.paired and len({tensor.shape for tensor in tensors}) == 1
        found: list[Relation] = []
        births: list[CallSite] = []
        proved = True
        for left, right in _pairs(len(tensors)) if paired else ():
            related = self._related(tensors, known, left, right, dim)
            if related is None:
                continue
            found.append(_relation(related, left, right, self._age(known, left, right)))
            proved = proved and self._descends(related, known, left, right)
            births += _births(frame, names, known, left, right, related)
        comparison = Comparison(
            step=self._now.step,
            forward=self._now.forward,
            function=comparator.name,
            paired=paired,
            site=site_of(frame),
            operands=tuple(map(_operand, names, tensors, known)),
            relations=tuple(found),
            births=tuple(dict.fromkeys(births)),
            similarity=mean_cosine(tensors[0], tensors[1], dim) if paired else None,
        )
        self._tell(comparison, proved)

    def _related(
        self, tensors: list[Tensor], known: list[Known | None], left: int, right: int, dim: int
    ) -> Related | None:
        found = relate(tensors[left], tensors[right], dim)
        if found is None and self._is_stale(tensors, known, left, right):
            return Related("stale", by_value=False)
        return found

    def _is_stale(
        self, tensors: list[Tensor], known: list[Known | None], left: int, right: int
    ) -> bool:
        """One side is an output of an earlier step, for other inputs; the other is of this step.

        The output of an earlier step for the *same* inputs is a target on purpose: temporal
        ensembling, distillation from one's own past.
        """
        for old, new in ((left, right), (right, left)):
            past, present = known[old], known[new]
            if past is None or past.origin.step >= self._now.step or tensors[old].requires_grad:
                continue
            of_now = present.origin.step == self._now.step if present else False
            if not of_now and not tensors[new].requires_grad:
                continue
            now = present or Known(past.origin, self._now.inputs)
            return not past.same_inputs(now)
        return False

    def _age(self, known: list[Known | None], left: int, right: int) -> int | None:
        steps = [k.origin.step for k in (known[left], known[right]) if k is not None]
        return self._now.step - min(steps) if steps else None

    def _descends(self, related: Related, known: list[Known | None], left: int, right: int) -> bool:
        """Tell whether both sides are known to come from one model at one step.

        Otherwise equal values may be a teacher that has not left its student yet, and only
        values that stay equal while parameters move prove an alias.
        """
        one, other = known[left], known[right]
        if not related.by_value:
            return True
        if one is None or other is None:
            return False
        return (one.origin.model, one.origin.step) == (other.origin.model, other.origin.step)

    def _tell(self, comparison: Comparison, proved: bool) -> None:
        kinds = "+".join(sorted(relation.kind for relation in comparison.relations))
        key = (comparison.site, kinds)
        if not proved and key not in self._proved:
            first, weights = self._unproved.setdefault(key, (comparison, self._now.weights()))
            if first.step == comparison.step or not self._has_trained(weights):
                return
            self._proved.add(key)
            self._emit(first)
        self._emit(comparison)

    def _has_trained(self, weights: Tensor) -> bool:
        """Tell whether parameters moved since, or would have if the loss had a gradient.

        A loss between a thing and itself is constant and moves nothing; a warm-up that begins at
        a learning rate of zero moves nothing either, and there a teacher rightly equals its
        student.
        """
        return self._now.learning or not torch.equal(weights, self._now.weights())

    def _used(
        self,
        known: Known | None,
        purpose: Literal["compared", "classified", "regressed"],
        dimensions: int | None = None,
    ) -> None:
        if known is None:
            return
        use = Use(known.origin.model, known.origin.layer, purpose, _has_head(known), dimensions)
        if use not in self._uses:
            self._uses.add(use)
            self._emit(use)


def _has_head(known: Known) -> bool:
    return not _HEAD_NAMES.isdisjoint(known.origin.path)


def _pairs(count: int) -> Sequence[tuple[int, int]]:
    return [(i, j) for i in range(count) for j in range(i + 1, count)]


def _operand(name: str, tensor: Tensor, known: Known | None) -> Operand:
    return Operand(
        expression=name,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("torch."),
        requires_grad=tensor.requires_grad,
        origin=known.origin if known is not None else None,
    )


def _relation(related: Related, left: int, right: int, age: int | None) -> Relation:
    return Relation(
        kind=related.kind,
        left=left,
        right=right,
        cosine=related.cosine,
        scale=related.scale,
        difference=related.difference,
        age=age if related.kind == "stale" else None,
    )


def _births(
    frame: FrameType,
    names: list[str],
    known: list[Known | None],
    left: int,
    right: int,
    related: Related,
) -> list[CallSite]:
    """Return the line that made one operand of the other.

    The operation that was seen to make it is surest; an assignment can only be read in the source.
    """
    if related.kind != "same-object":
        made = [k for k in (known[left], known[right]) if k is not None and k.site is not None]
        oldest_last = sorted(made, key=lambda k: len(k.origin.path))
        if oldest_last and oldest_last[-1].site is not None:
            return [oldest_last[-1].site]
    read = birth_of(frame, names[left], names[right], related.kind)
    return [read] if read is not None else []
