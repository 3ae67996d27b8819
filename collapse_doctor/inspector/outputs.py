"""From whatever a model returns to named tensors, and from a tensor to embedding rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["Rows", "embeddings_among", "is_plain", "local_part", "pool", "tensors_in"]

MOST_STACKED = 8
"""Vectors of one sample that were stacked in front of the batch: views, moments, heads."""
MOST_TENSORS = 16
DEEPEST = 4

# Asked a hundred times in a step that is looked at: names found at once, and no call in vain.
_TYPES = frozenset({Tensor, nn.Parameter})
_STRIDED = torch.strided
_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
_READABLE = frozenset(
    {
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
        *(torch.complex32, torch.complex64, torch.complex128),
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.uint16, torch.uint32, torch.uint64),
    }
)
"""All but what is quantized and floating numbers of 8 bits and less."""

# Modules whose three-dimensional output is (batch, channel, length), not (batch, time, feature).
_CHANNEL_FIRST = (
    nn.Conv1d,
    nn.ConvTranspose1d,
    nn.BatchNorm1d,
    nn.InstanceNorm1d,
    nn.MaxPool1d,
    nn.AvgPool1d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveMaxPool1d,
)


class Rows(NamedTuple):
    """Embedding rows (n, d) and a few words on how they came from the tensor (empty if as is).

    ``values`` are views of the tensor where ``how`` is empty, and new memory otherwise.
    """

    values: Tensor
    how: str

    @property
    def is_copy(self) -> bool:
        """True when the rows do not lie in the tensor's own memory."""
        return bool(self.how)


def is_plain(tensor: Tensor) -> bool:
    """Tell whether a tensor's memory and values may be looked at.

    Subclasses (DTensor, FakeTensor, user's own), tensors wrapped by ``torch.func``, sparse, nested,
    quantized, 8-bit floating and meta tensors answer such questions wrongly or raise; they are left
    alone.
    """
    return (
        type(tensor) in _TYPES
        and tensor.layout is _STRIDED
        and tensor.dtype in _READABLE
        and not tensor.is_nested
        and not tensor.is_meta
        and not _is_wrapped(tensor)
    )


def local_part(tensor: Tensor) -> Tensor:
    """Return what this process holds of a tensor sharded over several (DTensor), or all of it."""
    if type(tensor) in _TYPES:
        return tensor
    part = getattr(tensor, "_local_tensor", None)
    return part if isinstance(part, Tensor) else tensor


def tensors_in(output: Any, name: str = "output", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Yield ``(name, tensor)`` for every tensor in a nested output, in its own order.

    Names read as the code that would reach the tensor: ``output``, ``output[0]``,
    ``output['z']``, ``output.pooled``. Tuples, lists, mappings (also transformers'
    ``ModelOutput``), named tuples, dataclasses and packed sequences are opened.
    """
    if isinstance(output, Tensor):
        yield name, output
    elif depth < DEEPEST:
        for child_name, child in _first_children(output, name):
            yield from tensors_in(child, child_name, depth + 1)


def _first_children(output: Any, name: str) -> list[tuple[str, Any]]:
    try:
        return list(islice(_children(output, name), MOST_TENSORS))
    except Exception:  # containers run code of their users'; one that fails is not opened
        return []


def _children(output: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what a container holds, by the code that reaches it. Iterators are never touched."""
    if isinstance(output, nn.utils.rnn.PackedSequence):
        yield f"{name}.data", output.data
    elif isinstance(output, Mapping):
        yield from ((f"{name}[{key!r}]", value) for key, value in output.items())
    elif isinstance(output, tuple) and hasattr(output, "_fields"):
        yield from ((f"{name}.{field}", getattr(output, field)) for field in output._fields)
    elif isinstance(output, list | tuple):
        yield from ((f"{name}[{index}]", value) for index, value in enumerate(output))
    elif dataclasses.is_dataclass(output) and not isinstance(output, type):
        names = [field.name for field in dataclasses.fields(output)]
        yield from ((f"{name}.{n}", getattr(output, n)) for n in names if hasattr(output, n))


def embeddings_among(tensors: list[tuple[str, Tensor]]) -> list[tuple[str, Tensor]]:
    """Return those tensors among a model's outputs that may be embeddings.

    One row that was expanded over the batch is not. Beside outputs that take a gradient those
    that do not are masks, initial states and the like.
    """
    rows = [
        (name, tensor)
        for name, tensor in tensors
        if tensor.is_floating_point()
        and tensor.dim() >= 2
        and not (tensor.stride(0) == 0 and tensor.shape[0] > 1)
    ]
    trained = [(name, tensor) for name, tensor in rows if tensor.requires_grad]
    return trained or rows


def pool(
    tensor: Tensor,
    module: nn.Module | None = None,
    most_rows: int | None = None,
    batch: int | None = None,
) -> Rows | None:
    """Return one embedding row per sample, or None if the tensor holds no embeddings.

    (B, d) is taken as it is; (B, T, d) is averaged over T; (B, C, L), (B, C, H, W) and
    (B, C, D, H, W) over their positions. Of (V, B, d), a few vectors of each sample stacked in
    front of the batch, all are rows. Scalars, vectors, integers and complex numbers are not
    embeddings. The mean over T knows no padding mask, which the words returned say.

    Parameters
    ----------
    tensor, module
        What was returned, by which module.
    most_rows
        Of more samples, evenly spread ones are taken; None takes all.
    batch
        How many samples entered the model, if that is known.
    """
    if not is_plain(tensor) or not tensor.is_floating_point() or tensor.numel() == 0:
        return None
    values = tensor.detach()
    if values.dim() == 3:
        if batch is not None and _is_stack(values, batch, module):
            return _unstack(values, most_rows)
        return _pool_sequence(values, module, most_rows)
    values = _spread(values, 0, most_rows)
    if values.dim() == 2:
        return Rows(values, "")
    if values.dim() in (4, 5):
        places = "x".join(str(size) for size in values.shape[2:])
        return Rows(values.flatten(2).mean(2), f"mean over {places} positions of each channel")
    return None


def _is_stack(values: Tensor, batch: int, module: nn.Module | None) -> bool:
    """Tell whether a few vectors of each sample were stacked in front of the batch."""
    if isinstance(module, (*_CHANNEL_FIRST, nn.RNNBase)):
        return False
    return values.shape[0] <= MOST_STACKED and values.shape[0] != batch == values.shape[1]


def _unstack(values: Tensor, most_rows: int | None) -> Rows:
    few = _spread(values, 1, None if most_rows is None else most_rows // values.shape[0])
    return Rows(few.flatten(0, 1), f"{values.shape[0]} vectors of each sample, each of them a row")


def _pool_sequence(values: Tensor, module: nn.Module | None, most_rows: int | None) -> Rows:
    if isinstance(module, _CHANNEL_FIRST):
        few = _spread(values, 0, most_rows)
        return Rows(few.mean(2), f"mean over {values.shape[2]} positions of each channel")
    time = 0 if getattr(module, "batch_first", None) is False else 1
    few = _spread(values, 1 - time, most_rows)
    return Rows(few.mean(time), f"mean over {values.shape[time]} positions, padding included")


def _spread(values: Tensor, dim: int, most: int | None) -> Tensor:
    """Return at most ``most`` entries along ``dim``, evenly spread, as a view."""
    if most is None or values.shape[dim] <= most:
        return values
    step = -(-values.shape[dim] // most)
    return values[::step] if dim == 0 else values[:, ::step]
