"""Files of torch.save: what loads, what is refused, and that nothing in them is ever run."""

import argparse
import contextlib
import os
import pathlib
import pickle
import random
import warnings
import zipfile

import numpy as np
import pytest
import torch

from collapse_doctor.errors import InputError
from collapse_doctor.readers.opening import open_source


class Runs:
    """Creates a file when it is unpickled."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return (os.mkdir, (self.target,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_tensor_is_read_whole(table, rows_of, tmp_path, zipped):
    path = tmp_path / "emb.pt"
    torch.save(table, path, _use_new_zipfile_serialization=zipped)
    source = open_source(path)
    assert (source.name, source.width, source.dtype, source.rows) == ("emb.pt", 8, "float32", 50)
    assert source.labels is None
    assert source.notes == ()
    assert torch.equal(rows_of(source), table)
    assert torch.equal(rows_of(source), table)  # a second pass starts anew


@pytest.mark.parametrize(
    ("dtype", "read_as"),
    [
        (torch.float16, torch.float16),
        (torch.bfloat16, torch.bfloat16),
        (torch.float64, torch.float64),
        (torch.float8_e4m3fn, torch.float32),
        (torch.uint8, torch.float32),
        (torch.bool, torch.float32),
        (torch.int64, torch.float64),
        (torch.uint32, torch.float64),
    ],
)
def test_numbers_keep_their_values(table, rows_of, tmp_path, dtype, read_as):
    stored = table.abs().mul(10).to(dtype)
    torch.save(stored, tmp_path / "emb.pt")
    source = open_source(tmp_path / "emb.pt")
    rows = rows_of(source)
    assert rows.dtype == read_as
    assert torch.equal(rows.double(), stored.double())
    cast = [note for note in source.notes if "read as" in note]
    assert bool(cast) == (dtype != read_as)


def test_parameters_and_expanded_tensors_are_read(rows_of, tmp_path):
    torch.save(torch.nn.Parameter(torch.eye(4)), tmp_path / "p.pt")
    assert not rows_of(open_source(tmp_path / "p.pt")).requires_grad
    torch.save(torch.arange(3.0).reshape(3, 1, 1).expand(3, 5, 4), tmp_path / "e.pt")
    source = open_source(tmp_path / "e.pt")
    assert source.rows == 15
    assert torch.equal(rows_of(source)[:, 0], torch.arange(3.0).repeat_interleave(5))


def test_arrays_scalars_and_strings_of_numpy_load(table, rows_of, tmp_path):
    content = {
        "emb": table.numpy(),
        "labels": np.array(["cat", "dog"] * 25),
        "mean": np.float32(0.5),
        "when": np.datetime64("2026-01-01"),
    }
    torch.save(content, tmp_path / "emb.pt")
    source = open_source(tmp_path / "emb.pt")
    assert torch.equal(rows_of(source), table)
    assert source.labels is not None
    assert source.labels.tolist() == ["cat", "dog"] * 25


def test_warnings_of_torch_do_not_leak(table, rows_of, tmp_path, monkeypatch):
    def load(path, **options):
        warnings.warn("a warning of torch", stacklevel=2)
        return original(path, **options)

    torch.save(table, tmp_path / "emb.pt")
    original = torch.load
    monkeypatch.setattr(torch, "load", load)
    assert torch.equal(rows_of(open_source(tmp_path / "emb.pt")), table)


def test_safe_globals_of_the_process_stay_as_they_were(table, tmp_path):
    torch.save({"emb": table.numpy()}, tmp_path / "emb.pt")
    before = set(torch.serialization.get_safe_globals())
    open_source(tmp_path / "emb.pt")
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_runs_code_is_not_run(table, refusal, tmp_path, zipped):
    path, target = tmp_path / "evil.pt", tmp_path / "ran"
    content = {"embeddings": table, "extra": Runs(target)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    line = refusal(open_source, path)
    assert not target.exists()
    assert "posix.mkdir" in line
    assert "safetensors" in line
    assert "analyze()" in line
    assert "weights_only" not in line


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (torch.nn.Linear(2, 2), "torch.nn.modules.linear.Linear"),
        ({"e": torch.ones(3, 3), "args": argparse.Namespace(lr=1)}, "argparse.Namespace"),
        ({"e": torch.ones(3, 3), "path": pathlib.PurePosixPath("a")}, "pathlib.PurePosixPath"),
        (np.array([1, "a", None], dtype=object), "an object of Python"),
    ],
)
def test_a_class_that_is_not_allowed_is_named(refusal, tmp_path, content, name):
    torch.save(content, tmp_path / "emb.pt")
    assert name in refusal(open_source, tmp_path / "emb.pt")


def test_a_plain_pickle_is_never_loaded(refusal, tmp_path):
    path, target = tmp_path / "emb.pt", tmp_path / "ran"
    path.write_bytes(pickle.dumps(Runs(target)))
    assert "a pickle, which could run any code" in refusal(open_source, path)
    assert not target.exists()


def test_a_compressed_archive_is_refused_instead_of_read_as_noise(refusal, tmp_path):
    torch.save(torch.zeros(1000, 100), tmp_path / "a.pt")
    with (
        zipfile.ZipFile(tmp_path / "a.pt") as old,
        zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert "compressed afterwards" in refusal(open_source, tmp_path / "b.pt")


def test_a_torchscript_program_is_refused(refusal, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as archive:
        for name in ("m/data.pkl", "m/constants.pkl", "m/code/__torch__.py"):
            archive.writestr(name, b"")
    assert "a TorchScript program" in refusal(open_source, tmp_path / "m.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_damaged_files_end_in_one_line(table, refusal, tmp_path, zipped):
    path = tmp_path / "emb.pt"
    torch.save({"e": table}, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    for length in (0, 1, 20, 60, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        refusal(open_source, path)


def test_flipped_bytes_never_end_in_a_traceback(table, tmp_path):
    path, chance = tmp_path / "emb.pt", random.Random(0)
    torch.save({"e": table.numpy(), "labels": list("abcde") * 10}, path)
    content = path.read_bytes()
    for _ in range(150):
        spoilt = bytearray(content)
        for _ in range(3):
            spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
        path.write_bytes(spoilt)
        with contextlib.suppress(InputError):
            list(open_source(path).chunks())


def test_a_damaged_pickle_is_not_called_dangerous(table, refusal, tmp_path):
    path = tmp_path / "emb.pt"
    torch.save(table, path)
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            spoilt = content[:2] + b"\xff" * 8 + content[10:]
            new.writestr(name, spoilt if name.endswith("data.pkl") else content)
    line = refusal(open_source, path)
    assert "an intact torch.save file, got a damaged one" in line
    assert "could run any code" not in line
