"""Embeddings of three dimensions, as of several views, normalised along another one than theirs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.comparing.vocabulary import COMPARATORS
from collapse_doctor.inspector.dimensions.batchfirst import Told
from collapse_doctor.inspector.dimensions.elementwise import COPYING, argument, named
from collapse_doctor.inspector.dimensions.lengths import Lengths, measured, span
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import AlongBatch, CallSite

__all__ = ["REARRANGING", "Axes"]

NORMALIZING = named("normalize")
LENGTHS = named("norm", "vector_norm")
QUOTIENTS = named("div", "divide", "true_divide", "__truediv__")
MOVING = COPYING | named(
    "transpose", "permute", "movedim", "swapaxes", "flatten", "reshape", "view", "squeeze",
    "__getitem__", "select", "narrow", "unbind", "chunk", "split",
)  # fmt: skip
"""What leaves the features of an embedding where they are, if the last dimension stays as wide."""
REARRANGING = NORMALIZING | LENGTHS | QUOTIENTS | MOVING | frozenset(COMPARATORS)


@dataclass(frozen=True)
class _Mark:
    """What was normalised along another dimension than the last, which is so ``wide``."""

    told: AlongBatch
    wide: int


class Axes:
    """Follows what was normalised along the batch, or the views, until its rows are compared."""

    def __init__(self, provenance: Provenance, later: Later, told: Told) -> None:
        self._provenance = provenance
        self._later = later
        self._told = told
        self._marks: Trail[_Mark] = Trail()
        self._lengths: Trail[bool] = Trail()

    def seen(
        self,
        func: Callable[..., Any],
        tensors: list[Tensor],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> None:
        """Take note of one call of a function in ``REARRANGING``."""
        source = tensors[0]
        if func in COMPARATORS:
            operands = COMPARATORS[func].bind(args, kwargs)
            if isinstance(result, Tensor) and result.requires_grad:
                self._compared(func, operands)
        elif func in MOVING:
            self._moved(source, result)
        elif not isinstance(result, Tensor) or source.dim() != 3:
            return
        elif func in NORMALIZING:
            dim = argument(args, kwargs, 2, "dim", 1)
            if isinstance(dim, int) and dim % 3 != 2:
                self._mark(func, source, result)
        elif func in LENGTHS:
            self._lengths.put(result, True)
        elif len(tensors) > 1 and self._lengths.of(tensors[1]) and _is_along(source, tensors[1]):
            self._mark(func, source, result)

    def sweep(self) -> None:
        """Forget what no longer exists."""
        for trail in (self._marks, self._lengths):
            trail.sweep()

    def _mark(self, func: Callable[..., Any], source: Tensor, result: Tensor) -> None:
        told = self._told.described(func, "normalized", source)
        if told is not None:
            self._marks.put(result, _Mark(told, source.shape[-1]))

    def _moved(self, source: Tensor, result: Any) -> None:
        mark = self._marks.of(source)
        if mark is None:
            return
        for part in result if isinstance(result, list | tuple) else (result,):
            if isinstance(part, Tensor) and part.dim() > 1 and part.shape[-1] == mark.wide:
                self._marks.put(part, mark)

    def _compared(self, func: Callable[..., Any], operands: list[Any]) -> None:
        """Look at the lengths of rows that are compared."""
        for place, operand in enumerate(operands):
            if not isinstance(operand, Tensor) or operand.dim() != 2:
                continue
            mark, known = self._marks.of(operand), self._provenance.of(operand)
            if mark is None or known is None or operand.shape[-1] != mark.wide:
                continue
            if place and not COMPARATORS[func].paired and func not in CDIST:
                continue  # the columns of a second factor are met
            self._judge_later(mark, known, operand, place)

    def _judge_later(self, mark: _Mark, known: Known, operand: Tensor, place: int) -> None:
        frame = user_frame()
        values = measured(operand) if frame is not None else None
        if frame is None or values is None or self._told.is_enough(site_of(frame), place):
            return
        judge = functools.partial(self._judge, mark, known, site_of(frame))
        self._later.put([values], judge)

    def _judge(self, mark: _Mark, known: Known, met: CallSite, values: list[Tensor]) -> None:
        """Tell it unless the rows have length one as well, or one length."""
        lengths = Lengths.of(values[0], mark.wide, mark.told.operand.dtype)
        if not lengths.even_rows:
            self._told.tell(mark.told, known, met, None, span(lengths.rows))


CDIST = frozenset(func for func, one in COMPARATORS.items() if one.name == "torch.cdist")


def _is_along(source: Tensor, lengths: Tensor) -> bool:
    """Tell whether lengths are those along another dimension than the last."""
    if lengths.dim() != source.dim() or lengths.shape[-1] != source.shape[-1]:
        return False
    return [n for n, m in zip(lengths.shape, source.shape, strict=True) if n != m] == [1]
