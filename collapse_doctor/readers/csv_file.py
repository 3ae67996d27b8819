"""Files of comma-separated values: read twice, once to count, and never all in memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from collapse_doctor.readers.contents import CHUNK_VALUES, Contents, Entry, array_entry, as_tensor
from collapse_doctor.readers.formats import Format, reading
from collapse_doctor.readers.frame import contents_of_frame, feature_columns, label_column
from collapse_doctor.readers.labels import is_number

__all__ = ["FORMAT"]

HEAD_ROWS = 1000
"""Rows that tell which columns are numbers."""


def _recognises(head: bytes, path: Path) -> bool:
    text = path.suffix.lower() in FORMAT.suffixes
    return text and b"\x00" not in head and bool(head.strip())


def _read(path: Path) -> Contents:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    with reading(path, ".csv"):
        head = pd.read_csv(path, sep=separator, nrows=HEAD_ROWS)
        header: int | None = 0
        if all(map(is_number, map(str, head.columns))):  # its first line is data
            header = None
            head = pd.read_csv(path, sep=separator, nrows=HEAD_ROWS, header=None)
            head.columns = head.columns.astype(str)
        return _Table(path, separator, header, head).contents()


class _Table:
    """One file of text, whose ``head`` tells what its columns hold."""

    def __init__(self, path: Path, separator: str, header: int | None, head: pd.DataFrame) -> None:
        self._path, self._separator, self._header, self._head = path, separator, header, head
        self._names: list[Hashable] = list(head.columns)

    def contents(self) -> Contents:
        """Return the features as one table, and the labels as another if there are any."""
        taken = label_column(self._head, None)
        notes = contents_of_frame(self._head, None, taken).notes  # refuses what has no numbers
        places = [self._names.index(name) for name in feature_columns(self._head, taken)]
        rows = sum(len(frame) for frame in self._frames(places[:1]))
        entries = [Entry("", (rows, len(places)), "float64", lambda: self._blocks(places))]
        if taken is not None:
            entries.append(array_entry(str(taken), self._column(self._names.index(taken))))
        return Contents(tuple(entries), notes)

    def _frames(self, places: Sequence[int]) -> Iterator[pd.DataFrame]:
        rows = max(1, CHUNK_VALUES // len(places))
        yield from pd.read_csv(
            self._path,
            sep=self._separator,
            header=self._header,
            usecols=list(places),
            chunksize=rows,
        )

    def _blocks(self, places: Sequence[int]) -> Iterator[torch.Tensor]:
        with reading(self._path, ".csv"):
            for frame in self._frames(places):
                yield as_tensor(frame.to_numpy(dtype=np.float64, na_value=np.nan))

    def _column(self, place: int) -> np.ndarray:
        parts = [frame.iloc[:, 0] for frame in self._frames([place])]
        values: np.ndarray = pd.concat(parts).to_numpy()
        return values if values.dtype.kind in "biuf" else values.astype(np.str_)


FORMAT = Format(".csv", (".csv", ".tsv"), _recognises, _read)
