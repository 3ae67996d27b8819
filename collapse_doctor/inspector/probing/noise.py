"""Whether an embedding depends on its input at all: that of the data against that of noise."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from collapse_doctor.batch import measure_batch
from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.probing.batch import Batch
from collapse_doctor.inspector.probing.bench import Bench, CannotRun
from collapse_doctor.inspector.probing.rows import count_of, noisy, real_among
from collapse_doctor.recording.observations import Probe

__all__ = ["NOISE", "answer_noise"]

NOISE = "noise"
SPREADS = ("relative_dispersion", "direction_dispersion")


def answer_noise(bench: Bench) -> Iterator[Probe]:
    """Yield the spread of each embedding on the data and on noise, and how far noise moves it.

    ``moved`` is the distance of the embeddings of data and noise, over the length of those of the
    data. ``input`` is the relative spread of the rows of the first tensor of real numbers that goes
    in: what enters alike cannot be told apart.
    """
    other, replaced = noisy(bench.batch)
    if not replaced:
        raise CannotRun("the probe holds nothing that noise could stand for")
    data = bench.run(training=False).embeddings()
    noise = bench.run(training=False, batch=other).embeddings(data)
    entered = _entered(bench.batch)
    with Aside():
        for name, rows in data.items():
            if name not in noise or noise[name].values.shape != rows.values.shape:
                continue
            one, two = rows.values, noise[name].values
            values = {"moved": _moved(one, two), "input": entered}
            for arm, part in (("data", one), ("noise", two)):
                spread = measure_batch(part, SPREADS)
                values |= {f"{metric}_{arm}": spread.get(metric, math.nan) for metric in SPREADS}
            yield Probe(
                NOISE,
                bench.name,
                layer=name,
                depth=len(bench.layers),
                rows=len(one),
                width=one.shape[1],
                dtype=str(one.dtype).removeprefix("torch."),
                values=dict(values),
            )


def _entered(batch: Batch) -> float:
    """Return the relative spread of what goes in; NaN for ids, whose numbers are names."""
    count = count_of(batch)
    for tensor in real_among(batch):
        if tensor.shape[0] == count:
            rows = tensor.detach().to("cpu", torch.float64).flatten(1)
            length = float(torch.linalg.vector_norm(rows))
            return float(torch.linalg.vector_norm(rows - rows.mean(0))) / length if length else 0.0
    return math.nan


def _moved(one: Tensor, other: Tensor) -> float:
    first, second = (part.to("cpu", torch.float64) for part in (one, other))
    length = float(torch.linalg.vector_norm(first))
    return float(torch.linalg.vector_norm(first - second)) / length if length else math.nan
