"""A source of embeddings: rows in chunks, as often as wanted, with or without labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from collapse_doctor.errors import InputError
from collapse_doctor.readers.contents import CHUNK_VALUES, Entry

__all__ = ["Source", "build", "check"]

_KEPT = {"float16": None, "bfloat16": None, "float32": None, "float64": None}
_EXPECTED = "embeddings (rows of floating-point features)"


@dataclass(frozen=True)
class Source:
    """Embeddings ready to be read.

    Parameters
    ----------
    name
        What they come from: a file's name, or the kind of value.
    width
        Number of features d of a row.
    dtype
        Type the numbers are stored in, also where they are read as another; ``"float64"`` where
        torch has no such type.
    rows
        Number of rows n, at least 2.
    labels
        (n,) ``int64``, ``float64`` or strings, in the order of the rows, or None.
    notes
        What a report must say about how the file was read.
    entry
        The table they are read from.
    """

    name: str
    width: int
    dtype: str
    rows: int
    labels: np.ndarray | None
    notes: tuple[str, ...]
    entry: Entry

    def share(self, number: int, count: int) -> tuple[int, int]:
        """Return the first row of share ``number`` of ``count``, and the first that is not in it.

        All shares together are all rows, in order; a table of more than two dimensions is cut
        along its first one.
        """
        length = self.entry.shape[0]
        each = self.rows // length
        return length * number // count * each, length * (number + 1) // count * each

    def chunks(self, first: int = 0, last: int | None = None) -> Iterator[torch.Tensor]:
        """Yield the rows in order, (k, width) each, on the CPU, cut off from any graph.

        float16, bfloat16, float32 and float64 come as they are; shorter floats and integers of up
        to 16 bits come as float32, longer integers as float64, which holds them exactly up to
        2**53. Every call starts anew. A chunk has about 4 million numbers, fewer at the end.

        Parameters
        ----------
        first, last
            Rows to begin at and to stop before, as :meth:`share` gives them; default: all.

        Raises
        ------
        InputError
            If the file turns out to be damaged on the way.
        """
        size = max(1, CHUNK_VALUES // self.width)
        target = _target(self.dtype)
        each = self.rows // self.entry.shape[0]
        last = self.rows if last is None else last
        whole = (first, last) == (0, self.rows)
        entry = self.entry
        blocks = entry.blocks() if whole else entry.between(first // each, last // each)
        for piece in _regroup(self._pieces(blocks, size), size):
            yield piece.cpu() if target is None else piece.cpu().to(target)

    def _pieces(self, blocks: Iterable[torch.Tensor], size: int) -> Iterator[torch.Tensor]:
        for block in blocks:
            yield from block.reshape(-1, self.width).split(size)


def build(entry: Entry, labels: np.ndarray | None, name: str, notes: Iterable[str]) -> Source:
    """Return the source of one table, after :func:`check`, with notes on how it is read."""
    check(entry, name)
    width = entry.shape[-1]
    rows = entry.size // width
    said = list(notes)
    if len(entry.shape) > 2:
        said.append(f"{entry.shape}: last dimension read as features, {rows} rows")
    if width == 1:
        said.append("rows of one feature: directions and cosines mean nothing there")
    target = _target(entry.dtype)
    if target is not None:
        said.append(f"{entry.dtype} read as {str(target).removeprefix('torch.')}")
    if entry.parts > 1:
        said.append(f"{entry.parts} tensors joined to one table")
    dtype = entry.dtype if hasattr(torch, entry.dtype) else "float64"
    return Source(name, width, dtype, rows, labels, tuple(said), entry)


def check(entry: Entry, where: str) -> None:
    """Raise InputError unless the table can be read as at least two rows of real features."""
    place = f"{where}, {entry.name!r}" if entry.name else where
    got, remedy = _fault(entry)
    if got:
        raise InputError(_EXPECTED, got, where=place, remedy=remedy)


def _fault(entry: Entry) -> tuple[str, str]:
    """Return what is wrong with a table and what to do about it, or two empty strings."""
    shape = entry.shape
    if entry.text is not None:
        return "strings", "pass the table of numbers, with --key NAME where there are several"
    if entry.dtype.startswith("complex"):
        return f"{entry.dtype} values", "pass real and imaginary parts as separate features"
    if entry.dtype == "nested":
        remedy = "join its rows to one table first: torch.cat(tensor.unbind())"
        return f"a nested tensor of {shape[0]} tables", remedy
    if entry.dtype == "masked":
        remedy = "fill what is masked first, array.filled(numpy.nan), or leave those rows out"
        return f"a masked array {shape}", remedy
    if not (entry.is_float or entry.is_integer):
        remedy = "convert it to a dense float array first: tensor.to_dense(), array.astype(float)"
        return f"{entry.dtype} values {shape}", remedy
    if entry.size == 0:
        return f"an empty tensor {shape}", "check the code that wrote it: nothing was saved"
    if len(shape) < 2:
        kind = f"a 1-D tensor of {shape[0]} values" if shape else "a single number"
        return kind, "pass a table (n, d) with one row per example"
    if entry.size == shape[-1]:
        return f"one row {shape}", "pass at least 2 rows; collapse is a property of many"
    return "", ""


def _target(dtype: str) -> torch.dtype | None:
    """Return the type that numbers are read as, or None if they stay as they are."""
    if dtype in _KEPT:
        return None
    if dtype.startswith("float"):  # 8-bit floats, or longer ones that torch has no type for
        return torch.float32 if dtype.startswith("float8") else torch.float64
    short = dtype in ("bool", "int8", "uint8", "int16", "uint16")
    return torch.float32 if short else torch.float64


def _regroup(pieces: Iterable[torch.Tensor], size: int) -> Iterator[torch.Tensor]:
    """Join small pieces to about ``size`` rows: a list of many batches costs as little as one."""
    held: list[torch.Tensor] = []
    rows = 0
    for piece in pieces:
        if held and rows + len(piece) > size:
            yield torch.cat(held)
            held, rows = [], 0
        if len(piece):
            held.append(piece)
            rows += len(piece)
    if held:
        yield held[0] if len(held) == 1 else torch.cat(held)
