"""Files of safetensors: a JSON header, then raw numbers. Rows are read as they are needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open

from collapse_doctor.errors import InputError
from collapse_doctor.readers.contents import Contents, Entry, rows_at_a_time
from collapse_doctor.readers.formats import Format, reading

__all__ = ["FORMAT"]

MAX_HEADER = 100_000_000  # bytes: the limit of the format itself
MAX_ENTRIES = 65_536  # large models have some thousand

_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "U16": "uint16",
    "I16": "int16",
    "U32": "uint32",
    "I32": "int32",
    "U64": "uint64",
    "I64": "int64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}


def _recognises(head: bytes, path: Path) -> bool:
    del path
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= MAX_HEADER


def _read(path: Path) -> Contents:
    with reading(path, "safetensors"), safe_open(path, framework="pt", device="cpu") as file:
        names = list(file.keys())
        if len(names) > MAX_ENTRIES:
            remedy = "save the embeddings as one tensor (n, d)"
            expected = f"at most {MAX_ENTRIES} tensors"
            raise InputError(expected, f"{len(names)}", where=str(path), remedy=remedy)
        entries = []
        for name in names:
            part = file.get_slice(name)
            stored = part.get_dtype()
            dtype = _DTYPES.get(stored, stored.lower())
            entries.append(_entry(path, name, tuple(part.get_shape()), dtype))
    return Contents(tuple(entries))


def _entry(path: Path, name: str, shape: tuple[int, ...], dtype: str) -> Entry:
    def blocks() -> Iterator[torch.Tensor]:
        if shape:
            yield from part(0, shape[0])
            return
        with reading(path, "safetensors"), safe_open(path, framework="pt", device="cpu") as file:
            yield file.get_tensor(name)

    def part(first: int, last: int) -> Iterator[torch.Tensor]:
        step = rows_at_a_time(shape)
        for start in range(first, last, step):
            # opened anew: what was read of a mapped file counts as memory until it is closed
            with (
                reading(path, "safetensors"),
                safe_open(path, framework="pt", device="cpu") as file,
            ):
                rows: torch.Tensor = file.get_slice(name)[start : min(start + step, last)]
            yield rows

    return Entry(name, shape, dtype, blocks, part=part if shape else None)


FORMAT = Format("safetensors", (".safetensors",), _recognises, _read)
