"""safetensors, .npy and .npz: mapped or streamed, and refused where they lie."""

import contextlib
import io
import random
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from collapse_doctor.errors import InputError
from collapse_doctor.readers import contents
from collapse_doctor.readers.opening import open_source


@pytest.fixture(params=["float16", "float32", "float64", "int8", "int64", ">f4"])
def array(request):
    return np.random.default_rng(1).normal(size=(40, 6)).__mul__(9).astype(request.param)


def write(path, array):
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez_compressed(path, embeddings=array)
    else:
        save_file({"embeddings": contents.as_tensor(array)}, path)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_values_are_read_back_exactly_in_small_chunks(
    array, rows_of, tmp_path, monkeypatch, suffix, order
):
    monkeypatch.setattr(contents, "CHUNK_VALUES", 60)
    write(tmp_path / f"emb{suffix}", np.asarray(array, order=order))
    source = open_source(tmp_path / f"emb{suffix}")
    assert (source.rows, source.width) == array.shape
    assert source.dtype == array.dtype.newbyteorder("=").name
    np.testing.assert_array_equal(rows_of(source).numpy(), array)
    np.testing.assert_array_equal(rows_of(source).numpy(), array)


def test_blocks_of_a_large_file_are_small(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "CHUNK_VALUES", 100)
    for suffix in (".npy", ".npz", ".safetensors"):
        write(tmp_path / f"emb{suffix}", np.zeros((200, 10), np.float32))
        blocks = list(open_source(tmp_path / f"emb{suffix}").entry.blocks())
        assert max(block.numel() for block in blocks) == 100


def test_bfloat16_and_float8_of_safetensors(rows_of, tmp_path):
    stored = torch.arange(12.0).reshape(4, 3)
    for dtype in (torch.bfloat16, torch.float8_e5m2):
        save_file({"emb": stored.to(dtype)}, tmp_path / "e.safetensors")
        rows = rows_of(open_source(tmp_path / "e.safetensors"))
        assert torch.equal(rows.float(), stored.to(dtype).float())


def test_a_zip_bomb_does_not_fill_the_memory(tmp_path):
    np.savez_compressed(tmp_path / "emb.npz", emb=np.zeros((600_000, 64), np.float32))
    assert (tmp_path / "emb.npz").stat().st_size < 1 << 18  # 146 MiB of zeros
    tracemalloc.start()
    for _ in open_source(tmp_path / "emb.npz").chunks():
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * 4 * contents.CHUNK_VALUES  # five chunks of 16 MiB


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_objects_are_refused_without_unpickling(refusal, tmp_path, suffix):
    array = np.array([[1, None], ["a", 2]], dtype=object)
    path = tmp_path / f"emb{suffix}"
    np.save(path, array) if suffix == ".npy" else np.savez(path, emb=array)
    assert "object values" in refusal(open_source, path)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((3, 2), np.complex64), "complex64 values"),
        (np.array([["a", "b"]]), "strings"),
        (np.zeros(512, np.float32), "a 1-D tensor of 512 values"),
        (np.float32(3), "a single number"),
        (np.zeros((0, 128), np.float32), "an empty tensor (0, 128)"),
        (np.zeros((1, 128), np.float32), "one row (1, 128). Pass at least 2 rows"),
        (np.zeros((3,), [("a", "f4"), ("b", "f4")]), "values (3,)"),
        (np.zeros((3, 2), "M8[s]"), "datetime64[s] values"),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays_that_are_no_embeddings_are_named(refusal, tmp_path, array, words, suffix):
    path = tmp_path / f"emb{suffix}"
    np.save(path, array) if suffix == ".npy" else np.savez(path, emb=array)
    assert words in refusal(open_source, path)


def test_a_header_that_claims_terabytes_is_refused(refusal, tmp_path):
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 34, 64)}
    np.lib.format.write_array_header_1_0(stream, header)
    (tmp_path / "emb.npy").write_bytes(stream.getvalue())
    refusal(open_source, tmp_path / "emb.npy")
    with zipfile.ZipFile(tmp_path / "emb.npz", "w") as archive:
        archive.writestr("emb.npy", stream.getvalue())
    assert "emb.npy ends after 0" in refusal(open_source, tmp_path / "emb.npz")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
def test_damaged_files_end_in_one_line(refusal, tmp_path, suffix):
    path = tmp_path / f"emb{suffix}"
    write(path, np.ones((40, 6), np.float32))
    content = path.read_bytes()
    for length in (0, 3, 9, 40, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        refusal(open_source, path)
    chance = random.Random(0)
    for _ in range(100):
        spoilt = bytearray(content)
        for _ in range(3):
            spoilt[chance.randrange(min(200, len(spoilt)))] = chance.randrange(256)
        path.write_bytes(spoilt)
        with contextlib.suppress(InputError):
            list(open_source(path).chunks())


def test_an_archive_of_nothing_is_not_called_damaged(refusal, tmp_path):
    np.savez(tmp_path / "emb.npz")
    line = refusal(open_source, tmp_path / "emb.npz")
    assert "an empty archive: nothing was saved in it" in line
    assert "damaged" not in line


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (b"(9**9**9,)", "its header does not describe an array"),
        (b"(-40, 6), ", "its header claims the shape (-40, 6)"),
        (b"(40, [6]),", "its header does not describe an array"),
    ],
)
def test_a_damaged_header_is_told_in_our_words(refusal, tmp_path, claim, words):
    path = tmp_path / "emb.npy"
    write(path, np.ones((40, 6), np.float32))
    content = path.read_bytes()
    assert b"(40, 6), }" in content
    path.write_bytes(content.replace(b"(40, 6), }", claim[:9].ljust(9) + b"}"))
    line = refusal(open_source, path)
    assert words in line
    assert "0x" not in line


def test_no_address_of_our_own_memory_gets_into_a_message(refusal, tmp_path, monkeypatch):
    path = tmp_path / "emb.npy"
    write(path, np.ones((40, 6), np.float32))

    def fail(*arguments, **keywords):
        raise ValueError(f"malformed node: {object()!r}")

    monkeypatch.setattr(np, "load", fail)
    assert "(malformed node: an object)" in refusal(open_source, path)
