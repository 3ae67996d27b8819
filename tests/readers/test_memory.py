"""Reading a large file takes the memory of a few chunks, not that of the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from collapse_doctor.readers.opening import open_source

ROWS, WIDTH = 2**17, 256  # 128 MiB as float32

READ = """
import resource, sys
from collapse_doctor.readers.opening import open_source
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
chunks = open_source(sys.argv[1]).chunks()
rows = len(next(chunks))  # loads what is loaded once, and the first chunk
before = most = resident()
for chunk in chunks:
    rows, most = rows + len(chunk), max(most, resident())
print(rows, most - before)
"""


@pytest.fixture(scope="module")
def numbers() -> np.ndarray:
    return np.arange(ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH)


def written(folder: Path, kind: str, numbers: np.ndarray) -> Path:
    path = folder / f"large.{kind}"
    if kind == "npy":
        np.save(path, numbers)
    else:
        save_file({"embeddings": torch.from_numpy(numbers)}, path)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["npy", "safetensors"])
def test_mapped_files_are_let_go_of(tmp_path, numbers, kind):
    path = written(tmp_path, kind, numbers)
    ran = subprocess.run(
        [sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True
    )
    rows, grown = ran.stdout.split()
    assert int(rows) == ROWS
    assert float(grown) < 64  # MiB: three chunks of 16, where the file has 128


@pytest.mark.parametrize("kind", ["npy", "safetensors"])
def test_any_part_can_be_read_alone(tmp_path, numbers, kind):
    source = open_source(written(tmp_path, kind, numbers))
    part = torch.cat(list(source.chunks(100_000, 100_003)))
    torch.testing.assert_close(part, torch.from_numpy(numbers[100_000:100_003]), rtol=0, atol=0)
