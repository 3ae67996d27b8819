"""Folders of shards: one table, in the natural order of the names."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from collapse_doctor.readers.opening import open_source

ROWS = np.arange(240, dtype=np.float32).reshape(40, 6)
PARTS = np.split(ROWS, [15, 18, 30])


def read(path, **options) -> np.ndarray:
    return torch.cat(list(open_source(path, **options).chunks())).numpy()


def test_shards_are_read_in_natural_order_and_said(tmp_path):
    for number, part in zip((0, 2, 10, 11), PARTS, strict=True):
        np.save(tmp_path / f"part-{number}.npy", part)
    (tmp_path / "README.md").write_text("what this is")
    source = open_source(tmp_path)
    np.testing.assert_array_equal(torch.cat(list(source.chunks())), ROWS)
    assert source.rows == 40
    assert "4 shards, part-0.npy to part-11.npy" in source.notes


@pytest.mark.parametrize("kind", [".pt", ".safetensors", ".npz", ".csv", ".parquet"])
def test_every_format_comes_in_shards_with_labels(tmp_path, kind):
    pandas = pytest.importorskip("pandas")
    for number, part in enumerate(PARTS):
        path = tmp_path / f"shard-{number:05d}-of-00004{kind}"
        names = (part[:, 0] // 60).astype(np.int64)
        tensors = {"embeddings": torch.from_numpy(part.copy()), "labels": torch.from_numpy(names)}
        if kind == ".pt":
            torch.save(tensors, path)
        elif kind == ".safetensors":
            save_file(tensors, path)
        elif kind == ".npz":
            np.savez(path, embeddings=part, labels=names)
        else:
            frame = pandas.DataFrame(part, columns=[f"f{i}" for i in range(6)])
            frame["label"] = names
            frame.to_csv(path, index=False) if kind == ".csv" else frame.to_parquet(path)
    source = open_source(tmp_path)
    np.testing.assert_array_equal(torch.cat(list(source.chunks())), ROWS)
    assert source.labels is not None
    np.testing.assert_array_equal(source.labels, ROWS[:, 0] // 60)


def test_files_of_labels_lie_beside_those_of_embeddings(tmp_path):
    for number, part in enumerate(PARTS):
        np.save(tmp_path / f"embeddings_{number}.npy", part)
        np.save(tmp_path / f"labels_{number}.npy", (part[:, 0] // 60).astype(np.int64))
    source = open_source(tmp_path)
    np.testing.assert_array_equal(torch.cat(list(source.chunks())), ROWS)
    np.testing.assert_array_equal(source.labels, ROWS[:, 0] // 60)


def test_the_coarsest_dtype_counts(tmp_path):
    np.save(tmp_path / "0.npy", PARTS[0])
    np.save(tmp_path / "1.npy", PARTS[1].astype(np.float16))
    assert open_source(tmp_path).dtype == "float16"


def test_shards_that_do_not_fit_are_refused(refusal, tmp_path):
    np.save(tmp_path / "a-0.npy", PARTS[0])
    np.save(tmp_path / "a-1.npy", PARTS[1][:, :4])
    assert "shards of one width, (6,) as in a-0.npy" in refusal(open_source, tmp_path)
    np.savez(tmp_path / "b-0.npz", z=PARTS[0])
    np.savez(tmp_path / "b-1.npz", other=PARTS[1])
    (tmp_path / "a-1.npy").unlink()
    assert "'z' in every shard, got none in b-1.npz" in refusal(open_source, tmp_path)


def test_an_empty_folder_and_an_ambiguous_one(refusal, tmp_path):
    assert "got one without any" in refusal(open_source, tmp_path)
    np.save(tmp_path / "cats.npy", PARTS[0])
    np.save(tmp_path / "dogs.npy", PARTS[1])
    line = refusal(open_source, tmp_path)
    assert "'cats' (15, 6) float32; 'dogs' (3, 6) float32" in line
    np.testing.assert_array_equal(read(tmp_path, key="dogs"), PARTS[1])
