"""Tables of pandas: numeric columns are features, or one column holds a vector in every cell."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import cast

import numpy as np
import pandas as pd

from collapse_doctor.errors import InputError
from collapse_doctor.readers.choice import LABEL_NAMES
from collapse_doctor.readers.contents import Contents, Entry, array_entry
from collapse_doctor.readers.labels import as_labels

__all__ = ["contents_of_frame", "feature_columns", "label_column"]

ROW_NUMBERS = ("id", "ids", "idx", "index", "unnamed: 0")
"""Integer columns of these names number the rows and are no features."""


def label_column(frame: pd.DataFrame, labels: Hashable | None) -> Hashable | None:
    """Return the column to take labels from: the given one, or one with a usual name.

    A column of real numbers is a feature, whatever its name. None for a text that names no
    column: it may name a file.

    Raises
    ------
    InputError
        If a number is given that no column has as its name.
    """
    if labels is not None:
        if labels in frame.columns or isinstance(labels, str):
            return labels if labels in frame.columns else None
        remedy = "name a column, or pass one label per row"
        got = f"columns {_typed(frame)}"
        raise InputError(f"a column called {labels!r}", got, where="labels", remedy=remedy)
    for name in LABEL_NAMES:
        for column in frame.columns:
            if str(column).lower() == name and not _is_real(frame[column]):
                return cast("Hashable", column)
    return None


def contents_of_frame(frame: pd.DataFrame, key: str | None, taken: Hashable | None) -> Contents:
    """Return the features of a table as one unnamed table, and notes on the columns left out.

    Parameters
    ----------
    frame
        n rows.
    key
        Column with a vector in every cell, or None for the numeric columns, or for the only
        column with vectors if none is numeric.
    taken
        Column of labels, which is no feature.

    Raises
    ------
    InputError
        If there are no such columns, or two of one name.
    """
    if not frame.columns.is_unique:
        remedy = "rename the columns"
        raise InputError("columns of different names", "some twice", where="table", remedy=remedy)
    rest = [column for column in frame.columns if column != taken]
    numeric = feature_columns(frame, taken)
    vectors = [key] if key is not None else [c for c in rest if _holds_vectors(frame[c])]
    if key is not None and key not in frame.columns:
        raise _no_features(frame, f"a column called {key!r}")
    if key is not None or (not numeric and len(vectors) == 1):
        return Contents((_stacked(frame, vectors[0]),), (f"read column {vectors[0]!r}",))
    if not numeric:
        raise _no_features(frame, "numeric columns, or one column of vectors")
    left_out = [str(column) for column in rest if column not in set(numeric)]
    plural = "column is" if len(left_out) == 1 else "columns are"
    note = f"{len(left_out)} {plural} not read: {_some(left_out)}"
    table = array_entry("", _numbers(frame[numeric]))
    return Contents((table,), (note,) if left_out else ())


def feature_columns(frame: pd.DataFrame, taken: Hashable | None) -> list[Hashable]:
    """Return the columns that hold one feature each: numbers, but for row numbers and labels."""
    return [
        column
        for column in frame.columns
        if column != taken and _is_numeric(frame[column]) and not _is_row_number(frame[column])
    ]


def _numbers(columns: pd.DataFrame) -> np.ndarray:
    single = all(dtype == np.float32 for dtype in columns.dtypes)
    dtype = np.float32 if single else np.float64
    array: np.ndarray = columns.to_numpy(dtype=dtype, na_value=np.nan)
    return array


def _stacked(frame: pd.DataFrame, column: str) -> Entry:
    cells = frame[column].to_list()
    try:
        array = np.stack([np.asarray(cell, dtype=np.float64) for cell in cells])
    except (ValueError, TypeError) as error:
        remedy = "give every cell the same number of values"
        got = f"cells that do not stack ({error})"
        where = f"column {column!r}"
        raise InputError("a vector in every cell", got, where=where, remedy=remedy) from error
    return array_entry("", array)


def _is_numeric(column: pd.Series) -> bool:
    kinds = pd.api.types
    return bool(kinds.is_numeric_dtype(column) and not kinds.is_complex_dtype(column))


def _is_row_number(column: pd.Series) -> bool:
    whole = pd.api.types.is_integer_dtype(column)
    return bool(whole and str(column.name).lower() in ROW_NUMBERS)


def _is_real(column: pd.Series) -> bool:
    if not pd.api.types.is_float_dtype(column):
        return False
    return as_labels(column.fillna(0.5), str(column.name)).dtype.kind == "f"


def _holds_vectors(column: pd.Series) -> bool:
    cells: Iterable[object] = column.head(8)
    return len(column) > 0 and all(isinstance(cell, list | tuple | np.ndarray) for cell in cells)


def _no_features(frame: pd.DataFrame, expected: str) -> InputError:
    remedy = "pass a table with one numeric column per feature"
    return InputError(expected, f"columns {_typed(frame)}", where="table", remedy=remedy)


def _typed(frame: pd.DataFrame) -> str:
    return _some([f"{name} ({dtype})" for name, dtype in frame.dtypes.items()])


def _some(names: list[str], limit: int = 6) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")
