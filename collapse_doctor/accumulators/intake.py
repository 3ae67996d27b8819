"""What comes in from outside: checked, named, and joined to blocks worth working on."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, TypeAlias

import torch
from numpy.typing import NDArray
from torch import Tensor

from collapse_doctor.errors import InputError

__all__ = [
    "LabelsLike",
    "Waiting",
    "check_rows",
    "coarser",
    "dtype_named",
    "joined",
    "label_list",
    "resolution",
]

LabelsLike: TypeAlias = Tensor | NDArray[Any] | Sequence[Hashable]
Waiting: TypeAlias = tuple[Tensor, list[Hashable] | None]
"""Rows, and their labels if they have any."""


def check_rows(rows: object, width: int | None) -> None:
    """Raise InputError unless ``rows`` is a real 2-D tensor, of ``width`` columns if given."""
    remedy = "pass embeddings as rows: one row per input, one column per coordinate"
    wanted = f"a 2-D tensor of rows by {width or 'coordinates'}"
    if not isinstance(rows, Tensor):
        raise InputError(wanted, f"a {type(rows).__name__}", remedy=remedy)
    if rows.ndim != 2 or (width is not None and rows.shape[1] != width):
        raise InputError(wanted, f"shape {tuple(rows.shape)}", remedy=remedy)
    if rows.is_complex() or rows.is_meta or rows.layout != torch.strided:
        kind = f"{rows.dtype} on {rows.device} with layout {rows.layout}"
        raise InputError("dense real numbers", kind, remedy="convert the tensor first")


def label_list(labels: LabelsLike, count: int) -> list[Hashable]:
    """Return one plain Python value for each of ``count`` rows.

    Raises
    ------
    InputError
        If there are not exactly ``count`` labels, or one is not hashable.
    """
    remedy = "pass one label per row, in the order of the rows"
    shape = tuple(getattr(labels, "shape", (len(labels),)))
    if shape not in ((count,), (count, 1)):
        raise InputError(f"{count} labels, one per row", f"shape {shape}", remedy=remedy)
    flat: Any = labels.reshape(-1) if hasattr(labels, "reshape") else labels
    # tolist makes plain Python values of those of tensors, arrays and Series
    names: list[Any] = flat.tolist() if hasattr(flat, "tolist") else list(flat)
    for name in names:
        if not isinstance(name, Hashable):
            kind = f"a {type(name).__name__}"
            raise InputError("numbers or strings as labels", kind, remedy=remedy)
    return names


def joined(waiting: Sequence[Waiting]) -> Iterator[Waiting]:
    """Yield runs of neighbours of one dtype and device, labelled or not, as one block each."""

    def kind(item: Waiting) -> tuple[torch.dtype, torch.device, bool]:
        return item[0].dtype, item[0].device, item[1] is None

    for (_, _, bare), run in itertools.groupby(waiting, key=kind):
        items = list(run)
        rows = items[0][0] if len(items) == 1 else torch.cat([rows for rows, _ in items])
        names = [name for _, labels in items for name in labels or ()]
        yield rows, None if bare else names


def dtype_named(name: str) -> torch.dtype:
    """Return the dtype called ``"float32"`` or ``"torch.float32"``."""
    found = getattr(torch, name.removeprefix("torch."), None)
    if not isinstance(found, torch.dtype):
        raise InputError("the name of a torch dtype", repr(name), remedy='pass "float32" or such')
    return found


def resolution(dtype: torch.dtype) -> float:
    """Return the machine epsilon of a dtype: the spacing of its numbers at 1.

    Integers are exact; what counts for them is the float64 they are computed in.
    """
    return torch.finfo(dtype if dtype.is_floating_point else torch.float64).eps


def coarser(first: torch.dtype, second: torch.dtype) -> torch.dtype:
    """Return the dtype of lower resolution, the first if they are equal."""
    return second if resolution(second) > resolution(first) else first
