"""Whether the last dimension of an embedding holds its features, by what made it.

A linear layer, a layer norm, a table of embeddings and a recurrent network put features last; a
convolution does not. The graph of autograd tells which of them a tensor came from, without reading
a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from torch import Tensor

__all__ = ["has_features_last"]

MOST_NODES = 48
"""Nodes of the graph that are gone through."""

_BY_ENTRY = frozenset(
    {
        *("Add", "Alias", "Celu", "Clone", "Contiguous", "Div", "Dropout", "Elu", "Gelu"),
        *("Hardtanh", "LeakyRelu", "MaskedFill", "Mish", "Mul", "NativeDropout", "Neg"),
        *("PreluKernel", "Relu", "Sigmoid", "Silu", "Softplus", "Sub", "Tanh", "ToCopy"),
    }
)
"""What works entry by entry, where a tensor and what it was made of have one shape."""
_CUTTING = frozenset(["Slice", "Split", "Roll", "Index", "IndexSelect", "Flip", "Narrow"])
"""What takes some of the rows or positions, and leaves features as wide as they were."""
_LAST = frozenset(["NativeLayerNorm", "FusedRmsNorm", "Embedding"])
_RECURRENT = frozenset(["MkldnnRnnLayer", "CudnnRnn", "MiopenRnn"])
_TURNING = frozenset(["Transpose", "Permute"])
_PRODUCTS = frozenset(["Addmm", "Mm"])
_FOLDING = frozenset(["View", "UnsafeView", "ReshapeAlias"])
_KIND = re.compile(r"(?:.*::)?(\w+?)Backward\d*$")


def has_features_last(tensor: Tensor) -> bool:
    """Tell whether a tensor (n, m, d) was made by what puts features in the last dimension.

    False where it is not known. A linear layer over what was turned before may as well work along
    positions, as mixers of tokens do, and proves nothing.
    """
    waiting = [node for node in (tensor.grad_fn,) if node is not None]
    width = tensor.shape[-1] if tensor.dim() == 3 else 0
    seen: set[int] = set()
    while waiting and len(seen) < MOST_NODES:
        node = waiting.pop()
        if id(node) in seen or _shape(node)[-1:] != (width,):
            continue
        seen.add(id(node))
        if _puts_last(node):
            return True
        waiting.extend(below for below in _before(node) if len(_shape(below)) == 3)
    return False


def _puts_last(node: Any) -> bool:
    """Tell whether a node of three dimensions is the output of a layer with features last."""
    kind, below = _kind(node), _below(node)
    if kind in _LAST:
        return True
    if kind in _FOLDING and below and _kind(below[0]) in _PRODUCTS:
        rows, width = _shape(below[0])
        first, second, last = _shape(node)
        return (first * second, last) == (rows, width) and not _is_of_turned(below[0])
    if kind == "Cat":  # both directions of a recurrence
        return bool(below) and all(map(_is_recurrent, below))
    return _is_recurrent(node)


def _is_of_turned(product: Any) -> bool:
    """Tell whether the rows of a product of matrices were columns before: it, or one before it."""
    node = product
    for _ in range(MOST_NODES):
        if _kind(node) in _LAST | _RECURRENT:
            return False
        if _kind(node) in _TURNING and len(_shape(node)) == 3 and not _keeps_last(node):
            return True
        # Of a layer's parents the first that is no weight of its own is what it was given.
        given = [below for below in _below(node) if _kind(below) not in ("", "T")]
        if not given:
            return False
        node = given[0]
    return False


def _is_recurrent(node: Any) -> bool:
    """Tell whether it is a recurrent layer's: a node of its own, or rows (n, d) that were stacked.

    These were each computed from the one before.
    """
    if _kind(node) in _RECURRENT:
        return True
    states = _below(node) if _kind(node) == "Stack" else []
    if len(states) < 2 or any(len(_shape(state)) != 2 for state in states[:2]):
        return False
    return _leads_to(states[1], states[0]) or _leads_to(states[0], states[1])


def _leads_to(after: Any, before: Any) -> bool:
    """Tell whether one node was computed from another, a few operations away."""
    waiting, seen = _below(after), {id(after)}
    while waiting and len(seen) < MOST_NODES:
        node = waiting.pop(0)
        if node is before:
            return True
        if id(node) not in seen:
            seen.add(id(node))
            waiting.extend(_below(node))
    return False


def _before(node: Any) -> Iterator[Any]:
    """Yield what a node made its output of, if that has features where the output has."""
    kind = _kind(node)
    if kind in _BY_ENTRY or kind in _CUTTING or (kind in _TURNING and _keeps_last(node)):
        yield from _below(node)


def _keeps_last(node: Any) -> bool:
    """Tell whether dimensions changed places in front of the last one alone."""
    if _kind(node) == "Permute":
        return bool(node._saved_dims[-1] in (2, -1, 2**64 - 1))
    dims = {_signed(node._saved_dim0) % 3, _signed(node._saved_dim1) % 3}
    return dims == {0, 1}


def _signed(dim: int) -> int:
    return dim - 2**64 if dim >= 2**63 else dim


def _below(node: Any) -> list[Any]:
    return [below for below, _ in node.next_functions if below is not None]


def _kind(node: Any) -> str:
    found = _KIND.match(node.name())
    return found[1] if found is not None else ""


def _shape(node: Any) -> tuple[int, ...]:
    """Return the shape of the first thing a node put out, empty where it does not say."""
    put_out = getattr(node, "_input_metadata", ())
    return tuple(put_out[0].shape) if put_out else ()
