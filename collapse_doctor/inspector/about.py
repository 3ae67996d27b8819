"""What a recording says about the models it watched."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Collection, Iterator, Mapping, Sequence

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from collapse_doctor.inspector.compiler.compiled import original
from collapse_doctor.inspector.layers import Layer, public_kind
from collapse_doctor.recording.observations import (
    FORMAT_VERSION,
    LayerInfo,
    Manifest,
    ModelInfo,
    Role,
)
from collapse_doctor.version import __version__

__all__ = ["describe"]

MOST_TABLES = 32
"""Shapes of tables told of one model."""


def describe(
    models: Mapping[str, nn.Module],
    blocks: Mapping[str, Sequence[Layer]],
    outputs: Mapping[str, Sequence[str]],
    role: Role,
    fresh: Collection[str] = (),
) -> Manifest:
    """Return the manifest for models whose ``blocks`` are watched and gave these ``outputs``.

    ``role`` is that of the blocks: whether they were asked for or taken by default. ``fresh`` are
    the names of the models that showed no sign of training when the watch began.
    """
    versions = {
        "collapse_doctor": __version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }
    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    infos = tuple(
        _model(name, model, _layers(model, blocks[name], outputs[name], role), name in fresh)
        for name, model in models.items()
    )
    return Manifest(FORMAT_VERSION, created, versions, infos)


def _model(name: str, model: nn.Module, layers: tuple[LayerInfo, ...], fresh: bool) -> ModelInfo:
    parameters = sum(p.numel() for p in model.parameters() if not is_lazy(p))
    tables = tuple(sorted(set(_tables(model))))[:MOST_TABLES]
    return ModelInfo(name, public_kind(original(model)), parameters, layers, fresh, tables)


def _tables(model: nn.Module) -> Iterator[tuple[int, int]]:
    """Yield the shapes of what rows may be looked up in: embeddings, and users' own matrices."""
    for module in model.modules():
        own = type(module).__module__.startswith("torch.nn")
        if own and not isinstance(module, nn.Embedding | nn.EmbeddingBag):
            continue  # the weights of a layer are no rows
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None and not is_lazy(tensor) and tensor.dim() == 2:
                yield tensor.shape[0], tensor.shape[1]


def _layers(
    model: nn.Module, blocks: Sequence[Layer], outputs: Sequence[str], role: Role
) -> tuple[LayerInfo, ...]:
    inner = [
        LayerInfo(layer.name, public_kind(original(layer.module)), role, depth)
        for depth, layer in enumerate(blocks)
    ]
    own = [
        LayerInfo(output, public_kind(original(model)), "output", len(blocks) + place)
        for place, output in enumerate(outputs)
    ]
    return (*inner, *own)
