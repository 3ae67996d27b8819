"""A folder of shards: files of one kind whose tables, joined along their rows, are one table."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from collapse_doctor.errors import InputError
from collapse_doctor.readers.contents import Contents, Entry, text_entry

__all__ = ["files_of", "joined"]

_COUNTER = re.compile(r"[-_. ]?\d+([-_. ]?of[-_. ]?\d+)?$", re.IGNORECASE)
_DIGITS = re.compile(r"(\d+)")


def files_of(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Return the files of a folder that may be shards, ``part-2`` before ``part-10``.

    Hidden files and those of other kinds (notes, indices) are passed over.

    Raises
    ------
    InputError
        If there is none.
    """
    files = [
        file
        for file in folder.iterdir()
        if file.is_file() and file.suffix.lower() in suffixes and not file.name.startswith(".")
    ]
    if not files:
        expected = f"a folder with {' '.join(suffixes)} files, or of a recording"
        got, remedy = "one without any", "check the path"
        raise InputError(expected, got, where=str(folder), remedy=remedy)
    return sorted(files, key=lambda file: _natural(file.name))


def joined(files: Sequence[Path], read: Callable[[Path], Contents]) -> Contents:
    """Return the tables of all files, those of one name joined along the first dimension.

    Files belong together if their names differ in nothing but the number at the end. Of several
    such groups (``embeddings-0.npy`` …, ``labels-0.npy`` …) the tables are named by the group.

    Parameters
    ----------
    files
        In the order of their rows.
    read
        Describes the tables of one file.

    Raises
    ------
    InputError
        If shards of one group hold different tables, or tables of different widths.
    """
    groups: dict[tuple[str, str], list[Path]] = {}
    for file in files:
        groups.setdefault((_COUNTER.sub("", file.stem), file.suffix.lower()), []).append(file)
    entries: list[Entry] = []
    notes: list[str] = []
    for (stem, suffix), shards in groups.items():
        contents = [read(shard) for shard in shards]
        several = f"{stem}{suffix}: " if len(groups) > 1 else ""
        notes += [several + note for note in dict.fromkeys(n for c in contents for n in c.notes)]
        for entry in _tables(shards, contents):
            named = entry.name or (stem if len(groups) > 1 else "")
            entries.append(dataclasses.replace(entry, name=named))
        if len(shards) > 1:
            notes.append(f"{several}{len(shards)} shards, {shards[0].name} to {shards[-1].name}")
    return Contents(tuple(entries), tuple(notes))


def _tables(shards: Sequence[Path], contents: Sequence[Contents]) -> Iterator[Entry]:
    """Yield the tables that all shards have, joined."""
    by_shard = [{entry.name: entry for entry in each.entries} for each in contents]
    for name in by_shard[0]:
        parts = [tables.get(name) for tables in by_shard]
        missing = [shard.name for shard, part in zip(shards, parts, strict=True) if part is None]
        if missing:
            got = f"none in {missing[0]}" + (f" and {len(missing) - 1} more" * (len(missing) > 1))
            remedy = "keep files of other kinds in a folder of their own"
            raise InputError(f"a table {name!r} in every shard", got, remedy=remedy)
        yield _one([part for part in parts if part is not None], shards)


def _one(parts: Sequence[Entry], shards: Sequence[Path]) -> Entry:
    first = parts[0]
    if len(parts) == 1:
        return first
    for part, shard in zip(parts, shards, strict=True):
        if part.shape[1:] != first.shape[1:] or not part.shape:
            expected = f"shards of one width, {first.shape[1:]} as in {shards[0].name}"
            remedy = "analyze files of different width one by one"
            raise InputError(expected, f"shape {part.shape}", where=shard.name, remedy=remedy)
    if first.text is not None:
        texts = [part.text for part in parts if part.text is not None]
        return text_entry(first.name, np.concatenate(texts), group=first.group)

    def blocks() -> Iterable[torch.Tensor]:
        return itertools.chain.from_iterable(part.blocks() for part in parts)

    ends = list(itertools.accumulate(part.shape[0] for part in parts))

    def between(start: int, stop: int) -> Iterator[torch.Tensor]:
        for part, end in zip(parts, ends, strict=True):
            begin = end - part.shape[0]
            first, last = max(start, begin), min(stop, end)
            if first < last:
                yield from part.between(first - begin, last - begin)

    return dataclasses.replace(
        first,
        shape=(ends[-1], *first.shape[1:]),
        dtype=_coarsest([part.dtype for part in parts]),
        blocks=blocks,
        part=between,
    )


def _coarsest(dtypes: Sequence[str]) -> str:
    """Return the dtype of lowest resolution, which is that of the whole; the first of others."""
    order = ("bfloat16", "float16", "float32", "float64")
    known = [dtype for dtype in order if dtype in dtypes]
    return known[0] if known and set(dtypes) <= set(order) else dtypes[0]


def _natural(name: str) -> list[tuple[int, int | str]]:
    return [(0, int(part)) if part.isdigit() else (1, part) for part in _DIGITS.split(name)]
