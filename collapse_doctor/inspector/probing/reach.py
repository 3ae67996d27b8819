"""Where the gradient of an embedding arrives: at which parameters, and whether at the input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules import module as registries

from collapse_doctor.inspector.outputs import embeddings_among, is_plain, tensors_in
from collapse_doctor.inspector.probing.batch import Batch
from collapse_doctor.inspector.probing.bench import Bench, CannotRun
from collapse_doctor.inspector.probing.rows import real_among
from collapse_doctor.recording.observations import Probe

__all__ = ["REACH", "reach_back"]

REACH = "reach"
_GLOBAL = ("_global_backward_hooks", "_global_backward_pre_hooks")


def reach_back(bench: Bench) -> Iterator[Probe]:
    """Yield how many parameters a gradient of each embedding reaches: of the model, of its blocks.

    ``parameters`` are those that are to be trained, ``reached`` those of them with a gradient that
    is not zero throughout; ``input`` is 1 if one arrives at real numbers that go in, 0 if none
    does, NaN if there are only ids. The gradient is that of a sum with random weights: normalised
    rows have one and the same plain sum.
    """
    _require_no_hooks(bench.model)
    with bench.fresh(training=bench.was_trained) as (model, parts, args, kwargs):
        entered = real_among(Batch(args, kwargs))
        with torch.enable_grad(), bench.running():
            for tensor in entered:
                tensor.requires_grad_(True)
            output = model(*args, **kwargs)
            found = embeddings_among([(n, t) for n, t in tensors_in(output) if is_plain(t)])
            shown = [
                probe
                for name, tensor in found
                for probe in _reached(bench, model, parts, name, tensor, entered)
            ]
    yield from shown


def _reached(
    bench: Bench,
    model: nn.Module,
    parts: dict[int, object],
    name: str,
    tensor: Tensor,
    entered: Sequence[Tensor],
) -> Iterator[Probe]:
    """Yield what one output reaches, and then each inner layer of which it reaches nothing."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    arrived = _arrived(tensor, [*trainable, *entered])
    known = {id(p) for p in trainable} & arrived
    inside = float(any(id(one) in arrived for one in entered)) if entered else math.nan
    counts = {"parameters": float(len(trainable)), "reached": float(len(known)), "input": inside}
    yield Probe(REACH, bench.name, layer=name, depth=len(bench.layers), values=dict(counts))
    for depth, layer in enumerate(bench.layers):
        module = parts.get(id(layer.module))
        held = module.parameters() if isinstance(module, nn.Module) else ()
        own = [parameter for parameter in held if parameter.requires_grad]
        if own and not any(id(p) in arrived for p in own):
            missed = {"parameters": float(len(own)), "reached": 0.0}
            yield Probe(
                REACH, bench.name, "", layer.name, bench.role, depth, name, values=dict(missed)
            )


def _arrived(tensor: Tensor, sources: Sequence[Tensor]) -> set[int]:
    """Return the ``id`` of each tensor at which a gradient that is not zero arrives."""
    if not tensor.requires_grad or not sources:
        return set()
    weights = torch.randn(tensor.shape, dtype=torch.float64).to(tensor)
    gradients = torch.autograd.grad(
        (tensor * weights).sum(), sources, retain_graph=True, allow_unused=True
    )
    return {
        id(source)
        for source, gradient in zip(sources, gradients, strict=True)
        if gradient is not None and bool(gradient.count_nonzero())
    }


def _require_no_hooks(model: nn.Module) -> None:
    """Refuse a model on whose way back code of the user's would be run."""
    if any(getattr(registries, name) for name in _GLOBAL):
        raise CannotRun("hooks on the gradients of all modules of the process are registered")
    for name, module in model.named_modules():
        if module._backward_hooks or module._backward_pre_hooks:
            at = f"`{name}`" if name else "the model"
            raise CannotRun(f"{at} has a backward hook of yours, which would see its gradients")
