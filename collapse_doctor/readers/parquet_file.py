"""Files of Parquet, by row group: numeric columns are features, or one column holds vectors.

Needs pyarrow, which is large and so an extra: ``pip install "collapse-doctor[parquet]"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from collapse_doctor.errors import InputError
from collapse_doctor.readers.contents import CHUNK_VALUES, Contents, Entry, array_entry, as_tensor
from collapse_doctor.readers.formats import Format, reading
from collapse_doctor.readers.frame import contents_of_frame, feature_columns, label_column

__all__ = ["FORMAT"]

HEAD_ROWS = 1000
"""Rows that tell which columns are numbers or vectors."""


def _recognises(head: bytes, path: Path) -> bool:
    del path
    return head.startswith(b"PAR1")


def _read(path: Path) -> Contents:
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        remedy = 'install it: pip install "collapse-doctor[parquet]"'
        expected = "pyarrow, to read Parquet"
        raise InputError(expected, "none installed", where=str(path), remedy=remedy) from error
    with reading(path, "Parquet"):
        return _Table(path, parquet.ParquetFile(path, memory_map=True)).contents()


class _Table:
    """One file; ``file`` is a ``pyarrow.parquet.ParquetFile``."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path, self._file = path, file

    def contents(self) -> Contents:
        """Return the features as one table, each column of vectors as another, and the labels."""
        head = next(self._file.iter_batches(HEAD_ROWS), None)
        names = self._file.schema_arrow.names
        frame = head.to_pandas() if head is not None else pd.DataFrame(columns=names)
        taken = label_column(frame, None)
        columns = [str(name) for name in feature_columns(frame, taken)]
        vectors = [name for name in frame.columns if _is_vector(self._file.schema_arrow, name)]
        notes = () if vectors else contents_of_frame(frame, None, taken).notes
        entries = [self._vectors(name, frame) for name in vectors]
        if columns and not vectors:
            entries.append(self._columns(columns, frame))
        if taken is not None:
            entries.append(array_entry(str(taken), self._labels(str(taken))))
        return Contents(tuple(entries), notes)

    def _columns(self, names: Sequence[str], frame: pd.DataFrame) -> Entry:
        single = all(frame[name].dtype in (np.float32, np.float16) for name in names)
        dtype = np.dtype(np.float32 if single else np.float64)
        shape = (self._file.metadata.num_rows, len(names))

        def blocks() -> Iterator[torch.Tensor]:
            for batch in self._batches(names, len(names)):
                table = batch.to_pandas()[list(names)].to_numpy(dtype=dtype, na_value=np.nan)
                yield as_tensor(table)

        return Entry("", shape, dtype.name, blocks)

    def _vectors(self, name: str, frame: pd.DataFrame) -> Entry:
        field = self._file.schema_arrow.field(name).type
        cells = [cell for cell in frame[name] if cell is not None]
        width = len(cells[0]) if cells else 0
        kind = str(field.value_type)
        dtype = {"float": "float32", "halffloat": "float16", "double": "float64"}.get(kind, kind)

        def blocks() -> Iterator[torch.Tensor]:
            for batch in self._batches([name], width):
                column = batch.column(0)
                flat = column.flatten().to_numpy(zero_copy_only=False)
                if column.null_count or len(flat) != len(column) * width:
                    got = "some of another length, or none"
                    remedy = "leave such rows out when you write the file"
                    expected = f"a vector of {width} numbers in every cell of {name!r}"
                    raise InputError(expected, got, where=str(self._path), remedy=remedy)
                yield as_tensor(flat.reshape(-1, width))

        return Entry(name, (self._file.metadata.num_rows, width), dtype, blocks)

    def _batches(self, names: Sequence[str], width: int) -> Iterator[Any]:
        rows = max(1, CHUNK_VALUES // max(width, 1))
        with reading(self._path, "Parquet"):
            yield from self._file.iter_batches(rows, columns=list(names))

    def _labels(self, name: str) -> np.ndarray:
        parts = [batch.column(0).to_pandas() for batch in self._batches([name], 1)]
        values: np.ndarray = pd.concat(parts).to_numpy() if parts else np.zeros(0)
        return values if values.dtype.kind in "biuf" else values.astype(np.str_)


def _is_vector(schema: Any, name: Any) -> bool:
    """Tell whether a column holds lists of numbers."""
    kind = str(schema.field(str(name)).type)
    return kind.startswith(("list<", "large_list<", "fixed_size_list<")) and any(
        number in kind for number in ("float", "double", "int")
    )


FORMAT = Format("Parquet", (".parquet", ".pq"), _recognises, _read)
