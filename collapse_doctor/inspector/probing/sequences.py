"""Where in a batch the sequences are, which of their positions are padding, and adding more."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.probing.batch import Batch
from collapse_doctor.inspector.probing.bench import CannotRun
from collapse_doctor.inspector.probing.masks import (
    Key,
    axes_of,
    by_id,
    by_lengths,
    by_mask,
    is_ids,
    padding_id,
)

__all__ = ["Sequences", "sequences_in"]

NO_MASK = (
    "nothing in the probe says which positions are padding: a mask or lengths among the "
    "arguments, or an nn.Embedding with padding_idx, would"
)


@dataclass(frozen=True, eq=False)
class Sequences:
    """A batch of sequences, by its arguments. ``real`` (B, T) is True where no padding is."""

    batch: Batch
    entries: Mapping[Key, Any]
    nested: bool
    real: Tensor
    mask: Key | None
    fills: Mapping[Key, Tensor | float]
    axes: Mapping[Key, int]

    @property
    def rows(self) -> int:
        """Number of sequences, B."""
        return self.real.shape[0]

    @property
    def length(self) -> int:
        """Number of positions, T."""
        return self.real.shape[1]

    @property
    def left(self) -> bool:
        """Whether padding stands before the sequences, and not behind them."""
        return bool((~self.real[:, 0]).any())

    def extended(self, more: int) -> Batch:
        """Return the batch with ``more`` positions of padding for every row."""
        changed = {
            key: _extended(value, self.axes[key], more, self.fills[key], left=self.left)
            if key in self.axes
            else value
            for key, value in self.entries.items()
        }
        return self._rebuilt(changed)

    def selected(self, rows: Tensor, length: int | None = None) -> Batch:
        """Return some rows of the batch, in that order, cut to ``length`` positions."""
        changed = {}
        for key, value in self.entries.items():
            axis = 1 - self.axes[key] if key in self.axes else 0
            kept = _rows(value, rows, axis, self.rows)
            if key in self.axes and length is not None:
                start = self.length - length if self.left else 0
                kept = kept.narrow(self.axes[key], start, length)
            changed[key] = kept
        return self._rebuilt(changed)

    def _rebuilt(self, entries: Mapping[Key, Any]) -> Batch:
        if self.nested:
            return Batch((dict(entries),))
        places = sorted(key for key in entries if isinstance(key, int))
        args = tuple(entries[place] for place in places)
        return Batch(args, {str(k): v for k, v in entries.items() if isinstance(k, str)})


def sequences_in(model: nn.Module, batch: Batch) -> Sequences:
    """Return the sequences of a batch.

    Raises
    ------
    CannotRun
        If there are none, or nothing tells which of their positions are padding.
    """
    entries, names, nested = _entries(model, batch)
    found = by_mask(entries, names) or by_lengths(entries, names) or by_id(model, entries)
    if found is None:
        raise CannotRun(NO_MASK)
    real, mask, padding = found
    axes = dict(axes_of(entries, real))
    if not any(key != mask for key in axes):
        raise CannotRun(f"no argument has the shape {tuple(real.shape)} of the mask")
    _require_one_kind(entries, names, axes, mask)
    _require_one_side(real)
    before = bool((~real[:, 0]).any())
    if before and not any(
        _is_constant(entries[key], ~real, axes[key]) for key in axes if key != mask
    ):
        raise CannotRun("what the mask of the probe calls padding before the rows varies")
    fills = {
        key: padding if key == mask else _fill(model, names[key], entries[key], real, axis)
        for key, axis in axes.items()
    }
    return Sequences(batch, entries, nested, real, mask, fills, axes)


def _entries(model: nn.Module, batch: Batch) -> tuple[dict[Key, Any], dict[Key, str], bool]:
    """Return the arguments by position or keyword, and the names that ``forward`` gives them."""
    if len(batch.args) == 1 and not batch.kwargs and isinstance(batch.args[0], Mapping):
        inner = {str(key): value for key, value in batch.args[0].items()}
        entries: dict[Key, Any] = {key: inner[key] for key in inner}
        return entries, {key: key for key in inner}, True
    entries = dict(enumerate(batch.args))
    entries.update(batch.kwargs or {})
    names: dict[Key, str] = {key: key if isinstance(key, str) else "" for key in entries}
    for place, name in enumerate(_parameters(model)[: len(batch.args)]):
        names[place] = name
    return entries, names, False


def _parameters(model: nn.Module) -> list[str]:
    """Return the names of the positional parameters of ``forward``."""
    try:
        parameters = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one.name for one in parameters if one.kind in kinds]


def _require_one_kind(
    entries: Mapping[Key, Any], names: Mapping[Key, str], axes: Mapping[Key, int], mask: Key | None
) -> None:
    """Raise where one argument may be padded as another mask says, or by another id."""
    masks = [
        key for key in axes if "mask" in names[key].lower() or entries[key].dtype == torch.bool
    ]
    if any(key != mask for key in masks):
        raise CannotRun("the probe has several masks, and which is whose is not known")
    if mask is None and sum(is_ids(entries[key]) for key in axes) > 1:
        raise CannotRun("the probe has several sequences of ids and no mask")


def _require_one_side(real: Tensor) -> None:
    """Raise unless padding stands at one and the same end of the rows."""
    behind = bool((real[:, 1:] <= real[:, :-1]).all())
    before = bool((real[:, 1:] >= real[:, :-1]).all())
    if not (behind or before) or bool((~real).all(1).any()):
        raise CannotRun("the mask of the probe marks other positions than those at one end")


def _is_constant(value: Tensor, where: Tensor, axis: int) -> bool:
    """Tell whether one thing stands at all positions ``where`` (B, T) there is padding."""
    by_row = value if axis == 1 else value.transpose(0, 1)
    found = by_row.detach().cpu()[where]
    return bool((found == found[0]).all())


def _fill(model: nn.Module, name: str, value: Tensor, real: Tensor, axis: int) -> Any:
    """Return what stands at padded positions, as it does in the probe where that has any."""
    by_row = value if axis == 1 else value.transpose(0, 1)
    masked = (~real).nonzero()
    if len(masked):
        row, position = masked[-1 if real[:, 0].all() else 0].tolist()
        return by_row[row, position].detach().clone()
    if is_ids(value):
        own = -100 if "label" in name.lower() or "target" in name.lower() else None
        return own if own is not None else padding_id(model) or 0
    return 0


def _extended(value: Tensor, axis: int, more: int, fill: Any, *, left: bool) -> Tensor:
    shape = list(value.shape)
    shape[axis] = more
    own = torch.as_tensor(fill, dtype=value.dtype, device=value.device)
    padding = own.expand(shape)
    return torch.cat((padding, value) if left else (value, padding), axis)


def _rows(value: Any, rows: Tensor, axis: int, count: int) -> Any:
    if isinstance(value, Tensor):
        fits = value.dim() > axis and value.shape[axis] == count
        return value.index_select(axis, rows.to(value.device)) if fits else value
    if isinstance(value, list | tuple) and len(value) == count:
        return type(value)([value[row] for row in rows.tolist()])
    return value
