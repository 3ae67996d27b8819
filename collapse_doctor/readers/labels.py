"""Labels: from a value, a table of the same file, or a file of their own; always one per row."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from collapse_doctor.errors import InputError
from collapse_doctor.readers.choice import LABEL_NAMES, last_name
from collapse_doctor.readers.contents import Entry

__all__ = ["TEXT_SUFFIXES", "as_labels", "detect", "fit", "is_number", "read_column"]

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")


def as_labels(value: Any, where: str) -> np.ndarray:
    """Return labels as a 1-D array of integers, floats or strings.

    Booleans, and floats that are all whole numbers, become ``int64``. Other things become
    strings.

    Parameters
    ----------
    value
        Tensor, array, Series or sequence, (n,) or (n, 1).
    where
        What it is, for messages.

    Raises
    ------
    InputError
        If it has another shape, or a label is missing.
    """
    array = _of_tensor(value, where) if isinstance(value, torch.Tensor) else _as_array(value, where)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        remedy = "pass one label per row, for example the argmax of a one-hot row"
        got = f"labels of shape {array.shape}" if array.ndim else f"a single {type(value).__name__}"
        raise InputError("labels of shape (n,)", got, where=where, remedy=remedy)
    return _plain(array, where)


def fit(labels: np.ndarray, shape: tuple[int, ...], rows: int, where: str) -> np.ndarray:
    """Return ``labels`` if there is one for each of ``rows`` rows.

    Raises
    ------
    InputError
        If not; it says both lengths.
    """
    if len(labels) == rows:
        return labels
    table = f" (the table has shape {shape})" if len(shape) > 2 else ""
    expected = f"{rows} labels, one for each of the {rows} rows{table}"
    remedy = "pass the labels of exactly these rows, in their order"
    raise InputError(expected, f"{len(labels)} labels", where=where, remedy=remedy)


def detect(entries: Sequence[Entry], chosen: Entry, rows: int) -> tuple[np.ndarray | None, str]:
    """Return the labels that lie beside the embeddings under a usual name, if they fit.

    Real numbers are no classes and are not taken. Of several tables of one name the one beside
    the embeddings goes first.

    Returns
    -------
    tuple
        The labels or None, and a note: where they come from, or why the first table that is
        named like labels is not used. The note is empty if there is no such table.
    """
    beside = [entry for entry in entries if entry is not chosen and not entry.in_optimizer]
    beside.sort(key=lambda entry: entry.group != chosen.group)
    refused = ""
    for entry in (e for name in LABEL_NAMES for e in beside if last_name(e) == name):
        fault = _misfit(entry, rows)
        if not fault:
            try:
                labels = as_labels(entry.values(entry.name), entry.name)
            except InputError as error:  # nobody asked for them: the embeddings are still good
                fault = f"has {error.got}"
            else:
                if labels.dtype.kind != "f":
                    return labels, f"labels from {entry.name!r}"
                fault = "holds real numbers, which are no classes,"
        refused = refused or f"{entry.name!r} {fault} and was not used"
    return None, refused


def _misfit(entry: Entry, rows: int) -> str:
    if not (entry.is_float or entry.is_integer or entry.text is not None):
        return f"holds {entry.dtype} values"
    if entry.shape in ((rows,), (rows, 1)):
        return ""
    if len(entry.shape) == 1:
        entries = "entry" if entry.shape[0] == 1 else "entries"
        return f"has {entry.shape[0]} {entries} for {rows} rows"
    return f"has shape {entry.shape} for {rows} rows"


def read_column(path: Path, rows: int) -> np.ndarray:
    """Read a text file with one label per line, with or without a line of heading.

    The first line is a heading if there is exactly one line more than rows, or if it alone is not
    a number.

    Raises
    ------
    InputError
        If it cannot be read as text, or has several columns.
    """
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            table = [row for row in csv.reader(file, delimiter=_delimiter(path)) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        got = f"a file that cannot be read ({error})"
        remedy = "save one label per line as UTF-8 text"
        raise InputError("a column of labels", got, where=str(path), remedy=remedy) from error
    widths = {len(row) for row in table}
    if widths != {1}:
        got = f"{max(widths, default=0)} columns"
        remedy = "save the labels alone, one per line, or as .npy"
        raise InputError("one column of labels", got, where=str(path), remedy=remedy)
    column = [row[0].strip() for row in table]
    headed = len(column) == rows + 1 or (
        not is_number(column[0]) and len(column) > 1 and all(map(is_number, column[1:]))
    )
    column = column[1:] if headed else column
    numeric = all(map(is_number, column))
    return _plain(np.array(column, dtype=np.float64 if numeric else np.str_), str(path))


def _of_tensor(value: torch.Tensor, where: str) -> np.ndarray:
    if value.is_nested or value.is_meta or value.layout is not torch.strided:
        kind = str(value.layout).removeprefix("torch.")
        kind = "nested" if value.is_nested else "meta" if value.is_meta else kind
        remedy = "pass a dense tensor with one label per row"
        raise InputError("labels as numbers", f"a {kind} tensor", where=where, remedy=remedy)
    value = value.detach().cpu()
    short = value.is_floating_point() and value.itemsize < 4
    array: np.ndarray = (value.float() if short else value).numpy()
    return array


def _as_array(value: Any, where: str) -> np.ndarray:
    if isinstance(value, np.ma.MaskedArray):
        value = np.ma.filled(value.astype(object), np.nan)  # what is masked is missing
    try:
        # A Series may hold a type of its own (categories, nullable integers): take its values.
        return np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
    except (ValueError, TypeError) as error:
        remedy = "pass a tensor, an array or a list with one label per row"
        raise InputError("labels of shape (n,)", str(error), where=where, remedy=remedy) from error


def _plain(array: np.ndarray, where: str) -> np.ndarray:
    missing = sum(map(_is_missing, array.tolist()))
    if missing:
        got = f"{missing} of {len(array)} labels missing"
        remedy = "give every row a label, or leave the labels out"
        raise InputError("a label for every row", got, where=where, remedy=remedy)
    if array.dtype.kind == "c":
        got, remedy = f"{array.dtype} values", "save them as integers or strings"
        raise InputError("labels as numbers or strings", got, where=where, remedy=remedy)
    if array.dtype.kind in "biu":
        return array.astype(np.int64)
    if array.dtype.kind == "f":
        whole = bool(np.isfinite(array).all() and (array == np.round(array)).all())
        return array.astype(np.int64) if whole else array.astype(np.float64)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind == "U":
        return array
    return np.array([str(item) for item in array.tolist()], dtype=np.str_)


def _is_missing(item: object) -> bool:
    # pandas' NA is neither equal nor unequal to itself, None is equal, NaN and NaT are unequal.
    return item is None or type(item).__name__ == "NAType" or bool(item != item)


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def is_number(text: str) -> bool:
    """Tell whether a text reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
