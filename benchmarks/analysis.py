"""What it costs to measure a large file, beside reading it and beside other people's measures.

    python -m benchmarks.analysis

Every run has a process of its own, so that its peak memory is its own. The arms take turns.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import torch
from numpy.lib.format import open_memmap
from rich import box
from rich.console import Console
from rich.table import Table

CHUNK = 5461
"""Rows of a chunk, as the readers have it for 768 columns."""


def main_of(arm: str, path: Path) -> None:
    """Run one arm on one file."""
    ARMS[arm](path)


def single(path: Path) -> None:
    """Read once, one chunked Gram matrix in single precision: useless for ranks, as a floor."""
    _gram(path, torch.float32)


def double(path: Path) -> None:
    """Read once, one chunked Gram matrix in double precision."""
    _gram(path, torch.float64)


def _gram(path: Path, dtype: torch.dtype) -> None:
    rows = np.load(path, mmap_mode="r")
    gram = torch.zeros(rows.shape[1], rows.shape[1], dtype=dtype)
    for start in range(0, len(rows), CHUNK):
        chunk = torch.from_numpy(np.array(rows[start : start + CHUNK])).to(dtype)
        gram += chunk.T @ chunk


def streamed(path: Path) -> None:
    """Everything that is streamed: all metrics but those of the sample."""
    from collapse_doctor.metrics.sample_entries import SAMPLE_METRICS
    from collapse_doctor.metrics.table import METRICS, measure
    from collapse_doctor.readers.opening import open_source
    from collapse_doctor.together import summarise

    summary = summarise(open_source(path))
    assert summary is not None
    drawn = {metric.name for metric in SAMPLE_METRICS}
    measure(summary, [m.name for m in METRICS if m.name not in drawn])


def whole(path: Path) -> None:
    """All of ``collapse-doctor analyze``, findings and sample included."""
    from collapse_doctor import analyze

    analyze(path)


def rankme(path: Path) -> None:
    """RankMe as it is mostly written: singular values of the whole matrix."""
    values = torch.linalg.svdvals(torch.from_numpy(np.load(path)))
    shares = values / values.sum() + 1e-7
    float(torch.exp(-(shares * shares.log()).sum()))


def two_nn(path: Path) -> None:
    """Intrinsic dimension of all rows by scikit-dimension."""
    import skdim

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        skdim.id.TwoNN().fit(np.load(path))


def uniformity(path: Path) -> None:
    """Uniformity over all pairs, as published, in pieces that fit into memory."""
    rows = torch.nn.functional.normalize(torch.from_numpy(np.load(path)))
    total = 0.0
    for start in range(0, len(rows), 1000):
        gaps = torch.cdist(rows[start : start + 1000], rows[start:]).square()
        total += float(torch.exp(-2 * gaps).sum())


def isoscore(path: Path) -> None:
    """IsoScore by its authors' package."""
    from IsoScore.IsoScore import IsoScore

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        IsoScore(torch.from_numpy(np.load(path)))


ARMS: dict[str, Callable[[Path], None]] = {
    "read, Gram in float32": single,
    "read, Gram in float64": double,
    "streamed measures": streamed,
    "analyze": whole,
    "RankMe, svdvals": rankme,
    "TwoNN, scikit-dimension": two_nn,
    "uniformity, all pairs": uniformity,
    "IsoScore": isoscore,
}


def timed(arm: str, path: Path, threads: int, limit: float) -> tuple[float, float]:
    """Return seconds and peak resident MB of one arm in a process of its own; inf past the limit.

    Loading libraries is not counted.
    """
    command = [sys.executable, "-m", "benchmarks.analysis", "--arm", arm, "--file", str(path)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=limit, env=environment, check=True
        )
    except subprocess.TimeoutExpired:
        return float("inf"), float("nan")
    seconds, peak = json.loads(ran.stdout)
    return seconds, peak


def one(arm: str, path: Path) -> None:
    """Run one arm and print its seconds and peak MB as JSON."""
    importlib.import_module("collapse_doctor.api")  # libraries are loaded before the clock runs
    begun = time.perf_counter()
    main_of(arm, path)
    seconds = time.perf_counter() - begun
    print(json.dumps([seconds, peak_megabytes()]))


def peak_megabytes() -> float:
    """Return the most memory that was resident in this process so far.

    Linux hands ``ru_maxrss`` down from whoever started a process, so its own count is read.
    """
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        own = next(line for line in lines if line.startswith("VmHWM:"))
        return int(own.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(path: Path, rows: int, width: int) -> None:
    """Write rows of a decaying spectrum about a mean, as embeddings are."""
    random = np.random.default_rng(0)
    scale = (np.arange(1, width + 1) ** -0.5).astype(np.float32)
    file = open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, width))
    for start in range(0, rows, 50_000):
        block = file[start : start + 50_000]
        block[:] = random.standard_normal(block.shape, dtype=np.float32) * scale + 0.05
    file.flush()


@click.command()
@click.option("--rows", "sizes", multiple=True, type=int, default=(10_000, 100_000, 1_000_000))
@click.option("--width", default=768, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--threads", default=os.cpu_count() or 1, show_default=True)
@click.option("--peers/--no-peers", default=True, help="Others' measures, at 100,000 rows.")
@click.option("--limit", default=600.0, show_default=True, help="Seconds for one run of a peer.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the files are written.")
@click.option("--arm", hidden=True)
@click.option("--file", "path", type=click.Path(path_type=Path), hidden=True)
def main(
    sizes: tuple[int, ...],
    width: int,
    rounds: int,
    threads: int,
    peers: bool,
    limit: float,
    folder: Path | None,
    arm: str | None,
    path: Path | None,
) -> None:
    """Time the streamed measures beside a Gram product, and beside other people's measures."""
    if arm is not None and path is not None:
        one(arm, path)
        return
    names = list(ARMS)
    with tempfile.TemporaryDirectory(dir=folder) as home:
        for rows in sizes:
            file = Path(home) / f"{rows}.npy"
            write(file, rows, width)
            chosen = names[:4] + (names[4:] if peers and rows == 100_000 else [])
            runs = _rounds(chosen, file, rounds, threads, limit)
            Console(width=120).print(_table(runs, rows, width, threads))
            file.unlink()


def _rounds(
    names: list[str], file: Path, rounds: int, threads: int, limit: float
) -> dict[str, list[tuple[float, float]]]:
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if number == 0 or name in list(ARMS)[:4]:  # a peer runs once: some take minutes
                runs[name].append(timed(name, file, threads, limit))
    return runs


def _table(
    runs: dict[str, list[tuple[float, float]]], rows: int, width: int, threads: int
) -> Table:
    title = f"{rows:,} x {width} float32, {threads} threads"
    columns = ("seconds", "of float64 Gram", "of float32 Gram", "peak MB", "rows/s")
    table = Table("arm", *columns, title=title, box=box.MARKDOWN)
    floors = [_median(runs[name]) for name in ("read, Gram in float64", "read, Gram in float32")]
    for name, pairs in runs.items():
        seconds = _median(pairs)
        peak = max(peak for _, peak in pairs)
        ratios = [f"{seconds / floor:.2f}" for floor in floors]
        table.add_row(name, f"{seconds:.2f}", *ratios, f"{peak:.0f}", f"{rows / seconds:,.0f}")
    return table


def _median(pairs: list[tuple[float, float]]) -> float:
    return statistics.median(seconds for seconds, _ in pairs)


if __name__ == "__main__":
    main()
