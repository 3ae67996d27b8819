"""The functions in which embeddings meet, and those that carry an embedding on.

Matched by the identity of the function torch dispatches, so ``nn.CosineSimilarity``, a loss
module or ``torch.cosine_similarity`` are the same entry.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "BINARY",
    "CARRIERS",
    "CLASSIFIERS",
    "COMPARATORS",
    "HEADS",
    "REGRESSIONS",
    "Comparator",
]


@dataclass(frozen=True)
class Comparator:
    """A similarity, distance or pair loss.

    ``operands`` are its parameters in order; ``paired`` says whether row i meets row i; ``dim``
    names the parameter that holds the feature dimension, if there is one. ``least`` is the default
    of ``eps``, which follows it, of those that take directions.
    """

    name: str
    operands: tuple[str, ...]
    paired: bool = True
    dim: str = ""
    default_dim: int = -1
    least: float = 0.0

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
        """Return the operands of one call, in order; None for a missing one."""
        given = dict(zip(self.operands, args, strict=False)) | dict(kwargs)
        return [given.get(name) for name in self.operands]

    @property
    def is_product(self) -> bool:
        """Whether the rows of one operand meet the columns of the other."""
        return not self.paired and self.name != "torch.cdist"

    def eps(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> float | None:
        """Return the least length that one call divides a row by, None where it has none."""
        if not self.least:
            return None
        position = len(self.operands) + 1
        value = kwargs.get("eps", args[position] if len(args) > position else None)
        return float(value) if isinstance(value, int | float) else self.least

    def feature_dim(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
        """Return the dimension along which one call compares."""
        if not self.dim:
            return self.default_dim
        position = len(self.operands)
        value = kwargs.get(self.dim, args[position] if len(args) > position else None)
        return value if isinstance(value, int) else self.default_dim


_PAIR = ("input", "target")
_TRIPLET = ("anchor", "positive", "negative")

COMPARATORS: Mapping[Callable[..., Any], Comparator] = {
    F.cosine_similarity: Comparator("F.cosine_similarity", ("x1", "x2"), True, "dim", 1, 1e-8),
    F.cosine_embedding_loss: Comparator("F.cosine_embedding_loss", ("input1", "input2")),
    F.pairwise_distance: Comparator("F.pairwise_distance", ("x1", "x2")),
    F.triplet_margin_loss: Comparator("F.triplet_margin_loss", _TRIPLET),
    F.triplet_margin_with_distance_loss: Comparator(
        "F.triplet_margin_with_distance_loss", _TRIPLET
    ),
    F.mse_loss: Comparator("F.mse_loss", _PAIR),
    F.l1_loss: Comparator("F.l1_loss", _PAIR),
    F.smooth_l1_loss: Comparator("F.smooth_l1_loss", _PAIR),
    F.huber_loss: Comparator("F.huber_loss", _PAIR),
    torch.dist: Comparator("torch.dist", ("input", "other")),
    Tensor.dist: Comparator("Tensor.dist", ("self", "other")),
    torch.cdist: Comparator("torch.cdist", ("x1", "x2"), paired=False),
    torch.matmul: Comparator("torch.matmul", ("input", "other"), paired=False),
    torch.mm: Comparator("torch.mm", ("input", "mat2"), paired=False),
    Tensor.matmul: Comparator("@", ("self", "other"), paired=False),
    Tensor.__matmul__: Comparator("@", ("self", "other"), paired=False),
    Tensor.mm: Comparator("Tensor.mm", ("self", "mat2"), paired=False),
}

CLASSIFIERS: frozenset[Callable[..., Any]] = frozenset(
    {
        F.cross_entropy,
        F.nll_loss,
        F.binary_cross_entropy,
        F.binary_cross_entropy_with_logits,
        F.multi_margin_loss,
        F.multilabel_soft_margin_loss,
        F.softplus,
        torch.exp,
        Tensor.exp,
    }
)
"""What takes numbers one by one, as logits or logarithms of a scale: no embedding goes in there."""

REGRESSIONS = frozenset({"F.mse_loss", "F.l1_loss", "F.smooth_l1_loss", "F.huber_loss"})
"""Comparators that also fit predictions to numbers."""

BINARY: frozenset[Callable[..., Any]] = frozenset(
    {F.binary_cross_entropy, F.binary_cross_entropy_with_logits}
)
"""Those for which one column stands for two classes."""


@functools.cache
def _properties() -> dict[Callable[..., Any], str]:
    return {Tensor.data.__get__: "data", Tensor.T.__get__: "T"}  # type: ignore[attr-defined]


def _methods(*names: str) -> dict[Callable[..., Any], str]:
    found: dict[Callable[..., Any], str] = {}
    for name in names:
        for owner in (Tensor, torch, F):
            function = getattr(owner, name, None)
            if callable(function):
                found[function] = name
    return found


HEADS: Mapping[Callable[..., Any], str] = _methods(
    # layers that people put between an embedding and a classification
    "linear", "relu", "relu_", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "dropout",
    "batch_norm", "layer_norm",
)  # fmt: skip

CARRIERS: Mapping[Callable[..., Any], str] = _properties() | _methods(
    # one tensor in, the same embedding out: cut, copied, cast, moved, reshaped, selected, scaled
    "detach", "detach_", "clone", "contiguous", "to", "type", "float", "half", "double",
    "bfloat16", "cpu", "cuda", "numpy", "requires_grad_", "view", "view_as", "reshape", "flatten",
    "squeeze", "unsqueeze", "expand", "transpose", "t", "permute", "movedim", "__getitem__",
    "select", "narrow", "index_select", "chunk", "split", "unbind", "normalize", "mul", "div",
    "true_divide", "__mul__", "__rmul__", "__truediv__", "nan_to_num", "clamp", "roll", "repeat",
    "repeat_interleave", "tile", "expand_as",
    "gather", "copy_", "__deepcopy__",
    # pooled, shifted, joined
    "mean", "sum", "max", "amax", "amin", "add", "sub", "__add__", "__radd__", "__sub__", "rsub",
    "__rsub__", "neg", "__neg__", "cat",
    "concat", "stack", "hstack", "vstack", "log_softmax", "softmax",
)  # fmt: skip
