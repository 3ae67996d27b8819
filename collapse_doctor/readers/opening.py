"""From a path or a value to a source of embeddings, with the labels that belong to it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from collapse_doctor.errors import InputError
from collapse_doctor.readers import csv_file, numpy_file, parquet_file, safetensors_file, torch_file
from collapse_doctor.readers.choice import choose, find, listing
from collapse_doctor.readers.contents import Contents, Entry
from collapse_doctor.readers.formats import HEAD_BYTES, Format, describe
from collapse_doctor.readers.labels import TEXT_SUFFIXES, as_labels, detect, fit, read_column
from collapse_doctor.readers.shards import files_of, joined
from collapse_doctor.readers.source import Source, build, check
from collapse_doctor.readers.walking import walk

__all__ = ["FORMATS", "from_value", "open_source"]

FORMATS: tuple[Format, ...] = (
    torch_file.FORMAT,
    safetensors_file.FORMAT,
    numpy_file.NPY,
    numpy_file.NPZ,
    parquet_file.FORMAT,
    csv_file.FORMAT,
)
"""All formats that are read. A new one is one file and one line here."""

_SUFFIXES = tuple(suffix for format_ in FORMATS for suffix in format_.suffixes)


def open_source(
    path: str | os.PathLike[str], *, key: str | None = None, labels: Any = None
) -> Source:
    """Open a file of embeddings. Rows are read later, chunk by chunk, where the format allows.

    Parameters
    ----------
    path
        A .pt, .pth, .safetensors, .npy, .npz, .parquet, .csv or .tsv file, or a folder of such
        files, whose tables are joined in the natural order of their names.
    key
        Name of the table to read. Without it: the only table of floats with two dimensions or
        more, or the one with a usual name (``choice.PREFERRED_NAMES``).
    labels
        A tensor, array, Series or list; the name of a table in the file; a path to a file of
        labels (.npy, .npz, .pt, .safetensors, or text with one label per line), with ``:key``
        behind it where it holds several. Without it, a table with a usual name
        (``choice.LABEL_NAMES``) is taken if it fits.

    Returns
    -------
    Source
        With at least two rows.

    Raises
    ------
    InputError
        If the file is missing, damaged, unsafe, ambiguous or holds no embeddings, or the labels
        do not fit them.
    """
    file = Path(path)
    contents = joined(files_of(file, _SUFFIXES), _read) if file.is_dir() else _read(file)
    return _source(contents, key, labels, where=file.name)


def from_value(value: Any, *, key: str | None = None, labels: Any = None) -> Source:
    """Return the source of a value in memory; it is read in place and never changed.

    Parameters
    ----------
    value
        A tensor, an array, a DataFrame (numeric columns are features; a column of labels is taken
        out), or a list or dictionary of tensors.
    key, labels
        As for :func:`open_source`; for a DataFrame ``labels`` may name a column, and ``key`` a
        column with a vector in every cell.

    Raises
    ------
    InputError
        If it holds no embeddings, or the labels do not fit them.
    """
    where = type(value).__name__
    pandas = sys.modules.get("pandas")  # a table of pandas cannot come without it
    if pandas is not None and isinstance(value, pandas.Series):
        value = value.to_list()
    if pandas is not None and isinstance(value, pandas.DataFrame):
        return _from_frame(value, key, labels)
    if isinstance(value, torch.nn.Module):
        remedy = "run it on data and pass the embeddings it returns"
        raise InputError("embeddings", f"a model ({where})", remedy=remedy)
    return _source(Contents(tuple(walk(value))), key, labels, where=where)


def _from_frame(frame: Any, key: str | None, labels: Any) -> Source:
    from collapse_doctor.readers.frame import contents_of_frame, label_column

    named = isinstance(labels, str | int)
    column = None if labels is not None and not named else label_column(frame, labels)
    contents = contents_of_frame(frame, key, column)
    notes = contents.notes
    if column is not None:
        labels = frame[column]
        notes = (*notes, f"labels from column {column!r}")
    return _source(Contents(contents.entries, notes), None, labels, where="DataFrame")


def _read(path: Path) -> Contents:
    """Return the tables of a file of any known format."""
    head = _head(path)
    for format_ in FORMATS:
        if format_.recognises(head, path):
            contents = format_.read(path)
            note = f"named {path.name}, read as {format_.name}"
            expected = path.suffix.lower() in format_.suffixes
            return Contents(contents.entries, contents.notes if expected else (note,))
    suffixes = " ".join(_SUFFIXES)
    remedy = (
        "save the embeddings in one of these, or load them in Python and pass them to analyze()"
    )
    raise InputError(f"a {suffixes} file", describe(head, path), where=str(path), remedy=remedy)


def _head(path: Path) -> bytes:
    expected, remedy = "a file of embeddings", "check the path"
    try:
        if path.exists() and not path.is_file():  # opening a named pipe would wait for ever
            raise InputError(expected, "no regular file", where=str(path), remedy=remedy)
        with open(path, "rb") as file:
            return file.read(HEAD_BYTES)
    except FileNotFoundError as error:
        raise InputError(expected, "no such file", where=str(path), remedy=remedy) from error
    except (OSError, ValueError) as error:
        got = f"one that cannot be opened ({error})"
        raise InputError(expected, got, where=str(path), remedy=remedy) from error


def _source(contents: Contents, key: str | None, labels: Any, where: str) -> Source:
    entry = choose(contents.entries, key, where)
    check(entry, where)
    notes = list(contents.notes)
    if len(contents.entries) > 1:
        others = [other for other in contents.entries if other is not entry]
        notes.append(f"read {entry}, not {listing(others, limit=3)}")
    rows = entry.size // entry.shape[-1]
    array, note = _labels(labels, contents.entries, entry, rows, where)
    return build(entry, array, where, [*notes, *note])


def _labels(
    labels: Any, entries: tuple[Entry, ...], entry: Entry, rows: int, where: str
) -> tuple[np.ndarray | None, list[str]]:
    """Return the labels that were asked for or found, and a note on where they come from."""
    if labels is None:
        found, note = detect(entries, entry, rows)
        return found, [note] if note else []
    if not isinstance(labels, str | os.PathLike):
        return fit(as_labels(labels, "labels"), entry.shape, rows, "labels"), []
    name = os.fspath(labels)
    beside = [other for other in entries if other.name == name and other is not entry]
    place = f"{where}, {name!r}"
    array = _of(beside[0], place) if beside else _label_file(name, entries, rows)
    return fit(array, entry.shape, rows, f"labels {name!r}"), [f"labels from {name!r}"]


def _label_file(name: str, entries: tuple[Entry, ...], rows: int) -> np.ndarray:
    path, key = Path(name), None
    if not path.is_file() and ":" in name:
        stem, _, key = name.rpartition(":")
        path = Path(stem)
    if not path.is_file():
        got = f"{name!r}; the tables are {listing(entries)}"
        remedy = "check the name"
        raise InputError("a table or a file of labels", got, where="labels", remedy=remedy)
    if path.suffix.lower() in TEXT_SUFFIXES and key is None:
        return read_column(path, rows)
    tables = _read(path).entries
    if key is not None:
        found = find(tables, key, str(path), labels_of=str(path))
        return _of(found, f"{path}, {key!r}")
    fitting = [table for table in tables if table.shape in ((rows,), (rows, 1))] or list(tables)
    if len(fitting) != 1:
        remedy = f"name one as {path}:KEY"
        raise InputError("one table of labels", listing(tables), where=str(path), remedy=remedy)
    key = fitting[0].name
    return _of(fitting[0], f"{path}, {key!r}" if key else str(path))


def _of(table: Entry, where: str) -> np.ndarray:
    return as_labels(table.values(where), where)
