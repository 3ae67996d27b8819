"""Tables of text and of Parquet, read in pieces."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
import torch

from collapse_doctor.readers import csv_file, parquet_file
from collapse_doctor.readers.opening import open_source

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(50, 4))
NAMES = np.array(["cat", "dog"])[RANDOM.integers(0, 2, 50)]


def rows_of(source) -> np.ndarray:
    return torch.cat(list(source.chunks())).numpy()


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(csv_file, "CHUNK_VALUES", 28)
    monkeypatch.setattr(parquet_file, "CHUNK_VALUES", 28)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_columns_of_numbers_are_features_and_a_label_column_the_labels(tmp_path, suffix):
    frame = pd.DataFrame(ROWS, columns=list("abcd"))
    frame.insert(0, "id", range(50))
    frame["label"] = NAMES
    frame["text"] = 'a, quoted "text"\nof two lines'
    path = tmp_path / f"table{suffix}"
    if suffix == ".parquet":
        frame.to_parquet(path, row_group_size=11)
    else:
        frame.to_csv(path, index=False, sep="\t" if suffix == ".tsv" else ",")
    source = open_source(path)
    np.testing.assert_allclose(rows_of(source), ROWS, rtol=1e-15)
    assert source.rows == 50
    assert source.labels is not None
    assert source.labels.tolist() == NAMES.tolist()
    assert "2 columns are not read: id, text" in source.notes


def test_text_without_a_heading(tmp_path):
    np.savetxt(tmp_path / "z.csv", ROWS, delimiter=",")
    np.testing.assert_allclose(rows_of(open_source(tmp_path / "z.csv")), ROWS)


def test_missing_numbers_are_nan(tmp_path):
    (tmp_path / "z.csv").write_text("a,b\n1,2\n,3\n4,5\n")
    found = rows_of(open_source(tmp_path / "z.csv"))
    np.testing.assert_array_equal(found, [[1, 2], [np.nan, 3], [4, 5]])


def test_text_that_holds_no_numbers_is_refused(refusal, tmp_path):
    (tmp_path / "z.csv").write_text("name,place\na,b\nc,d\n")
    assert "numeric columns" in refusal(open_source, tmp_path / "z.csv")
    (tmp_path / "y.csv").write_text("a,b\n" + "1,2\n" * 1200 + "1,x\n")
    with pytest.raises(Exception, match=r"intact \.csv file"):
        rows_of(open_source(tmp_path / "y.csv"))


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
def test_a_column_of_vectors(tmp_path, dtype):
    path = tmp_path / "z.parquet"
    frame = pd.DataFrame({"text": "x", "vector": list(ROWS.astype(dtype)), "label": NAMES})
    frame.to_parquet(path, row_group_size=9)
    source = open_source(path)
    assert source.dtype == dtype
    np.testing.assert_array_equal(rows_of(source), ROWS.astype(dtype))
    assert source.labels is not None
    assert source.labels.tolist() == NAMES.tolist()


def test_two_columns_of_vectors_must_be_named(refusal, tmp_path):
    path = tmp_path / "z.parquet"
    pd.DataFrame({"one": list(ROWS), "two": list(2 * ROWS)}).to_parquet(path)
    assert "'one' (50, 4) float64; 'two' (50, 4) float64" in refusal(open_source, path)
    np.testing.assert_array_equal(rows_of(open_source(path, key="two")), 2 * ROWS)


def test_vectors_of_different_lengths_are_refused(refusal, tmp_path):
    path = tmp_path / "z.parquet"
    pd.DataFrame({"v": [[1.0, 2.0], [3.0, 4.0], [5.0]]}).to_parquet(path)
    with pytest.raises(Exception, match="a vector of 2 numbers in every cell of 'v'"):
        rows_of(open_source(path))


def test_a_missing_reader_says_what_to_install(refusal, tmp_path, monkeypatch):
    path = tmp_path / "z.parquet"
    pd.DataFrame(ROWS, columns=list("abcd")).to_parquet(path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert 'pip install "collapse-doctor[parquet]"' in refusal(open_source, path)


def test_a_damaged_file_is_told_in_one_line(refusal, tmp_path):
    path = tmp_path / "z.parquet"
    pd.DataFrame(ROWS, columns=list("abcd")).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-7])
    assert "an intact Parquet file" in refusal(open_source, path)
