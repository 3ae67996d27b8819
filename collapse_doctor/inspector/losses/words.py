"""The losses that PyTorch has itself, and what is kept of a call of one.

Inside, they are many nodes whose numbers, a margin above all, autograd does not keep.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.outputs import is_plain

__all__ = ["CALLS", "CROSS", "DISTANCES", "FITTING", "LOG", "PRODUCT", "Known", "ends_of", "is_few"]

CROSS, PRODUCT = "torch.cdist", "torch.einsum"
"""What is made of every row with every row, whatever else their shapes allow."""

LOG = "log"
"""A logarithm, of which it is looked how large it is."""

FEW = 4
"""Rows of logits that are looked at, to count the candidates of each."""

MOST_PARTNERS = 4096
"""Targets that are copied, to see whether each is the place of a partner."""

MOST_LABELS = 1 << 16
"""Numbers that scores are held against of which the ends are taken: one for each row."""

FITTING = frozenset(
    {"F.mse_loss", "F.l1_loss", "F.smooth_l1_loss", "F.huber_loss"}
    | {"F.binary_cross_entropy_with_logits"}
)
"""What may hold scores against given numbers."""

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
        plain["crossed"] = _is_crossed(self.name, paired)
        plain["scalar"] = result.dim() == 0
        if self.name == LOG:
            return plain, _some(result)
        return plain, self._tensors(given)

    def _tensors(self, given: Mapping[str, Any]) -> list[Tensor]:
        target = given.get("target")
        if self.name in _OF_LOGITS:
            few = _few(given["input"], given.get("dim", 1))
            return [*few, *_partners(given["input"], target)] if few else few
        if self.name in FITTING and isinstance(target, Tensor) and not target.requires_grad:
            return [ends_of(target)] if is_few(target) else []
        if self.name in _SIGNED and isinstance(target, Tensor) and is_plain(target):
            return [target.detach().clone()]
        return []


def is_few(numbers: Tensor) -> bool:
    """Tell whether numbers may be one for each row: labels that scores are held against."""
    sizes = [size for size in numbers.shape if size != 1]
    few = len(sizes) <= 1 and 0 < numbers.numel() <= MOST_LABELS
    return few and is_plain(numbers) and not numbers.is_complex()


def ends_of(numbers: Tensor) -> Tensor:
    """Return the least and the greatest of some numbers, where they are."""
    numbers = numbers.detach()
    if numbers.dtype == torch.bool:
        return torch.stack([numbers.all(), numbers.any()]).float()
    return torch.stack(numbers.aminmax()).float()


@dataclass(frozen=True)
class Contraction(Known):
    """``einsum`` of two matrices that multiplies every row of the one by every row of the other.

    Of any other equation no operand is bound: it is read from its nodes.
    """

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return both operands of a product of all pairs."""
        equation, *given = args or ("",)
        if len(given) == 1 and isinstance(given[0], list | tuple):
            given = list(given[0])
        if kwargs or len(given) != 2 or not isinstance(equation, str):
            return {}
        sides, _, result = equation.replace(" ", "").partition("->")
        one, _, other = sides.partition(",")
        rows = one[:1] + other[:1]
        whole = len(one) == len(other) == 2 and one[1] == other[1] and len({*one, *other}) == 3
        return dict(zip(self.operands, given, strict=True)) if whole and result == rows else {}


def _is_crossed(name: str, operands: Sequence[Any]) -> bool:
    """Tell whether each of n rows of one operand meets each of n rows of the other."""
    shapes = [tuple(one.shape) for one in operands if isinstance(one, Tensor)]
    if len(shapes) != 2 or min(map(len, shapes)) < 2:
        return False
    if name in (CROSS, PRODUCT):
        return all(len(shape) == 2 for shape in shapes) and shapes[0][0] == shapes[1][0] > 1
    most = max(map(len, shapes))
    one, other = ((1,) * (most - len(shape)) + shape for shape in shapes)
    spread = [(a, b) for a, b in zip(one, other, strict=True) if a != b]
    return len(spread) == 2 and spread[0] == spread[1][::-1] and 1 in spread[0]


def _partners(logits: Tensor, target: Any) -> list[Tensor]:
    """Return a copy of the targets of a square matrix of logits: each may be the place of a row."""
    if not isinstance(target, Tensor) or not is_plain(target) or target.is_floating_point():
        return []
    square = logits.dim() == 2 and logits.shape[0] == logits.shape[1] <= MOST_PARTNERS
    return [target.detach().clone()] if square and target.dim() == 1 else []


def _some(numbers: Tensor) -> list[Tensor]:
    """Return a copy of the first few numbers of a tensor, if it has any."""
    if not numbers.numel() or numbers.is_complex():
        return []
    first = numbers.detach()[(0,) * (numbers.dim() - 1)] if numbers.dim() else numbers.detach()
    return [first.reshape(-1)[:FEW].float().clone()]


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
    torch.cdist: Known(CROSS, ("x1", "x2")),
    torch.einsum: Contraction(PRODUCT, ("input", "other")),
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
    **{function: Known(LOG, ("input",)) for function in (torch.log, Tensor.log)},
    **{
        function: Known("log_softmax", ("input",), {"dim": None})
        for function in (F.log_softmax, torch.log_softmax, Tensor.log_softmax)
    },
}
