"""Operations by what they do to a shape: entry by entry, to fewer dimensions, to one more of 1.

Matched by the identity of the function torch dispatches, as in :mod:`vocabulary`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from collapse_doctor.inspector.outputs import is_plain

__all__ = [
    "BINARY",
    "COPYING",
    "FLIPPING",
    "INSERTING",
    "PRODUCTS",
    "REDUCING",
    "SQUEEZING",
    "UNARY",
    "argument",
    "dims_of",
    "named",
    "tensors_among",
    "version_of",
]

Functions = frozenset[Callable[..., Any]]


def named(*names: str) -> Functions:
    """Return every function of these names that torch offers, as a method or not."""
    owners = (Tensor, torch, F, torch.linalg)
    found = (getattr(owner, name, None) for owner in owners for name in names)
    return frozenset(function for function in found if callable(function))


COPYING = named(
    "detach", "clone", "contiguous", "to", "type", "float", "half", "double", "bfloat16", "cpu",
    "cuda",
)  # fmt: skip
UNARY = COPYING | named(
    "neg", "negative", "abs", "square", "sqrt", "rsqrt", "exp", "expm1", "log", "log1p", "log2",
    "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "logsigmoid", "softplus", "tanh",
    "clamp", "clamp_min", "clamp_max", "nan_to_num", "reciprocal", "cos", "acos", "__rpow__",
    "__neg__", "__abs__",
)  # fmt: skip
FLIPPING = named("__rsub__", "rsub")
"""``1 - y``: the labels of the other class."""
PRODUCTS = named("mul", "multiply", "__mul__", "__rmul__")
BINARY = (
    PRODUCTS
    | FLIPPING
    | named(
        "add", "sub", "subtract", "div", "divide", "true_divide", "pow", "maximum", "minimum",
        "max", "min", "where", "lerp", "__add__", "__radd__", "__sub__", "__pow__", "__truediv__",
        "__div__", "__rdiv__", "__rtruediv__",
    )
)  # fmt: skip
REDUCING = named("sum", "mean", "norm", "vector_norm", "nansum", "nanmean")
SQUEEZING = named("squeeze", "flatten", "ravel")
INSERTING = named("unsqueeze", "__getitem__", "view", "reshape")
"""What can give a tensor a dimension of 1 that it had not."""


def argument(
    args: tuple[Any, ...], kwargs: dict[str, Any], position: int, name: str, default: Any = None
) -> Any:
    """Return an argument that may be given by its position or its name."""
    return kwargs.get(name, args[position] if len(args) > position else default)


def dims_of(dim: Any, dimensions: int) -> set[int]:
    """Return the dimensions that a ``dim`` argument names, counted from the first; empty for none.

    >>> dims_of(-1, 2), dims_of((0, 1), 2), dims_of(None, 2)
    ({1}, {0, 1}, set())
    """
    given = dim if isinstance(dim, list | tuple) else (dim,)
    whole = (d for d in given if isinstance(d, int) and not isinstance(d, bool))
    return {d % dimensions for d in whole} if dimensions else set()


def tensors_among(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor] | None:
    """Return the tensors of a call in order, or None if one of them may not be looked at."""
    found = [arg for arg in (*args, *kwargs.values()) if isinstance(arg, Tensor)]
    return found if all(map(is_plain, found)) else None


def version_of(tensor: Tensor) -> int:
    """Return how often a tensor was written to; inference tensors do not count it."""
    return -1 if tensor.is_inference() else tensor._version
