"""The losses that PyTorch has itself, and what is kept of a call of one.

Inside, they are many nodes whose numbers, a margin above all, autograd does not keep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.outputs import is_plain

__all__ = ["CALLS", "DISTANCES", "Known"]

FEW = 4
"""Rows of logits that are looked at, to count the candidates of each."""

_OF_LOGITS = frozenset({"F.cross_entropy", "log_softmax", "logsumexp"})
_SIGNED = frozenset({"F.cosine_embedding_loss", "F.hinge_embedding_loss"})


@dataclass(frozen=True)
class Known:
    """A function: its operands and other parameters, in order, with the defaults it has."""

    name: str
    operands: tuple[str, ...]
    others: Mapping[str, Any] = field(default_factory=dict)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters of one call by name."""
        names = (*self.operands, *self.others)
        return {**self.others, **dict(zip(names, args, strict=False)), **kwargs}

    def kept(self, given: Mapping[str, Any], result: Tensor) -> tuple[dict[str, Any], list[Tensor]]:
        """Return what to keep of a call: plain numbers, and tensors whose values are needed."""
        plain = {
            name: given[name]
            for name in self.others
            if isinstance(given[name], int | float | str | bool)
        }
        first = given.get(self.operands[0])
        shape = tuple(first.shape) if isinstance(first, Tensor) else ()
        plain["numel"], plain["rows"] = math.prod(shape), shape[0] if shape else 1
        paired = [given.get(name) for name in self.operands]
        plain["paired"] = all(isinstance(t, Tensor) and t.shape == shape for t in paired)
        plain["scalar"] = result.dim() == 0
        return plain, self._tensors(given)

    def _tensors(self, given: Mapping[str, Any]) -> list[Tensor]:
        if self.name in _OF_LOGITS:
            return _few(given["input"], given.get("dim", 1))
        target = given.get("target")
        if self.name in _SIGNED and isinstance(target, Tensor) and is_plain(target):
            return [target.detach().clone()]
        return []


def _few(logits: Tensor, dim: Any) -> list[Tensor]:
    """Return a copy of a few rows of logits, their candidates last; none of what has no rows."""
    values = logits.detach()
    if not isinstance(dim, int) or not values.numel() or not values.dim():
        return []
    values = values.movedim(min(dim, values.dim() - 1), -1)
    return [values.reshape(-1, values.shape[-1])[:FEW].float().clone()]


_LOSS = {"size_average": None, "reduce": None, "reduction": "mean"}
_PAIR = ("input", "target")
_TRIPLET = ("anchor", "positive", "negative")
_INPUTS = ("input1", "input2")

DISTANCES: Mapping[Callable[..., Any], Known] = {
    F.mse_loss: Known("F.mse_loss", _PAIR, _LOSS),
    F.l1_loss: Known("F.l1_loss", _PAIR, _LOSS),
    F.smooth_l1_loss: Known("F.smooth_l1_loss", _PAIR, _LOSS),
    F.huber_loss: Known("F.huber_loss", _PAIR, {"reduction": "mean"}),
    F.pairwise_distance: Known("F.pairwise_distance", ("x1", "x2")),
    torch.dist: Known("torch.dist", ("input", "other")),
    Tensor.dist: Known("Tensor.dist", ("self", "other")),
}

CALLS: Mapping[Callable[..., Any], Known] = {
    **DISTANCES,
    F.cosine_similarity: Known("F.cosine_similarity", ("x1", "x2")),
    F.triplet_margin_loss: Known(
        "F.triplet_margin_loss",
        _TRIPLET,
        {"margin": 1.0, "p": 2, "eps": 1e-6, "swap": False, **_LOSS},
    ),
    F.triplet_margin_with_distance_loss: Known(
        "F.triplet_margin_with_distance_loss", _TRIPLET, {"margin": 1.0, "reduction": "mean"}
    ),
    F.cosine_embedding_loss: Known(
        "F.cosine_embedding_loss", _INPUTS, {"target": None, "margin": 0.0, **_LOSS}
    ),
    F.margin_ranking_loss: Known(
        "F.margin_ranking_loss", _INPUTS, {"target": None, "margin": 0.0, **_LOSS}
    ),
    F.hinge_embedding_loss: Known(
        "F.hinge_embedding_loss", ("input",), {"target": None, "margin": 1.0, **_LOSS}
    ),
    F.cross_entropy: Known(
        "F.cross_entropy",
        ("input",),
        {"target": None, "weight": None, "size_average": None, "ignore_index": -100}
        | {"reduce": None, "reduction": "mean"},
    ),
    F.nll_loss: Known(
        "F.nll_loss",
        ("input",),
        {"target": None, "weight": None, "size_average": None, "ignore_index": -100}
        | {"reduce": None, "reduction": "mean"},
    ),
    F.binary_cross_entropy_with_logits: Known(
        "F.binary_cross_entropy_with_logits", ("input",), {"target": None, "weight": None, **_LOSS}
    ),
    **{
        function: Known("logsumexp", ("input",), {"dim": None})
        for function in (torch.logsumexp, Tensor.logsumexp)
    },
    **{
        function: Known("log_softmax", ("input",), {"dim": None})
        for function in (F.log_softmax, torch.log_softmax, Tensor.log_softmax)
    },
}
