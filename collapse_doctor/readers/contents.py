"""What a file or a value holds: named tables, described before any of them is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from collapse_doctor.errors import InputError

__all__ = ["CHUNK_VALUES", "Contents", "Entry", "array_entry", "tensor_entry", "text_entry"]

CHUNK_VALUES = 1 << 22  # numbers handled at a time: 16 MiB as float32


@dataclass(frozen=True)
class Entry:
    """One table of a file: numbers of any shape, or strings.

    Parameters
    ----------
    name
        Key in its file, ``""`` for the only one of a file without keys.
    shape
        Shape, not read yet.
    dtype
        ``"float32"``, ``"int64"`` …; ``"str"`` for strings, ``"object"``, ``"nested"``,
        ``"masked"`` and the like for what is not read.
    blocks
        Gives the table anew at every call, cut along the first dimension or in one piece.
    group
        Name of the mapping that holds it.
    text
        The strings, if it holds strings.
    parts
        How many tensors were joined to this table.
    in_optimizer
        Whether it belongs to the state of an optimizer, which is read only where it is named.
    part
        Gives what lies between two places along the first dimension without reading the rest,
        where the format allows that.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    blocks: Callable[[], Iterable[torch.Tensor]] = field(default=tuple, repr=False)
    group: str = ""
    text: np.ndarray | None = field(default=None, repr=False)
    parts: int = 1
    in_optimizer: bool = False
    part: Callable[[int, int], Iterable[torch.Tensor]] | None = field(default=None, repr=False)

    def between(self, start: int, stop: int) -> Iterator[torch.Tensor]:
        """Yield the blocks from ``start`` to ``stop`` along the first dimension."""
        if self.part is not None:
            yield from self.part(start, stop)
            return
        at = 0
        for block in self.blocks():
            first, last = max(start - at, 0), min(stop - at, len(block))
            if first < last:
                yield block[first:last]
            at += len(block)
            if at >= stop:
                return

    @property
    def is_float(self) -> bool:
        """Whether it holds real floating-point numbers of any precision."""
        return self.dtype.startswith(("float", "bfloat"))

    @property
    def is_integer(self) -> bool:
        """Whether it holds integers or booleans."""
        return self.dtype.startswith(("int", "uint", "bool"))

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape, dtype=object))

    def values(self, where: str) -> np.ndarray:
        """Return the whole table as an array: for labels.

        Parameters
        ----------
        where
            The file and the key it comes from, for messages.

        Raises
        ------
        InputError
            If it holds neither real numbers nor strings.
        """
        if self.text is not None:
            return self.text
        if not (self.is_float or self.is_integer):
            remedy = "save them as integers or strings"
            expected = "labels as numbers or strings"
            raise InputError(expected, f"{self.dtype} values", where=where, remedy=remedy)
        blocks = [block.reshape(1) if block.ndim == 0 else block for block in self.blocks()]
        whole = torch.cat(blocks).cpu() if blocks else torch.empty(self.shape)
        if self.is_float and self.dtype not in ("float32", "float64"):
            whole = whole.float()
        array: np.ndarray = whole.numpy()
        return array

    def __str__(self) -> str:
        """Return ``'name' (1000, 128) float32``."""
        name = f"{_short(self.name)!r} " if self.name else ""
        return f"{name}{self.shape} {self.dtype}"


@dataclass(frozen=True)
class Contents:
    """The tables of one file or value, and what a report must say about how they were read."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()


def tensor_entry(
    name: str, parts: Sequence[torch.Tensor], *, group: str = "", stack: bool = False
) -> Entry:
    """Describe one tensor, or several that follow each other along the first dimension.

    Parameters
    ----------
    name, group
        See :class:`Entry`.
    parts
        Tensors with the same last dimension; with ``stack`` 1-D ones, each of them a row.
    stack
        Whether every part is one row.
    """
    parts = [part.detach() for part in parts]
    first = parts[0]
    if first.is_nested:  # has no shape to ask for
        return Entry(name, (first.size(0),), "nested", group=group)
    dtype = str(first.dtype).removeprefix("torch.")
    if first.layout is not torch.strided:
        dtype = str(first.layout).removeprefix("torch.")
    elif first.is_meta:
        dtype = "meta"
    joined = stack or len(parts) > 1
    width = first.shape[-1] if first.ndim else 1
    rows = sum(part.numel() for part in parts) // max(1, width)
    shape = (rows, width) if joined else tuple(first.shape)

    def blocks() -> Iterator[torch.Tensor]:
        for part in parts:
            table = part.unsqueeze(0) if part.ndim == int(stack) else part
            step = rows_at_a_time(tuple(table.shape))
            # Cut before reshaping: a strided or expanded tensor is copied by it, piece by piece.
            for start in range(0, len(table), step):
                block = table[start : start + step]
                yield block.reshape(-1, width) if joined else block.reshape(-1, *shape[1:])

    return Entry(name, shape, dtype, blocks, group, parts=len(parts))


def array_entry(name: str, array: np.ndarray, *, group: str = "") -> Entry:
    """Describe an array; it may be mapped from a file, and is copied piece by piece."""
    if np.ma.is_masked(array):  # torch has no masks: what lies under them would be read as rows
        return Entry(name, array.shape, "masked", group=group)
    if array.dtype.kind in "US":
        return text_entry(name, array, group=group)
    if array.dtype.kind not in "fiubc":
        kind = "object" if array.dtype.kind == "O" else str(array.dtype)
        return Entry(name, array.shape, kind, group=group)

    def blocks() -> Iterator[torch.Tensor]:
        if array.ndim == 0:
            yield as_tensor(array)
            return
        yield from part(0, len(array))

    def part(first: int, last: int) -> Iterator[torch.Tensor]:
        step = rows_at_a_time(array.shape)
        for start in range(first, last, step):
            yield as_tensor(array[start : min(start + step, last)])

    dtype = np.dtype(array.dtype).newbyteorder("=").name
    return Entry(name, array.shape, dtype, blocks, group, part=part if array.ndim else None)


def text_entry(name: str, text: np.ndarray, *, group: str = "") -> Entry:
    """Describe an array of strings."""
    if text.dtype.kind == "S":
        text = np.char.decode(text, "utf-8", "replace")
    return Entry(name, text.shape, "str", group=group, text=text)


def as_tensor(array: np.ndarray) -> torch.Tensor:
    """Return a copy of an array as a tensor; types that torch lacks become ``float64``."""
    native = array.dtype.newbyteorder("=")
    if native.kind == "f" and native.itemsize > 8:
        native = np.dtype(np.float64)
    return torch.from_numpy(np.array(array, dtype=native, order="C"))


def rows_at_a_time(shape: tuple[int, ...]) -> int:
    """Return how far to step along the first dimension so that a step has CHUNK_VALUES values."""
    return max(1, CHUNK_VALUES // max(1, int(np.prod(shape[1:], dtype=object))))


def _short(name: str, limit: int = 60) -> str:
    return name if len(name) <= limit else name[: limit - 1] + "…"
