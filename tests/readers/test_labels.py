"""Labels: given, named, found beside the embeddings, or in a file; always one per row."""

import numpy as np
import pandas as pd
import pytest
import torch

from collapse_doctor.readers.labels import as_labels
from collapse_doctor.readers.opening import from_value, open_source


@pytest.mark.parametrize(
    ("wrap", "kind"),
    [
        (lambda c: c, "i"),
        (lambda c: c.reshape(-1, 1), "i"),
        (lambda c: c.float(), "i"),
        (lambda c: c.bfloat16(), "i"),
        (lambda c: c.numpy().astype(np.uint8), "i"),
        (lambda c: c.tolist(), "i"),
        (lambda c: c / 3, "f"),
        (lambda c: [f"class {i}" for i in c.tolist()], "U"),
        (lambda c: np.array([f"class {i}" for i in c.tolist()]).astype("S"), "U"),
        (lambda c: pd.Series(c.numpy()), "i"),
        (lambda c: pd.Series(c.numpy()).astype("category"), "i"),
        (lambda c: pd.Series(c.numpy(), dtype="Int64"), "i"),
        (lambda c: pd.Series([f"class {i}" for i in c.tolist()]), "U"),
    ],
)
def test_labels_of_every_kind(table, classes, wrap, kind):
    labels = from_value(table, labels=wrap(classes)).labels
    assert labels is not None
    assert labels.dtype.kind in kind
    wanted = wrap(torch.arange(50) % 5)
    assert np.unique(labels, return_inverse=True)[1].tolist() == classes.tolist(), wanted


def test_labels_that_do_not_fit_say_both_lengths(table, refusal):
    line = refusal(from_value, table, labels=[1, 2, 3])
    assert "expected 50 labels" in line
    assert "got 3 labels" in line
    line = refusal(from_value, table.reshape(5, 10, 8), labels=[1, 2, 3, 4, 5])
    assert "the table has shape (5, 10, 8)" in line


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (torch.ones(50, 10), "labels of shape (50, 10). Pass one label per row"),
        (pd.Series([1.0, None] * 25), "25 of 50 labels missing"),
        (pd.array([1, None] * 25, dtype="Int64"), "25 of 50 labels missing"),
        ([1.0, float("nan")] * 25, "25 of 50 labels missing"),
        (["a", None] * 25, "25 of 50 labels missing"),
        ([[1], [1, 2]], "expected labels of shape (n,)"),
        ("nope.npy", "'nope.npy'; the tables are (50, 8) float32"),
    ],
)
def test_labels_that_are_none(table, refusal, labels, words):
    assert words in refusal(from_value, table, labels=labels)


@pytest.mark.parametrize("name", ["labels", "Label", "targets", "y", "class"])
def test_labels_beside_the_embeddings_are_found(table, classes, name):
    source = from_value({"emb": table, name: classes})
    assert source.labels is not None
    assert source.labels.tolist() == classes.tolist()
    assert f"labels from {name!r}" in source.notes


@pytest.mark.parametrize("beside", [torch.arange(49), torch.ones(50, 5), torch.rand(50)])
def test_what_cannot_be_labels_is_not_taken_for_them(table, beside):
    assert from_value({"emb": table, "labels": beside}).labels is None


def test_labels_can_be_named_in_the_file(table, classes, refusal, tmp_path):
    content = {"emb": table, "labels": classes, "fold": classes // 2, "w": torch.eye(3).to_sparse()}
    torch.save(content, tmp_path / "emb.pt")
    source = open_source(tmp_path / "emb.pt", labels="fold")
    assert source.labels is not None
    assert source.labels.tolist() == (classes // 2).tolist()
    assert "sparse_coo values" in refusal(open_source, tmp_path / "emb.pt", labels="w")


def written(tmp_path, classes, name):
    path = tmp_path / name
    values = classes.tolist()
    if name.endswith(".npy"):
        np.save(path, classes.numpy())
    elif name.endswith(".npz"):
        np.savez(path, ids=np.arange(3), labels=classes.numpy())
    elif name.endswith(".pt"):
        torch.save({"a": classes, "b": classes * 2}, path)
        return f"{path}:a"
    elif name == "headed.csv":
        path.write_text("class\n" + "\n".join(map(str, values)) + "\n")
    elif name == "numbered.csv":  # a heading that looks like a label
        path.write_text("0\n" + "\n".join(map(str, values)) + "\n")
    else:
        path.write_text("\ufeff" + "\r\n".join(f'"c,{value}"' for value in values))
    return str(path)


@pytest.mark.parametrize(
    "name", ["l.npy", "l.npz", "l.pt", "headed.csv", "numbered.csv", "quoted.csv", "l.txt"]
)
def test_labels_from_a_file(table, classes, tmp_path, name):
    source = from_value(table, labels=written(tmp_path, classes, name))
    assert source.labels is not None
    assert np.unique(source.labels, return_inverse=True)[1].tolist() == classes.tolist()


def test_label_files_that_do_not_fit(table, classes, refusal, tmp_path):
    (tmp_path / "wide.csv").write_text("a,b\n1,2\n")
    assert "2 columns" in refusal(from_value, table, labels=tmp_path / "wide.csv")
    (tmp_path / "empty.csv").write_text("")
    assert "0 columns" in refusal(from_value, table, labels=tmp_path / "empty.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refusal(from_value, table, labels=tmp_path / "bytes.csv")
    np.savez(tmp_path / "two.npz", a=classes.numpy(), b=classes.numpy())
    line = refusal(from_value, table, labels=tmp_path / "two.npz")
    assert "two.npz:KEY" in line


def test_labels_keep_their_values():
    assert as_labels(torch.tensor([True, False]), "l").tolist() == [1, 0]
    assert as_labels([1, 2**53 + 1], "l").tolist() == [1, 2**53 + 1]
    assert as_labels(np.array(["a", 3], dtype=object), "l").tolist() == ["a", "3"]


@pytest.mark.parametrize(
    ("beside", "words"),
    [
        (torch.arange(49), "has 49 entries for 50 rows"),
        (torch.ones(1), "has 1 entry for 50 rows"),
        (torch.ones(50, 5), "has shape (50, 5) for 50 rows"),
        (torch.rand(50) + 0.25, "holds real numbers, which are no classes,"),
        (torch.full((50,), float("nan")), "has 50 of 50 labels missing"),
        (torch.ones(50, dtype=torch.complex64), "holds complex64 values"),
    ],
)
def test_labels_that_are_not_used_are_said(table, beside, words):
    source = from_value({"emb": table, "labels": beside})
    assert source.labels is None
    assert f"'labels' {words} and was not used" in source.notes


def test_labels_that_fit_go_before_those_that_do_not(table, classes):
    source = from_value({"emb": table, "labels": torch.arange(49), "y": classes})
    assert source.labels is not None
    assert "labels from 'y'" in source.notes
    assert not any("not used" in note for note in source.notes)


def test_labels_are_taken_from_beside_the_embeddings(table, classes):
    content = {"train": {"z": table, "y": classes}, "test": {"z": table, "y": classes + 7}}
    source = from_value(content, key="test.z")
    assert source.labels is not None
    assert source.labels.tolist() == (classes + 7).tolist()


@pytest.mark.parametrize(
    ("wrap", "kind"),
    [
        (lambda c: c.to_sparse(), "a sparse_coo tensor"),
        (lambda c: c.to("meta"), "a meta tensor"),
        (lambda c: c.to(torch.complex64), "complex64 values"),
    ],
)
def test_labels_no_array_can_hold_are_refused(table, classes, refusal, wrap, kind):
    assert kind in refusal(from_value, table, labels=wrap(classes))


def test_labels_in_short_floats_are_read(table):
    source = from_value(table, labels=torch.ones(50).to(torch.float8_e5m2))
    assert source.labels is not None
    assert source.labels.tolist() == [1] * 50


def test_errors_about_labels_name_the_file_and_the_key(table, classes, refusal, tmp_path):
    path = tmp_path / "l.pt"
    torch.save({"a": classes, "c": torch.ones(50, dtype=torch.complex64)}, path)
    assert f"{path}, 'c': expected labels" in refusal(from_value, table, labels=f"{path}:c")
    line = refusal(from_value, table, labels=f"{path}:nope")
    assert f"Name one of these as {path}:KEY" in line
    assert "--key" not in line
    torch.save(classes, path)
    line = refusal(from_value, table, labels=f"{path}:nope")
    assert "Leave the ':nope' behind the file out" in line
