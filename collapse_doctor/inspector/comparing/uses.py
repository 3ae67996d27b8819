"""What the outputs of a model are used for, as far as calls of losses show it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

from torch import Tensor

from collapse_doctor.batch import measure_batch
from collapse_doctor.inspector.comparing.carrying import COLUMNS
from collapse_doctor.inspector.comparing.provenance import Known
from collapse_doctor.inspector.comparing.vocabulary import BINARY, HEADS, REGRESSIONS, Comparator
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.recording.observations import Use

__all__ = ["Uses"]

MOST_ROWS = 512

_WHOLE_ROWS = frozenset(
    {"detach", "clone", "contiguous", "to", "type", "float", "half", "double", "bfloat16", "cpu"}
    | {"cuda", "requires_grad_", "chunk", "split", "unbind", "__getitem__", "index_select"}
)
"""What leaves the length of a row as it is."""

_HEAD_NAMES = frozenset(HEADS.values()) - {"dropout"}


class Uses:
    """Tells each use of each output once."""

    def __init__(self, later: Later, emit: Callable[[Use], None]) -> None:
        self._later = later
        self._emit = emit
        self._told: set[Use] = set()
        self._compared: set[tuple[str, str]] = set()
        self._fitted: set[tuple[str, str]] = set()

    def is_compared(self, model: str, layer: str) -> bool:
        """Tell whether an output was seen to be compared as it is, without a head in between."""
        return (model, layer) in self._compared

    def classified(self, logits: Tensor, known: Known | None, loss: Callable[..., Any]) -> None:
        """Note that an output, or what a head made of it, went into a classification."""
        width = logits.shape[1] if logits.dim() > 1 else 1
        self._tell(known, "classified", 1 if loss in BINARY and width == 1 else width - 1)

    def compared(
        self,
        comparator: Comparator,
        tensors: Sequence[Tensor],
        known: Sequence[Known | None],
        eps: float | None = None,
    ) -> None:
        """Tell a regression (a head's output against given numbers) from a comparison.

        ``eps`` is that of the call, where it takes directions.
        """
        outputs = [one for one in known if one is not None]
        if comparator.name in REGRESSIONS and self.subtracted(tensors, known):
            return
        by_direction = "cosine" in comparator.name or not comparator.paired
        for one in outputs:
            self._tell(one, "compared", None)
            if by_direction:
                self.directed(one, eps)

    def met(self, known: Sequence[Known | None], *, by_direction: bool) -> None:
        """Note that two embeddings were compared by hand: a product with weights is nothing."""
        outputs = [one for one in known if one is not None]
        for one in outputs if len(outputs) == len(known) else ():
            self._tell(one, "compared", None)
            if by_direction:
                self.directed(one)

    def subtracted(self, tensors: Sequence[Tensor], known: Sequence[Known | None]) -> bool:
        """Note a fit to numbers that come from elsewhere; return whether it is one."""
        outputs = [one for one in known if one is not None]
        fixed = [t for t, one in zip(tensors, known, strict=True) if one is None]
        fitted = len(outputs) == len(fixed) == 1 and not fixed[0].requires_grad
        if fitted and fixed[0].is_floating_point():
            alike = all(tensor.shape[-1:] == fixed[0].shape[-1:] for tensor in tensors)
            self._regressed(outputs[0], fixed[0], spread=not alike)
        return fitted

    def directed(self, known: Known | None, eps: float | None = None) -> None:
        """Note that the direction of an output counts: in a cosine, normalised, in a product.

        ``eps`` is the least length that the row is divided by.
        """
        whole = known is not None and _WHOLE_ROWS.issuperset(known.origin.path)
        self._tell(known, "directed", None, eps if whole else None)

    def _regressed(self, known: Known, target: Tensor, *, spread: bool) -> None:
        """Note a fit to given numbers, and how many dimensions those have when first seen.

        A target that a network makes has them at first, too: if it collapses later, what is
        fitted to it is held against what it once was. If the same numbers are ``spread`` over all
        of a row, as over the quantiles of one number, these may all go together.
        """
        place = (known.origin.model, known.origin.layer)
        if place in self._fitted:
            return
        self._fitted.add(place)
        if spread:
            self._tell(known, "regressed", 1)
            return
        rows = target.detach().reshape(len(target), -1) if target.dim() > 1 else target[:, None]
        few = rows[:MOST_ROWS].clone()
        self._later.put([few], lambda values: self._needs(known, values[0]))

    def _needs(self, known: Known, target: Tensor) -> None:
        rank = measure_batch(target, ["effective_rank"])["effective_rank"]
        width = target.shape[1]
        self._tell(known, "regressed", math.ceil(rank) if math.isfinite(rank) else width)

    def _tell(
        self,
        known: Known | None,
        purpose: Literal["compared", "classified", "regressed", "directed"],
        dimensions: int | None,
        eps: float | None = None,
    ) -> None:
        if known is None or COLUMNS in known.origin.path:
            return
        place = known.origin.model, known.origin.layer
        use = Use(*place, purpose, _has_head(known), dimensions, eps)
        if use not in self._told:
            self._told.add(use)
            if purpose == "compared" and not use.through:
                self._compared.add(place)
            self._emit(use)


def _has_head(known: Known) -> bool:
    return not _HEAD_NAMES.isdisjoint(known.origin.path)
