"""A softmax over the batch whose values are used as the probabilities of classes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.comparing.provenance import Known, Provenance
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.comparing.vocabulary import COMPARATORS
from collapse_doctor.inspector.dimensions.batchfirst import Told
from collapse_doctor.inspector.dimensions.elementwise import (
    BINARY,
    INSERTING,
    REDUCING,
    SQUEEZING,
    UNARY,
    argument,
    dims_of,
    named,
)
from collapse_doctor.inspector.dimensions.lengths import MOST_VALUES, NEAR, span
from collapse_doctor.inspector.dimensions.weights import CONTRACTING, WEIGHING, Weights
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import AlongBatch, CallSite

__all__ = ["SOFTMAXING", "Softmaxes"]

LOG_SOFTMAX = named("log_softmax")
SOFTMAX = named("softmax") | LOG_SOFTMAX
LOGARITHM = named("log")
PICKING = named("gather", "__getitem__")
CLASSIFYING: frozenset[Callable[..., Any]] = frozenset({F.nll_loss, F.cross_entropy, F.kl_div})
MATRICES: frozenset[Callable[..., Any]] = frozenset(
    function for function, comparator in COMPARATORS.items() if not comparator.paired
)
SOFTMAXING = (
    SOFTMAX | PICKING | CLASSIFYING | MATRICES | UNARY | BINARY | REDUCING | SQUEEZING | INSERTING
) | WEIGHING


@dataclass(frozen=True)
class _Mark:
    """What a softmax over the batch made.

    ``logs`` is true once it is logarithms, ``joined`` once it was multiplied with targets, or
    added to them. ``along`` are the dimensions that its operand was soft-maxed along, by now.
    ``learnt`` is false for what takes no gradient, as a teacher's targets; ``sums`` are those of
    its columns and rows where it met logarithms.
    """

    told: AlongBatch
    known: Known | None
    logs: bool
    along: set[int]
    joined: bool = False
    learnt: bool = True
    sums: tuple[Tensor, ...] = ()


class Softmaxes:
    """Follows what a softmax over the batch made, until it is used as a class's probability.

    A matrix of all pairs may be soft-maxed along either side, and one tensor along both.
    """

    def __init__(self, provenance: Provenance, later: Later, told: Told) -> None:
        self._provenance = provenance
        self._later = later
        self._told = told
        self._marks: Trail[_Mark] = Trail()
        self._along: Trail[set[int]] = Trail()
        self._matrices: Trail[bool] = Trail()
        self._likelihoods: Trail[bool] = Trail()  # over the classes; true once logarithms
        self._ways: set[tuple[str, str, int, bool]] = set()
        self._weights = Weights(later, told)

    def seen(
        self,
        func: Callable[..., Any],
        tensors: list[Tensor],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> None:
        """Take note of one call of a function in ``SOFTMAXING``."""
        if func in WEIGHING and isinstance(result, Tensor):
            self._weights.seen(func, tensors, args, kwargs, result)
        if func in CLASSIFYING:
            self._classified(tensors[:2])
        elif func in CONTRACTING or not isinstance(result, Tensor):
            return
        elif func in MATRICES:
            if not any(tensor.is_leaf and tensor.requires_grad for tensor in tensors):
                self._matrices.put(result, True)
        elif func in SOFTMAX:
            self._softmaxed(func, tensors[0], argument(args, kwargs, 1, "dim"), result)
        elif func in REDUCING:
            self._reduced(tensors[0], argument(args, kwargs, 1, "dim"), result)
        else:
            self._carried(func, tensors, args, result)

    def sweep(self) -> None:
        """Forget what no longer exists."""
        for trail in (self._marks, self._along, self._matrices, self._likelihoods):
            trail.sweep()
        self._weights.sweep()

    def _softmaxed(
        self, func: Callable[..., Any], source: Tensor, dim: Any, result: Tensor
    ) -> None:
        if source.dim() not in (2, 3):
            return
        if dim is None:
            dim = 0 if source.dim() == 3 else 1  # what PyTorch takes then
        if not isinstance(dim, int):
            return
        along = self._along.of(source) or set()
        along.add(dim % source.dim())
        self._along.put(source, along)
        known, learnt = self._provenance.of(source), result.requires_grad
        if known is not None:
            self._ways.add((known.origin.model, known.origin.layer, dim % source.dim(), learnt))
        if dim % source.dim() == source.dim() - 1:
            self._likelihoods.put(result, func in LOG_SOFTMAX)
        square = source.shape[0] == source.shape[-1]
        if dim % source.dim() or square or self._matrices.of(source):
            return
        if known is None and not learnt:  # numbers of anybody's
            return
        told = self._told.described(func, "softmax", source)
        if told is not None:
            if known is None and func not in LOG_SOFTMAX:
                self._weights.put(told, along, result)
            logs = func in LOG_SOFTMAX
            self._marks.put(result, _Mark(told, known, logs, along, learnt=learnt))

    def _carried(
        self, func: Callable[..., Any], tensors: list[Tensor], args: tuple[Any, ...], result: Tensor
    ) -> None:
        first = tensors[0]
        if result.shape == first.shape and any(map(self._matrices.of, tensors)):
            self._matrices.put(result, True)
        if self._likelihoods.of(first) is not None and result.shape == first.shape:
            logs = bool(self._likelihoods.of(first)) or func in LOGARITHM
            self._likelihoods.put(result, logs)
        found = [(mark, tensor) for tensor in tensors if (mark := self._mark(tensor)) is not None]
        if not found:
            return
        mark, tensor = found[0]
        if func in PICKING and _picks(args, tensor):
            self._used(mark, tensor)
        elif result.shape[-1:] == tensor.shape[-1:] and func not in PICKING:
            joined = len(tensors) > len(found) and all(one.dim() > 1 for one in tensors)
            logs = mark.logs or func in LOGARITHM
            if joined and not mark.logs and any(map(self._likelihoods.of, tensors)):
                # Targets by a row's logarithms: the cross entropy of a teacher and its student.
                logs, mark = True, replace(mark, sums=_sums(tensor, logs=False))
            self._marks.put(result, replace(mark, logs=logs, joined=mark.joined or joined))

    def _mark(self, tensor: Tensor) -> _Mark | None:
        """Return the mark of a tensor, which may have become known as an output since."""
        mark = self._marks.of(tensor)
        if mark is None or mark.known is not None:
            return mark
        known = self._provenance.of(tensor)
        return replace(mark, known=known) if known is not None else mark

    def _reduced(self, source: Tensor, dim: Any, result: Tensor) -> None:
        """Take in a cross entropy by hand: targets times logarithms, summed over the classes."""
        mark = self._mark(source)
        if mark is None or not mark.joined or not mark.logs or not result.requires_grad:
            return
        if 0 not in dims_of(dim, source.dim()) or not result.dim():
            self._used(mark, None)

    def _classified(self, tensors: Sequence[Tensor]) -> None:
        for tensor in tensors:
            mark = self._mark(tensor)
            if mark is not None and tensor.dim() == 2:
                self._used(mark, None if mark.joined else tensor)
                return

    def _used(self, mark: _Mark, tensor: Tensor | None) -> None:
        """Take note that shares of the batch were used as probabilities of classes."""
        frame, known = user_frame(), mark.known
        if frame is None or known is None:
            return
        if not self._told.has_batch_first(mark.told.operand.shape, known):
            return
        if self._told.is_enough(mark.told.site):
            return
        values = list(mark.sums)
        if tensor is not None:
            values = list(_sums(tensor, logs=mark.logs))
        self._later.put(values, functools.partial(self._judge, mark, known, site_of(frame)))

    def _judge(self, mark: _Mark, known: Known, met: CallSite, values: list[Tensor]) -> None:
        place = (known.origin.model, known.origin.layer)
        ways = ((*place, dim, mark.learnt) in self._ways for dim in (1, 2))
        if len(mark.along) > 1 or any(ways):  # as in a loss of two directions
            return
        columns, rows = map(span, values) if values else (None, None)
        if rows is None or max(abs(1 - rows[0]), abs(1 - rows[1])) > NEAR:  # not divided by theirs
            self._told.tell(mark.told, known, met, columns, rows)


def _sums(tensor: Tensor, *, logs: bool) -> tuple[Tensor, ...]:
    """Return the sums of columns and rows of shares, or of their logarithms, without reading."""
    if tensor.dim() != 2 or tensor.numel() > MOST_VALUES:
        return ()
    shares = tensor.detach().exp() if logs else tensor.detach()
    return shares.sum(0), shares.sum(1)


def _picks(args: tuple[Any, ...], source: Tensor) -> bool:
    """Tell whether one entry of each row is picked: the probability of its class."""
    index = args[1] if len(args) > 1 else None
    if isinstance(index, int) and len(args) > 2:  # gather
        return index in (1, -1) and source.dim() == 2
    return isinstance(index, tuple) and len(index) == 2 and all(map(_is_list, index))


def _is_list(part: Any) -> bool:
    if isinstance(part, Tensor):
        return part.dim() == 1 and not part.is_floating_point()
    return isinstance(part, range | list)
