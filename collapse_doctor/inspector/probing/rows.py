"""A probe batch with other rows, or with noise in the place of its values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.probing.batch import Batch

__all__ = ["count_of", "noisy", "real_among", "selected"]

DEEPEST = 3
KINDS = 2
"""Values a tensor must have more of to be data: of two kinds are masks and flags."""


def real_among(batch: Batch) -> list[Tensor]:
    """Return those tensors of a batch that are rows of real numbers, without masks and ids."""
    return [
        tensor
        for tensor in _all_tensors(batch)
        if is_plain(tensor) and tensor.is_floating_point() and tensor.dim() > 1 and _is_data(tensor)
    ]


def count_of(batch: Batch) -> int:
    """Return how many rows a batch has: the first size of its first tensor; 0 without any."""
    return next((tensor.shape[0] for tensor in _all_tensors(batch) if tensor.dim()), 0)


def selected(batch: Batch, rows: Tensor) -> Batch:
    """Return some rows of a batch, in that order; what does not have as many entries stays."""
    count = count_of(batch)

    def take(tensor: Tensor) -> Tensor:
        fits = tensor.dim() > 0 and tensor.shape[0] == count
        return tensor.index_select(0, rows.to(tensor.device)) if fits else tensor

    return _changed(batch, take)


def noisy(batch: Batch, seed: int = 0) -> tuple[Batch, int]:
    """Return a batch of noise like the data, and how many of its tensors are noise.

    Real numbers are drawn from a normal distribution of their mean and spread, within their range;
    whole numbers (ids) are those of the batch, dealt out anew. Masks and flags stay.
    """
    generator = torch.Generator().manual_seed(seed)
    replaced = 0

    def change(tensor: Tensor) -> Tensor:
        nonlocal replaced
        if not is_plain(tensor) or not tensor.dim() or not _is_data(tensor):
            return tensor
        replaced += 1
        return _noise(tensor, generator)

    return _changed(batch, change), replaced


def _is_data(tensor: Tensor) -> bool:
    if tensor.dtype == torch.bool or tensor.is_complex():
        return False
    return len(torch.unique(tensor.detach().flatten()[: 1 << 16])) > KINDS


def _noise(tensor: Tensor, generator: torch.Generator) -> Tensor:
    values = tensor.detach().cpu()
    if not values.is_floating_point():
        order = torch.randperm(values.numel(), generator=generator)
        return values.flatten()[order].reshape(values.shape).to(tensor.device)
    known = values.double().nan_to_num(0.0, 0.0, 0.0)
    drawn = torch.randn(values.shape, generator=generator, dtype=torch.float64)
    noise = (known.mean() + known.std() * drawn).clamp(known.min(), known.max())
    return noise.to(tensor)


def _changed(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    kwargs = {key: _mapped(value, change, 1) for key, value in (batch.kwargs or {}).items()}
    return replace(
        batch, args=tuple(_mapped(value, change, 1) for value in batch.args), kwargs=kwargs
    )


def _mapped(value: Any, change: Callable[[Tensor], Tensor], depth: int) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if depth < DEEPEST and type(value) is dict:
        return {key: _mapped(one, change, depth + 1) for key, one in value.items()}
    if depth < DEEPEST and type(value) in (list, tuple):
        return type(value)(_mapped(one, change, depth + 1) for one in value)
    return value


def _all_tensors(batch: Batch) -> Iterator[Tensor]:
    return _tensors((batch.args, batch.kwargs or {}), 0)


def _tensors(value: Any, depth: int) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth <= DEEPEST:
        inner = value.values() if isinstance(value, Mapping) else value
        for one in inner if isinstance(value, Mapping | list | tuple) else ():
            yield from _tensors(one, depth + 1)
