"""Attention whose softmax runs along the batch: scores of (n, t, s) or (n, heads, t, s), along n.

``softmax(q @ k.mT, dim=0) @ v`` adds up s values for each of t queries with weights that do not sum
to 1 over s, but over the rows of the batch, which the product that follows keeps apart.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from torch import Tensor

from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.dimensions.batchfirst import Told
from collapse_doctor.inspector.dimensions.elementwise import COPYING, argument, named
from collapse_doctor.inspector.dimensions.lengths import MOST_VALUES, NEAR, span
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.source.callsite import site_of, user_frame
from collapse_doctor.recording.observations import AlongBatch, CallSite

__all__ = ["ATTENDING", "Attention"]

_SOFTMAX = named("softmax")
_SCALING = named("mul", "multiply", "__mul__", "__rmul__", "div", "divide", "__truediv__")
_KEEPING = COPYING | named("dropout")
_PRODUCTS = named("matmul", "__matmul__", "bmm", "einsum")
ATTENDING = _SOFTMAX | _KEEPING | _SCALING | _PRODUCTS


@dataclass(frozen=True)
class _Shares:
    """What a softmax along the batch made, and the sums over what is added up afterwards."""

    told: AlongBatch
    sums: Tensor


class Attention:
    """Follows shares of the batch until values are added up with them within each row.

    What is scaled by another tensor after the softmax (slots that are normalised once more) is
    lost from sight.
    """

    def __init__(self, later: Later, told: Told) -> None:
        self._later = later
        self._told = told
        self._trail: Trail[_Shares] = Trail()

    def seen(
        self,
        func: Callable[..., Any],
        tensors: list[Tensor],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        result: Any,
    ) -> None:
        """Take note of one call of a function in ``ATTENDING``."""
        if not isinstance(result, Tensor) or not result.requires_grad:
            return
        if func in _SOFTMAX:
            self._softmaxed(func, tensors[0], argument(args, kwargs, 1, "dim"), result)
            return
        shares = self._trail.of(tensors[0])
        if shares is None:
            return
        if func in _PRODUCTS:
            if _adds_up(args, tensors, result):
                self._averaged(shares)
        elif len(tensors) == 1 and result.shape == tensors[0].shape:
            self._trail.put(result, shares)

    def sweep(self) -> None:
        """Forget what no longer exists."""
        self._trail.sweep()

    def _softmaxed(
        self, func: Callable[..., Any], source: Tensor, dim: Any, result: Tensor
    ) -> None:
        if source.dim() not in (3, 4) or not isinstance(dim, int) or dim % source.dim():
            return
        if source.shape[-1] < 2 or source.shape[-2] < 2 or result.numel() > MOST_VALUES:
            return
        told = self._told.described(func, "weights", source)
        if told is not None and not self._told.is_enough(told.site):
            self._trail.put(result, _Shares(told, result.detach().sum(-1)))

    def _averaged(self, shares: _Shares) -> None:
        frame = user_frame()
        if frame is not None:
            judge = functools.partial(self._judge, shares.told, site_of(frame))
            self._later.put([shares.sums.flatten()], judge)

    def _judge(self, told: AlongBatch, met: CallSite, values: list[Tensor]) -> None:
        """Tell it where the first dimension is a batch, which in a first pass is known only now."""
        if not self._told.has_samples(told.operand.shape[0]):
            return
        rows = span(values[0])
        if rows is not None and max(abs(1 - rows[0]), abs(1 - rows[1])) > NEAR:
            self._told.tell(msgspec.structs.replace(told, kind="weights"), None, met, None, rows)


def _adds_up(args: tuple[Any, ...], tensors: list[Tensor], result: Tensor) -> bool:
    """Tell whether (n, …, t, s) met (n, …, s, d) in a product that keeps n and adds up s."""
    if len(tensors) != 2:
        return False
    weights, values = tensors
    if args and isinstance(args[0], str):
        inputs, _, output = args[0].replace(" ", "").partition("->")
        first, comma, second = inputs.partition(",")
        if not comma or not first or not second:
            return False
        batch, added = first[0], first[-1]
        return batch in second and batch in output and added in second and added not in output
    heads = weights.shape[:-2] == values.shape[:-2]
    return heads and weights.shape[-1] == values.shape[-2] and result.dim() == weights.dim()
