"""Files of NumPy: ``.npy`` is mapped, members of ``.npz`` are streamed. Never a pickle."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.lib import format as npy

from collapse_doctor.errors import InputError
from collapse_doctor.readers.contents import (
    Contents,
    Entry,
    array_entry,
    as_tensor,
    rows_at_a_time,
)
from collapse_doctor.readers.formats import Format, member_names, reading

__all__ = ["NPY", "NPZ"]

_Header = tuple[tuple[int, ...], bool, np.dtype]


def _recognises_npy(head: bytes, path: Path) -> bool:
    del path
    return head.startswith(b"\x93NUMPY")


def _recognises_npz(head: bytes, path: Path) -> bool:
    return head.startswith(b"PK") and any(name.endswith(".npy") for name in member_names(path))


def _read_npy(path: Path) -> Contents:
    with reading(path, ".npy"):
        with open(path, "rb") as file:
            shape, _, dtype = _header(file)
        if dtype.hasobject:
            return Contents((Entry("", shape, "object"),))
        if math.prod(shape) == 0:  # nothing there to map
            return Contents((array_entry("", np.empty(shape, dtype)),))
        return Contents((_mapped(path),))


def _mapped(path: Path) -> Entry:
    """Describe the array of a file, mapped anew for each piece of it.

    What was read of a map counts as this process's memory until the map is closed.
    """
    entry = array_entry("", np.load(path, mmap_mode="r", allow_pickle=False))
    if entry.part is None:
        return entry

    def part(first: int, last: int) -> Iterator[torch.Tensor]:
        step = rows_at_a_time(entry.shape)
        for start in range(first, last, step):
            with reading(path, ".npy"):
                array = np.load(path, mmap_mode="r", allow_pickle=False)
                block = as_tensor(array[start : min(start + step, last)])
            yield block

    return replace(entry, blocks=lambda: part(0, entry.shape[0]), part=part)


def _read_npz(path: Path) -> Contents:
    with reading(path, ".npz"), zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".npy")]
        return Contents(tuple(_member(path, archive, name) for name in names))


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> Entry:
    with archive.open(name) as file:
        shape, by_column, dtype = _header(file)
    key = name.removesuffix(".npy")
    if dtype.kind in "US":
        return array_entry(key, _whole(path, key))
    if dtype.kind not in "fiubc":
        return Entry(key, shape, "object" if dtype.hasobject else str(dtype))

    def blocks() -> Iterator[torch.Tensor]:
        if by_column or not shape:
            yield as_tensor(_whole(path, key))
        else:
            yield from _stream(path, name)

    return Entry(key, shape, dtype.newbyteorder("=").name, blocks)


def _whole(path: Path, key: str) -> np.ndarray:
    with reading(path, ".npz"), np.load(path, allow_pickle=False) as arrays:
        array: np.ndarray = arrays[key]
        return array


def _stream(path: Path, name: str) -> Iterator[torch.Tensor]:
    """Yield an array of an archive in blocks along its first dimension; it lies row by row."""
    with reading(path, ".npz"), zipfile.ZipFile(path) as archive, archive.open(name) as file:
        shape, _, dtype = _header(file)
        step, row = rows_at_a_time(shape), math.prod(shape[1:]) * dtype.itemsize
        for start in range(0, shape[0], step):
            count = min(step, shape[0] - start)
            content = file.read(count * row)
            if len(content) != count * row:
                raise EOFError(f"{name} ends after {start} of {shape[0]} rows")
            yield as_tensor(np.frombuffer(content, dtype).reshape(count, *shape[1:]))


def _header(file: IO[bytes]) -> _Header:
    """Return shape, whether the array lies column by column, and dtype."""
    version = npy.read_magic(file)
    read = _HEADERS.get(version)
    if read is not None:
        return _valid(read, file)
    remedy = "save a plain array of numbers, not records with named fields"
    got = f"version {version[0]}.{version[1]} of the format"
    raise InputError("an array of numbers", got, where=str(file.name), remedy=remedy)


def _valid(read: Callable[[IO[bytes]], _Header], file: IO[bytes]) -> _Header:
    """Return what the header says; NumPy's own words on a damaged one are about its parser."""
    try:
        header = read(file)
    except Exception as error:  # nearly anything, from a parser of Python literals
        raise ValueError("its header does not describe an array") from error
    if any(length < 0 for length in header[0]):
        raise ValueError(f"its header claims the shape {header[0]}")
    return header


_HEADERS: dict[tuple[int, int], Callable[[IO[bytes]], _Header]] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}

NPY = Format(".npy", (".npy",), _recognises_npy, _read_npy)
NPZ = Format(".npz", (".npz",), _recognises_npz, _read_npz)
