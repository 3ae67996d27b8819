"""The operations of which people write similarities and distances by hand.

Matched, like those in :mod:`vocabulary`, by the identity of the function torch dispatches; what
counts is what an operation does with the tensors that go in (its act), not how it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["ACTS", "METHODS"]

Function = Callable[..., object]

_OWNERS = (Tensor, torch, F, torch.linalg)

_WORDS: Mapping[str, tuple[str, ...]] = {
    "multiply": ("mul", "mul_", "multiply", "__mul__", "__rmul__"),
    "divide": ("div", "div_", "divide", "true_divide", "__truediv__"),
    "subtract": ("sub", "sub_", "subtract", "__sub__"),
    "shift": ("add", "add_", "__add__", "__radd__", "__rsub__", "__iadd__", "__isub__"),
    "reduce": ("sum", "mean", "nansum", "nanmean"),
    "norm": ("norm", "vector_norm"),
    "even": ("pow", "pow_", "__pow__", "square", "square_", "abs", "abs_", "absolute", "__abs__"),
    # what leaves each number at its place
    "pass": (
        "neg", "neg_", "negative", "__neg__", "masked_fill", "masked_fill_", "fill_diagonal_",
        "clamp", "clamp_", "clip", "exp", "exp_", "log", "sqrt", "float", "double", "half",
        "bfloat16", "to", "type", "cpu", "cuda", "contiguous", "clone", "detach", "normalize",
        "nan_to_num", "relu", "triu", "tril", "requires_grad_",
    ),
    "soften": ("softmax", "log_softmax"),
    "reshape": ("view", "reshape", "flatten", "unsqueeze", "squeeze", "__getitem__"),
    "transpose": (
        "t", "transpose", "permute", "swapaxes", "swapdims", "adjoint", "moveaxis", "movedim",
    ),
    "contract": (
        "einsum", "bmm", "baddbmm", "matmul", "__matmul__", "mm", "vecdot", "dot", "vdot",
        "inner", "tensordot", "cdist", "linear",
    ),
    "cross": ("cosine_similarity",),
    "diagonal": ("diag", "diagonal", "trace"),
    "gather": ("gather",),
    "join": ("cat", "concat", "concatenate", "vstack", "stack"),
    "squash": ("sigmoid", "sigmoid_", "logsigmoid", "softplus"),
    "choose": ("where",),
    "lose": ("cross_entropy", "nll_loss"),
    "fit": (
        "binary_cross_entropy_with_logits", "binary_cross_entropy", "mse_loss", "l1_loss",
        "smooth_l1_loss", "huber_loss",
    ),
    "diverge": ("kl_div",),
}  # fmt: skip


def _acts() -> dict[Function, tuple[str, str]]:
    found: dict[Function, tuple[str, str]] = {
        getattr(Tensor, name).__get__: ("transpose", name) for name in ("T", "mT", "H", "mH")
    }
    for act, names in _WORDS.items():
        for name in names:
            owned = (getattr(owner, name, None) for owner in _OWNERS)
            found |= {function: (act, name) for function in owned if callable(function)}
    found[torch.linalg.norm] = ("norm", "norm")
    return found


ACTS: Mapping[Function, tuple[str, str]] = _acts()
"""What each function does, and its name without underscores that Python adds to operators."""

METHODS: frozenset[Function] = frozenset(
    getattr(Tensor, name) for names in _WORDS.values() for name in names if hasattr(Tensor, name)
)
"""Those that are called on their first operand."""
