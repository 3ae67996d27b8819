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


def test_long_doubles_are_read_as_float64(rows_of):
    array = np.linspace(0, 1, 12, dtype=np.longdouble).reshape(4, 3)
    source = from_value(array)
    assert source.dtype == "float64"
    assert array.dtype == np.float64 or f"{array.dtype} read as float64" in source.notes
    assert torch.equal(rows_of(source), torch.from_numpy(array.astype(np.float64)))


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_nested_tensors_are_refused_and_passed_over(refusal, table, rows_of, layout):
    nested = torch.nested.nested_tensor([torch.ones(2, 8), torch.ones(4, 8)], layout=layout)
    line = refusal(from_value, nested)
    assert "a nested tensor of 2 tables. Join its rows" in line
    assert torch.equal(rows_of(from_value({"out": table, "parts": nested})), table)
    assert "[0]" in refusal(from_value, [nested, nested])
    assert "labels as numbers, got a nested tensor" in refusal(from_value, table, labels=nested)


def test_what_a_mask_hides_is_not_read(refusal, table, rows_of):
    array = np.ma.masked_array(table.numpy(), mask=np.eye(50, 8, dtype=bool))
    line = refusal(from_value, array)
    assert "a masked array (50, 8). Fill what is masked first" in line
    assert "masked" in refusal(from_value, {"emb": array})
    refusal(from_value, [array, array])
    unmasked = np.ma.masked_array(table.numpy())
    assert torch.equal(rows_of(from_value(unmasked)), table)
    hidden = np.ma.masked_array(np.arange(50), mask=np.arange(50) < 3)
    assert "3 of 50 labels missing" in refusal(from_value, table, labels=hidden)


def test_columns_with_numbers_for_names(refusal):
    frame = pd.DataFrame({0: [1.0, 2.0, 3.0], 1: [0.5, 1.5, 2.5], 99: [5, 6, 5]})
    source = from_value(frame, labels=99)
    assert source.labels is not None
    assert source.labels.tolist() == [5, 6, 5]
    assert source.width == 2
    assert "labels from column 99" in source.notes
    line = refusal(from_value, frame, labels=98)
    assert "a column called 98, got columns 0 (float64), 1 (float64), 99 (int64)" in line
    assert "got a single int" in refusal(from_value, torch.ones(3, 2), labels=98)


def test_one_column_left_out_is_singular():
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0.5, 4.0], "text": ["a", "b"]})
    assert from_value(frame).notes == ("1 column is not read: text",)
