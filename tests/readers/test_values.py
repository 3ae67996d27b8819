"""Values in memory: tensors, arrays, lists, dictionaries, tables of pandas."""

import numpy as np
import pandas as pd
import pytest
import torch

from collapse_doctor.readers import contents
from collapse_doctor.readers import source as source_module
from collapse_doctor.readers.opening import from_value


@pytest.mark.parametrize(
    "wrap",
    [
        lambda t: t,
        lambda t: t.numpy(),
        lambda t: t.clone().requires_grad_(),
        lambda t: t.t().contiguous().t(),
        lambda t: list(t.split(7)),
        lambda t: [part.numpy() for part in t.split(7)],
        lambda t: list(t),
        lambda t: {f"image{i}": row for i, row in enumerate(t)},
        lambda t: {"emb": list(t.split(7)), "epoch": 3},
        lambda t: (t, torch.ones(50)),
        lambda t: [t[:20].reshape(4, 5, 8), t[20:].reshape(6, 5, 8)],
        lambda t: pd.DataFrame(t.numpy()),
        lambda t: pd.DataFrame({"vector": list(t.numpy().astype(np.float64))}),
        lambda t: pd.Series(list(t.numpy())),
    ],
)
def test_every_shape_of_value_gives_the_same_rows(table, rows_of, wrap):
    value = wrap(table)
    source = from_value(value)
    assert (source.rows, source.width) == (50, 8)
    rows = rows_of(source)
    assert not rows.requires_grad
    assert torch.equal(rows.float(), table)
    assert source.name == type(value).__name__ or isinstance(value, pd.Series)


def test_lists_of_numbers_are_a_table(rows_of):
    assert rows_of(from_value([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[1, 2], [3, 4]]


def test_many_small_batches_come_in_few_chunks(monkeypatch):
    monkeypatch.setattr(source_module, "CHUNK_VALUES", 400)
    chunks = list(from_value([torch.ones(3, 4) for _ in range(100)]).chunks())
    assert [len(chunk) for chunk in chunks] == [99, 99, 99, 3]


def test_chunks_of_a_large_tensor_are_small(monkeypatch):
    monkeypatch.setattr(source_module, "CHUNK_VALUES", 40)
    monkeypatch.setattr(contents, "CHUNK_VALUES", 20)
    whole = torch.arange(100.0).reshape(25, 4)
    chunks = list(from_value(whole).chunks())
    assert [len(chunk) for chunk in chunks] == [10, 10, 5]
    assert torch.equal(torch.cat(chunks), whole)


def test_a_value_is_never_changed(table):
    array = table.numpy().copy()
    source = from_value(array)
    for chunk in source.chunks():
        chunk.zero_()
    assert np.array_equal(array, table.numpy())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.nn.Linear(2, 2), "a model (Linear)"),
        (torch.ones(5), "a 1-D tensor of 5 values"),
        (torch.empty(3, 2, device="meta"), "meta values"),
        (torch.ones(3, 2, dtype=torch.complex64), "complex64 values"),
        (None, "nothing that holds numbers"),
        ([[1.0], [2.0, 3.0]], "nothing that holds numbers"),
        ([torch.ones(3, 2), torch.ones(3, 4)], "'[0]' (3, 2) float32; '[1]' (3, 4) float32"),
        (pd.DataFrame({"a": ["x", "y"]}), "columns a (str)"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "some twice"),
        (pd.DataFrame({"v": [[1.0, 2.0], [1.0]]}), "cells that do not stack"),
    ],
)
def test_values_without_embeddings_are_named(refusal, value, words):
    assert words in refusal(from_value, value)


def test_columns_of_a_table(rows_of):
    frame = pd.DataFrame(
        {
            "id": [7, 8, 9],
            "text": ["a", "b", "c"],
            "x": [1.0, 2.0, None],
            "y": [0.5, 0.25, 0.75],
            "label": ["cat", "dog", "cat"],
            "count": [1, 2, 3],
        }
    )
    source = from_value(frame)
    np.testing.assert_array_equal(
        rows_of(source).numpy(), [[1, 0.5, 1], [2, 0.25, 2], [np.nan, 0.75, 3]]
    )
    assert source.labels is not None
    assert source.labels.tolist() == ["cat", "dog", "cat"]
    assert "2 columns are not read: id, text" in source.notes
    assert "labels from column 'label'" in source.notes
    named = from_value(frame, labels="count")
    assert named.labels is not None
    assert named.labels.tolist() == [1, 2, 3]
    assert named.width == 2


def test_a_column_with_vectors_can_be_named(rows_of):
    frame = pd.DataFrame({"score": [1.0, 2.0], "v": [[1.0, 2.0], [3.0, 4.0]]})
    assert rows_of(from_value(frame, key="v")).tolist() == [[1, 2], [3, 4]]


def test_single_precision_columns_stay_single():
    assert from_value(pd.DataFrame(np.ones((3, 2), np.float32))).dtype == "float32"
    mixed = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [0.5, 1.0]})
    assert from_value(mixed).dtype == "float64"
