"""The rows of one pass's inputs: which tensors hold them, and hashes that tell them apart."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.outputs import MOST_TENSORS, is_plain, tensors_in

__all__ = ["Entered", "Hashing", "are_masks", "entered", "few"]

MOST_VALUES = 1 << 20
"""Numbers of one tensor that are hashed; of larger ones, evenly spread ones of each row."""
DEVICES = ("cpu", "cuda", "xpu")
"""Where whole numbers of 64 bits are known to wrap around as on the host."""
MOST_LEVELS = 4
"""Containers in containers that are opened."""
MOST_KEPT = 8
"""Weights kept for as many widths; more are made anew."""

# Constants of splitmix64 (Steele, Lea & Flood 2014), as signed numbers
_WEYL, _MIX_1, _MIX_2 = (
    number - (1 << 64) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


class Entered(NamedTuple):
    """What a pass was given: ``tensors`` are those that hold rows, the first one of this name.

    ``whole`` is false where rows may be told apart by something else that went in.
    """

    name: str
    tensors: list[Tensor]
    whole: bool


def entered(module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Entered | None:
    """Return what a module was given, None where that holds no rows or must not be looked at.

    Rows are the first dimension of the first tensor, and of all others that have as many.
    """
    names = _parameters(module)
    values = [(names[i] if i < len(names) else "", value) for i, value in enumerate(args)]
    values += kwargs.items()
    found = [pair for name, value in values for pair in tensors_in(value, name)]
    held = [(name, tensor) for name, tensor in found if tensor.dim() and tensor.numel()]
    if not held or not all(is_plain(t) and t.device.type in DEVICES for _, t in held):
        return None
    name, first = held[0]
    rows = [t for _, t in held if t.shape[0] == len(first)][:MOST_TENSORS]
    same = all(t.shape[0] in (1, len(first)) for _, t in held) and len(held) <= MOST_TENSORS
    return Entered(name, rows, same and all(_is_understood(value) for _, value in values))


def _parameters(module: nn.Module) -> tuple[str, ...]:
    """Return the names of what ``forward`` takes by position, as far as it is plain Python."""
    code = getattr(getattr(type(module), "forward", None), "__code__", None)
    return () if code is None else code.co_varnames[1 : code.co_argcount]


def _is_understood(value: Any, depth: int = 0) -> bool:
    """Tell whether nothing is in a value but tensors and plain Python values."""
    if value is None or isinstance(value, Tensor | bool | int | float | complex | str | bytes):
        return True
    children = _held(value)
    if children is None or len(children) > MOST_TENSORS or depth >= MOST_LEVELS:
        return isinstance(value, torch.dtype | torch.device)
    return all(_is_understood(child, depth + 1) for child in children)


def _held(value: Any) -> list[Any] | None:
    """Return what a container holds, one more than can be looked at at most; None for no container.

    Containers run code of their users'; one that fails is not understood.
    """
    if isinstance(value, nn.utils.rnn.PackedSequence):
        return None
    try:
        if isinstance(value, Mapping):
            return list(itertools.islice(value.values(), MOST_TENSORS + 1))
        if isinstance(value, list | tuple):
            return list(itertools.islice(value, MOST_TENSORS + 1))
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return [getattr(value, field.name) for field in dataclasses.fields(value)]
    except Exception:
        return None
    return None


def are_masks(tensors: Sequence[Tensor]) -> list[bool]:
    """Tell which tensors only go with another: truth values, and whole numbers for each of its."""
    seen: set[torch.Size] = set()
    found = []
    for tensor in tensors:
        whole = tensor.dim() > 1 and not tensor.is_floating_point()
        found.append(tensor.dtype is torch.bool or (whole and tensor.shape in seen))
        if whole:
            seen.add(tensor.shape)
    return found


def few(tensor: Tensor, most_rows: int) -> Tensor:
    """Return evenly spread rows of a tensor, and evenly spread numbers of long ones, as (n, w)."""
    part = tensor.detach()[:: -(-tensor.shape[0] // most_rows)]
    while part.numel() > MOST_VALUES and part.dim() > 1 and max(part.shape[1:]) > 1:
        sizes = part.shape[1:]
        widest = 1 + max(range(len(sizes)), key=sizes.__getitem__)
        part = part[(slice(None),) * widest + (slice(None, None, 2),)]
    return part.reshape(len(part), -1)


class Hashing:
    """Hashes of rows, int64, made where the rows are and without waiting for them.

    Sums of the rows' words with weights of 64 bits (Lemire & Kaser 2014): rows that differ share
    one with a probability below 2⁻⁴⁰, for floating-point words may have common factors.
    """

    def __init__(self) -> None:
        self._weights: dict[tuple[torch.device, int], Tensor] = {}

    def of(self, tensors: Sequence[Tensor]) -> Tensor:
        """Return hashes (n, 1 + k) of the rows of k tensors (n, w): together, and each alone."""
        each = [self._of(tensor) for tensor in tensors]
        together = each[0]
        for hashes in each[1:]:
            together = together * _WEYL + hashes
        return torch.stack([together, *each], dim=1)

    def _of(self, rows: Tensor) -> Tensor:
        words = _words(rows).to(torch.int64)
        return (words * self._weights_for(words)).sum(dim=1)

    def _weights_for(self, words: Tensor) -> Tensor:
        key = words.device, words.shape[1]
        if key not in self._weights:
            if len(self._weights) >= MOST_KEPT:
                self._weights.clear()
            count = torch.arange(1, words.shape[1] + 1, out=words.new_empty(words.shape[1]))
            mixed = count * _WEYL
            mixed = (mixed ^ (mixed >> 30)) * _MIX_1
            mixed = (mixed ^ (mixed >> 27)) * _MIX_2
            self._weights[key] = mixed ^ (mixed >> 31)
        return self._weights[key]


def _words(rows: Tensor) -> Tensor:
    """Return rows as whole numbers; 0.0 and -0.0 are one."""
    if rows.is_complex():
        rows = torch.view_as_real(rows.resolve_conj()).flatten(1)
    if not rows.is_floating_point():
        return rows
    return (rows + 0.0).contiguous().view(torch.int16 if rows.element_size() == 2 else torch.int32)
