"""Where in a batch the sequences are, which of their positions are padding, and adding more."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.probing.batch import Batch
from collapse_doctor.inspector.probing.bench import CannotRun

__all__ = ["Sequences", "sequences_in"]

NO_MASK = (
    "nothing in the probe says which positions are padding: a mask or lengths among the "
    "arguments, or an nn.Embedding with padding_idx, would"
)

Key = int | str


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
    found = _by_mask(entries, names) or _by_lengths(entries, names) or _by_id(model, entries)
    if found is None:
        raise CannotRun(NO_MASK)
    real, mask, padding = found
    axes = dict(_axes(entries, real))
    if not any(key != mask for key in axes):
        raise CannotRun(f"no argument has the shape {tuple(real.shape)} of the mask")
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


Found = tuple[Tensor, Key | None, Any]


def _by_mask(entries: Mapping[Key, Any], names: Mapping[Key, str]) -> Found | None:
    for key, value in entries.items():
        name = names[key].lower()
        if not isinstance(value, Tensor) or value.dim() != 2:
            continue
        if "mask" not in name and (name or value.dtype != torch.bool):
            continue
        values = value.detach().cpu()
        kinds = values.unique().tolist()
        if len(kinds) <= 2 and any(other != key for other, _ in _axes(entries, values)):
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


def _by_lengths(entries: Mapping[Key, Any], names: Mapping[Key, str]) -> Found | None:
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


def _by_id(model: nn.Module, entries: Mapping[Key, Any]) -> Found | None:
    """Return what ``padding_idx`` says, where rows of the probe end or begin with it."""
    padding = _padding_id(model)
    for value in entries.values():
        if padding is not None and _is_ids(value) and value.dim() == 2:
            real = (value != padding).cpu()
            if bool((~real).any()):
                return real, None, padding
    return None


def _padding_id(model: nn.Module) -> int | None:
    tables = (module for module in model.modules() if isinstance(module, nn.Embedding))
    return next((t.padding_idx for t in tables if t.padding_idx is not None), None)


def _is_ids(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype in (torch.int64, torch.int32)


def _axes(entries: Mapping[Key, Any], real: Tensor) -> Iterator[tuple[Key, int]]:
    """Yield the arguments that hold something for each position, and the axis of the positions."""
    shape = tuple(real.shape)
    for key, value in entries.items():
        if isinstance(value, Tensor) and tuple(value.shape[:2]) == shape:
            yield key, 1
        elif isinstance(value, Tensor) and tuple(value.shape[:2]) == shape[::-1]:
            yield key, 0


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
    if _is_ids(value):
        own = -100 if "label" in name.lower() or "target" in name.lower() else None
        return own if own is not None else _padding_id(model) or 0
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
