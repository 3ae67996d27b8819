"""Finding the tables in values of Python: tensors, arrays, lists, dictionaries, nested."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from collapse_doctor.readers.choice import LABEL_NAMES, PARAMETER
from collapse_doctor.readers.contents import Entry, array_entry, tensor_entry, text_entry

__all__ = ["walk"]

MAX_DEPTH = 5
MAX_ITEMS = 1_000  # of a list whose items are tables of their own


def walk(value: Any, name: str = "", *, group: str = "", depth: int = 0) -> Iterator[Entry]:
    """Yield the tables in a value, outermost first.

    A list of tensors of equal width is one table. A dictionary of 1-D tensors of equal width
    (one vector per name) is one table as well. The items of other lists are named ``[0]``,
    ``[1]`` …, those of dictionaries by their key, behind the name of what holds them and a dot.

    Parameters
    ----------
    value
        Anything; what holds no numbers or strings is passed over.
    name
        Its own name.
    group
        Name of the mapping that holds it.
    depth
        How deep it lies.
    """
    if isinstance(value, torch.Tensor):
        yield tensor_entry(name, [value], group=group)
    elif isinstance(value, np.ndarray | np.generic):
        yield array_entry(name, np.asanyarray(value), group=group)  # a mask must not get lost
    elif depth >= MAX_DEPTH:
        return
    elif isinstance(value, Mapping):
        entries = _walk_mapping(value, name, depth)
        if _is_optimizer_state(value):
            entries = (dataclasses.replace(entry, in_optimizer=True) for entry in entries)
        yield from entries
    elif isinstance(value, list | tuple) and value:
        yield from _walk_list(value, name, group, depth)


def _walk_mapping(mapping: Mapping[Any, Any], name: str, depth: int) -> Iterator[Entry]:
    vectors = list(mapping.values())
    if _holds_rows(mapping):
        yield tensor_entry(name or "vectors", _tensors(vectors), group=name, stack=True)
        return
    for key, item in mapping.items():
        path = f"{name}.{key}" if name else str(key)
        yield from walk(item, path, group=name, depth=depth + 1)


def _is_optimizer_state(mapping: Mapping[Any, Any]) -> bool:
    """Whether this is what ``torch.optim.Optimizer.state_dict`` returns, by its two keys."""
    groups = mapping.get("param_groups")
    return isinstance(groups, list | tuple) and isinstance(mapping.get("state"), Mapping)


def _holds_rows(mapping: Mapping[Any, Any]) -> bool:
    """Whether every item is one row: vectors of equal width, none named as labels or weights."""
    items, names = list(mapping.values()), [str(key) for key in mapping]
    if len(items) < 2 or not _is_table(items) or items[0].ndim != 1:
        return False
    return not any(name.lower() in LABEL_NAMES or PARAMETER.search(name) for name in names)


def _walk_list(items: Sequence[Any], name: str, group: str, depth: int) -> Iterator[Entry]:
    if all(isinstance(item, str) for item in items):
        yield text_entry(name, np.array(items), group=group)
    elif _is_table(items):
        tensors = _tensors(items)
        yield tensor_entry(name, tensors, group=group, stack=tensors[0].ndim == 1)
    elif all(isinstance(item, torch.Tensor | np.ndarray | Mapping) for item in items):
        for position, item in enumerate(items[:MAX_ITEMS]):
            yield from walk(item, f"{name}[{position}]", group=group, depth=depth + 1)
    else:
        yield from _walk_numbers(items, name, group)


def _walk_numbers(items: Sequence[Any], name: str, group: str) -> Iterator[Entry]:
    try:
        array = np.asarray(items)
    except (ValueError, TypeError, RuntimeError, OverflowError):
        return  # ragged or mixed: no table
    if array.dtype.kind in "fiub":
        yield array_entry(name, array, group=group)


def _is_table(items: Sequence[Any]) -> bool:
    """Whether all items are float tensors or arrays, all 1-D or none, with one last dimension."""
    if not all(isinstance(item, torch.Tensor | np.ndarray) for item in items):
        return False
    if not all(_is_float(item) and item.ndim for item in items):
        return False
    flat = {item.ndim == 1 for item in items}
    return len({item.shape[-1] for item in items}) == 1 and len(flat) == 1


def _is_float(item: torch.Tensor | np.ndarray) -> bool:
    if isinstance(item, torch.Tensor):
        dense = item.layout is torch.strided and not item.is_nested
        return item.is_floating_point() and dense
    return item.dtype.kind == "f" and not np.ma.is_masked(item)


def _tensors(items: Sequence[torch.Tensor | np.ndarray]) -> list[torch.Tensor]:
    arrays = (array_entry("", item) if isinstance(item, np.ndarray) else item for item in items)
    return [
        item if isinstance(item, torch.Tensor) else torch.cat(list(item.blocks()))
        for item in arrays
    ]
