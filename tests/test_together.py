"""One pass, shared by real processes: the numbers are those of one."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from collapse_doctor.errors import InputError, UsageError
from collapse_doctor.metrics.sample_entries import SAMPLE_METRICS
from collapse_doctor.metrics.table import measure
from collapse_doctor.readers.opening import from_value, open_source
from collapse_doctor.together import device_named, summarise

ROWS = (np.random.default_rng(0).normal(size=(900, 12)) + 1.0).astype(np.float32)
DRAWN = {metric.name for metric in SAMPLE_METRICS}


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    for number, part in enumerate(np.split(ROWS, [100, 500, 510])):
        np.savez(tmp_path / f"s{number}.npz", embeddings=part, labels=part[:, 0] > 1)
    return tmp_path


def torchrun(processes: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={processes}", "-m", "collapse_doctor", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("shape", [(900, 12), (90, 10, 12)])
def test_shares_are_all_rows_in_order(shape: tuple[int, ...], count: int) -> None:
    source = from_value(torch.from_numpy(ROWS.reshape(shape)))
    parts = [list(source.chunks(*source.share(number, count))) for number in range(count)]
    np.testing.assert_array_equal(torch.cat([c for part in parts for c in part]), ROWS)


@pytest.mark.parametrize("name", ["x.npy", "x.pt", "x.npz", "x.csv"])
def test_a_share_of_any_file_is_its_rows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "x.pt":
        torch.save(torch.from_numpy(ROWS), path)
    elif name == "x.npz":
        np.savez(path, z=ROWS)
    elif name == "x.npy":
        np.save(path, ROWS)
    else:
        np.savetxt(path, ROWS, delimiter=",")
    source = open_source(path)
    found = torch.cat(list(source.chunks(*source.share(1, 3))))
    np.testing.assert_allclose(found, ROWS[300:600], rtol=1e-7)


def test_two_processes_say_what_one_says(shards: Path) -> None:
    ran = torchrun(2, "analyze", str(shards), "--json", "-")
    assert ran.returncode == 0, ran.stderr
    (layer,) = json.loads(ran.stdout)["layers"]
    alone = summarise(open_source(shards))
    assert alone is not None
    for name, value in measure(alone).items():
        if name not in DRAWN and math.isfinite(value):
            assert layer["values"][name] == pytest.approx(value, rel=1e-9), name


def test_a_fault_in_one_process_is_one_line_and_no_hang(shards: Path) -> None:
    damaged = shards / "s3.npz"
    damaged.write_bytes(damaged.read_bytes()[:-4000] + damaged.read_bytes()[-400:])
    ran = torchrun(2, "analyze", str(shards))
    assert ran.returncode != 0
    ours = [line for line in ran.stderr.splitlines() if line.startswith("collapse-doctor:")]
    assert len(ours) == 1, ran.stderr
    assert "s3.npz" in ours[0]


def test_errors_travel_between_processes() -> None:
    import pickle

    error = InputError("rows", "none", where="x.npy", remedy="look")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.remedy, type(copy)) == (str(error), "look", InputError)


@pytest.mark.parametrize("name", ["coda", "cuda:77", "meta:x"])
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="Leave --device out"):
        device_named(name)


def test_what_is_told_adds_up(shards: Path) -> None:
    told: list[Any] = []
    summarise(open_source(shards), told=told.append)
    assert sum(told) == 900
