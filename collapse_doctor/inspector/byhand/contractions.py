"""Which rows meet in a product that sums over features: row i and row i, or all pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from torch import Tensor, nn

__all__ = ["Contraction", "contraction", "sums_features"]


class Contraction(NamedTuple):
    """The operands of a product; rows are paired along ``dim``, or all pairs make a table.

    ``turned`` says that the rows of the right operand are its columns, as in ``a @ b.T``;
    ``batched`` that rows are (B, 1, d) and (B, d, 1).
    """

    left: Tensor
    right: Tensor
    kind: Literal["paired", "table"]
    dim: int = -1
    turned: bool = False
    batched: bool = False

    @property
    def rows(self) -> tuple[Tensor, Tensor]:
        """The rows that meet, as views."""
        if self.batched:
            return self.left[:, 0], self.right[:, :, 0]
        return self.left, self.right


def contraction(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Contraction | None:
    """Return what one call contracts, or None if that is no product of two sets of rows."""
    if name == "einsum":
        return _einsum(args)
    keys = ("input", "tensor", "other", "mat2", "weight", "bias")
    given = [*args, *(kwargs[key] for key in keys if key in kwargs)]
    tensors = [arg for arg in given if isinstance(arg, Tensor)]
    if name == "linear":
        return _linear(tensors)
    if len(tensors) < 2:
        return None
    left, right = tensors[-2:]
    if name == "tensordot":
        return _tensordot(left, right, args[2] if len(args) > 2 else kwargs.get("dims", 2))
    if name == "vecdot":
        dim = kwargs.get("dim", args[2] if len(args) > 2 else -1)
        return Contraction(left, right, "paired", dim) if left.shape == right.shape else None
    if name in ("cdist", "inner") and left.dim() == right.dim() == 2:
        return Contraction(left, right, "table")
    return _matrices(left, right)


def _linear(tensors: list[Tensor]) -> Contraction | None:
    """Return the table of ``F.linear(a, b)``, unless it is a layer, with weights of its own."""
    if len(tensors) != 2 or isinstance(tensors[1], nn.Parameter):
        return None
    left, right = tensors
    return Contraction(left, right, "table") if left.dim() == right.dim() == 2 else None


def _matrices(left: Tensor, right: Tensor) -> Contraction | None:
    if left.dim() == right.dim() == 1:
        return Contraction(left, right, "paired")
    if left.dim() == right.dim() == 2:
        return Contraction(left, right, "table", turned=True)
    if left.dim() == right.dim() == 3 and left.shape[1] == 1 == right.shape[2]:
        same = left.shape[0] == right.shape[0] and left.shape[2] == right.shape[1]
        return Contraction(left, right, "paired", batched=True) if same else None
    return None


def _tensordot(left: Tensor, right: Tensor, dims: Any) -> Contraction | None:
    if isinstance(dims, int):
        whole = dims == left.dim() and left.shape == right.shape
        return Contraction(left, right, "paired") if whole else None
    plain = isinstance(dims, tuple | list) and len(dims) == 2
    ones, others = (_listed(one) for one in dims) if plain else ([], [])
    if ones == others == list(range(left.dim())) and left.shape == right.shape:
        return Contraction(left, right, "paired")
    if left.dim() == right.dim() == 2 and ones in ([1], [-1]) and others in ([1], [-1]):
        return Contraction(left, right, "table")
    return None


def _listed(dims: Any) -> list[Any]:
    return list(dims) if isinstance(dims, tuple | list) else [dims]


def _einsum(args: tuple[Any, ...]) -> Contraction | None:
    equation, *operands = args
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = list(operands[0])
    if not isinstance(equation, str) or len(operands) != 2:
        return None
    left, right = operands
    if not isinstance(left, Tensor) or not isinstance(right, Tensor):
        return None
    inputs, arrow, output = equation.replace(" ", "").replace("...", ".").partition("->")
    ones, _, others = inputs.partition(",")
    if not arrow:
        output = "".join(c for c in sorted({*inputs} - {","}) if inputs.count(c) == 1)
    summed = [place for place, letter in enumerate(ones) if letter not in output]
    if ones == others and summed:
        over_rows = bool(output) and 0 in summed  # as in a covariance: its diagonal
        paired = left.shape == right.shape and not over_rows
        dim = summed[-1] - len(ones) if output else -1
        return Contraction(left, right, "paired", dim) if paired else None
    return _table(left, right, ones, others, output)


def _table(left: Tensor, right: Tensor, ones: str, others: str, output: str) -> Contraction | None:
    if len(ones) != 2 or len(others) != 2 or left.dim() != 2 or right.dim() != 2:
        return None
    if ones[1] not in others or ones[1] in output or {*output} != {*ones, *others} - {ones[1]}:
        return None
    turned = others[0] == ones[1]  # 'nc,ck->nk', as a matrix product
    return Contraction(left, right, "table", turned=turned) if len(output) == 2 else None


def sums_features(dims: Any, order: int) -> int | None:
    """Return the feature dimension that a sum over ``dims`` of ``order`` dimensions takes.

    All of them, the last, or the channels of (B, C, H, W). None for a sum over rows: that of a
    product is a covariance.
    """
    if dims is None or (isinstance(dims, tuple | list) and not dims):
        return -1
    taken = {dim % order for dim in _listed(dims) if isinstance(dim, int) and order}
    if taken and (order == 1 or 0 not in taken or len(taken) == order):
        if order - 1 in taken:
            return -1
        return 1 if order >= 4 and 1 in taken else None
    return None
