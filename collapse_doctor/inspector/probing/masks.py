"""Which positions of a batch are padding: by a mask, by lengths, or by the id of padding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.probing.bench import CannotRun

__all__ = ["Found", "Key", "axes_of", "by_id", "by_lengths", "by_mask", "is_ids", "padding_id"]

Key = int | str
"""An argument: its position or its keyword."""

Found = tuple[Tensor, Key | None, Any]
"""What is real (B, T), the argument that says so if it is a mask, and its value for padding."""


def by_mask(entries: Mapping[Key, Any], names: Mapping[Key, str]) -> Found | None:
    """Return what the first mask (B, T) says, of ones and zeros or added to scores."""
    for key, value in entries.items():
        name = names[key].lower()
        if not isinstance(value, Tensor) or value.dim() != 2:
            continue
        if "mask" not in name and (name or value.dtype != torch.bool):
            continue
        values = value.detach().cpu()
        kinds = values.unique().tolist()
        if len(kinds) <= 2 and any(other != key for other, _ in axes_of(entries, values)):
            real, padding = _polarity(values, kinds, name)
            return real, key, padding
    return None


def _polarity(values: Tensor, kinds: list[Any], name: str) -> tuple[Tensor, Any]:
    """Return which positions are real, and the value of those that are not.

    Raises CannotRun where that could be read in two ways: what is then taken for padding would be
    real, and every model would react to it.
    """
    if values.is_floating_point() and kinds[0] < 0:  # added to scores
        return values == 0, kinds[0]
    known = "pad" in name or "attention" in name or "valid" in name
    real = 0 if "pad" in name else 1
    if not known and len(kinds) < 2:
        raise CannotRun(
            "the mask of the probe marks no position as padding, so that it is not known which of "
            "its values would: give a batch with padded rows"
        )
    found = values == real
    if "attention" not in name and not bool(found[:, 0].all()):
        raise CannotRun("the mask of the probe may mark padding before the rows or what is real")
    return found, values.new_tensor(1 - real).item()


def by_lengths(entries: Mapping[Key, Any], names: Mapping[Key, str]) -> Found | None:
    """Return what the lengths (B,) say, a tensor or a list."""
    for key, value in entries.items():
        name = names[key].lower()
        if not ("length" in name or name.endswith(("lens", "len"))):
            continue
        lengths = torch.as_tensor(value) if isinstance(value, Tensor | list | tuple) else None
        if lengths is None or lengths.dim() != 1 or lengths.is_floating_point():
            continue
        lengths = lengths.cpu()
        positions = _positions(entries, key, lengths)
        if positions is not None:
            return torch.arange(positions) < lengths[:, None], None, None
    return None


def _positions(entries: Mapping[Key, Any], own: Key, lengths: Tensor) -> int | None:
    """Return the number of positions of the first tensor that has as many rows as lengths."""
    count, longest = len(lengths), int(lengths.max())
    for key, value in entries.items():
        if key == own or not isinstance(value, Tensor) or value.dim() < 2:
            continue
        if value.shape[0] == count and value.shape[1] >= longest:
            return int(value.shape[1])
        if value.shape[1] == count and value.shape[0] >= longest:
            return int(value.shape[0])
    return None


def by_id(model: nn.Module, entries: Mapping[Key, Any]) -> Found | None:
    """Return what ``padding_idx`` says, where rows of the probe end or begin with it."""
    padding = padding_id(model)
    for value in entries.values():
        if padding is not None and is_ids(value) and value.dim() == 2:
            real = (value != padding).cpu()
            if bool((~real).any()):
                return real, None, padding
    return None


def padding_id(model: nn.Module) -> int | None:
    """Return the id that the first embedding table of a model has for padding, if any has one."""
    tables = (module for module in model.modules() if isinstance(module, nn.Embedding))
    return next((t.padding_idx for t in tables if t.padding_idx is not None), None)


def is_ids(value: Any) -> bool:
    """Tell whether an argument is a tensor of whole numbers."""
    return isinstance(value, Tensor) and value.dtype in (torch.int64, torch.int32)


def axes_of(entries: Mapping[Key, Any], real: Tensor) -> Iterator[tuple[Key, int]]:
    """Yield the arguments that hold something for each position, and the axis of the positions."""
    shape = tuple(real.shape)
    for key, value in entries.items():
        if isinstance(value, Tensor) and tuple(value.shape[:2]) == shape:
            yield key, 1
        elif isinstance(value, Tensor) and tuple(value.shape[:2]) == shape[::-1]:
            yield key, 0
