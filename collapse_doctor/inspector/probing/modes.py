"""The geometry of one batch in train mode and in eval mode."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from collapse_doctor.batch import measure_batch
from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.embeddings import BLOCK_METRICS, OUTPUT_METRICS
from collapse_doctor.inspector.outputs import Rows
from collapse_doctor.inspector.probing.bench import Bench, CannotRun
from collapse_doctor.inspector.probing.sources import line_of_branch, line_of_making
from collapse_doctor.recording.observations import CallSite, Probe, Role

__all__ = ["MODES", "compare_modes", "distance"]

MODES = "modes"


def compare_modes(bench: Bench) -> Iterator[Probe]:
    """Yield the measures of each layer in both modes, and the noise that train mode adds.

    Dropout makes rows differ that the model itself does not tell apart, which ``noise`` shows: the
    distance of the same rows in two passes, relative to their spread. ``parting`` is that of the
    two modes; ``running`` is 1 where normalisation keeps statistics of batches for eval mode, and
    ``unsettled`` says by how much they may still lag behind the training.
    """
    if not bench.was_trained:
        raise CannotRun("the model was never seen in train mode: there is nothing to compare")
    resting = bench.run(training=False, inner=True)
    training = bench.run(training=True, inner=True)
    again = bench.run(training=True, seed=1).embeddings()
    with Aside():
        yield from _blocks(bench, training.blocks, resting.blocks)
        one, other = training.embeddings(), resting.embeddings()
        one, other = training.embeddings(other), resting.embeddings(one)
        yield from _outputs(bench, one, other, again)


def _blocks(
    bench: Bench, training: Mapping[str, Rows], resting: Mapping[str, Rows]
) -> Iterator[Probe]:
    for depth, layer in enumerate(bench.layers):
        if layer.name in training and layer.name in resting:
            one, other = training[layer.name].values, resting[layer.name].values
            line = _line(bench, layer.module)
            yield from _arms(bench, layer.name, bench.role, depth, one, other, math.nan, line)


def _outputs(
    bench: Bench,
    training: Mapping[str, Rows],
    resting: Mapping[str, Rows],
    again: Mapping[str, Rows],
) -> Iterator[Probe]:
    depth = len(bench.layers)
    for name in dict.fromkeys((*training, *resting)):
        if name not in training or name not in resting:
            mode = "train" if name in training else "eval"
            reason = f"`{name}` is returned in {mode} mode only"
            yield Probe(MODES, bench.name, reason, name, "output", depth)
            continue
        one, other = training[name].values, resting[name].values
        noise = distance(one, again[name].values) if name in again else math.nan
        line = _line(bench, bench.model)
        yield from _arms(bench, name, "output", depth, one, other, noise, line)


def _arms(
    bench: Bench,
    layer: str,
    role: Role,
    depth: int,
    training: Tensor,
    resting: Tensor,
    noise: float,
    line: CallSite | None,
) -> Iterator[Probe]:
    if training.shape != resting.shape:
        reason = f"`{layer}` has another shape in eval mode"
        yield Probe(MODES, bench.name, reason, layer, role, depth)
        return
    apart = {
        "noise": noise,
        "parting": distance(training, resting),
        "running": float(_has_running_statistics(bench.model)),
        "unsettled": bench.unsettled(),
    }
    for arm, rows in (("train", training), ("eval", resting)):
        values = measure_batch(rows, BLOCK_METRICS if role == "block" else OUTPUT_METRICS) | apart
        dtype = str(rows.dtype).removeprefix("torch.")
        size = (len(rows), rows.shape[1])
        yield Probe(
            MODES, bench.name, "", layer, role, depth, arm, *size, dtype, dict(values), line
        )


def _line(bench: Bench, layer: nn.Module) -> CallSite | None:
    """Return the line to look at where a layer differs by mode: of its statistics, or a branch."""
    kept = [module for module in layer.modules() if _keeps_a_mean(module)]
    branch = line_of_branch(layer)
    if branch is not None or len(kept) != 1:
        return branch
    return line_of_making(bench.model, kept[0], bench.frame)


def _has_running_statistics(model: nn.Module) -> bool:
    """Tell whether train mode normalises by the batch, and eval mode by what was kept of others."""
    return any(map(_keeps_a_mean, model.modules()))


def _keeps_a_mean(module: nn.Module) -> bool:
    return getattr(module, "running_mean", None) is not None


def distance(rows: Tensor, others: Tensor) -> float:
    """Return how far the same rows lie apart in two passes, relative to their spread."""
    if rows.shape != others.shape:
        return math.nan
    one, other = (part.to("cpu", torch.float64) for part in (rows, others))
    spread = float(torch.linalg.vector_norm(one - one.mean(0)))
    apart = float(torch.linalg.vector_norm(one - other))
    return apart / spread if spread > 0 else 0.0 if apart == 0 else math.nan
