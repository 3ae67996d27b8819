"""Whether a model's weights are still as PyTorch made them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from itertools import groupby

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.outputs import is_plain, local_part
from collapse_doctor.inspector.pacing.later import Later, is_here

__all__ = ["find_fresh", "is_fresh"]

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)

SIGMAS = 6.0
"""How many standard errors the spread of fresh weights may lie from its mean value."""
MOST_LAYERS = 32
"""Layers that are looked at on a device, where each costs two kernels and none can end the search
early. Training moves all of them."""


def find_fresh(model: nn.Module, later: Later, tell: Callable[[], object]) -> None:
    """Find out whether a model is fresh, as :func:`is_fresh` does, without waiting for a device.

    Parameters
    ----------
    model
        The model; its weights may lie on several devices.
    later
        Where the statistics of weights on a device wait until they have come over.
    tell
        Called if the model is fresh: at once, or when that is known.
    """
    weights = _weights(model)
    if all(map(is_here, weights)):
        if is_fresh(model):
            tell()
        return
    few = sorted(weights[:: -(-len(weights) // MOST_LAYERS)], key=_device)
    together = [list(group) for _, group in groupby(few, key=_device)]
    statistics = [torch.stack([_statistics(w) for w in group]) for group in together]
    later.put(statistics, functools.partial(_judge, [_sizes(w) for w in few], tell))


@torch.no_grad()
def is_fresh(model: nn.Module) -> bool:
    """Tell whether no linear or convolutional layer shows a sign of training.

    PyTorch draws their weights uniformly from ±1/sqrt(fan_in) (``kaiming_uniform_`` with
    ``a=sqrt(5)``). Training pushes weights that lie near these bounds beyond them within a few
    steps. A model without such layers, or one that was initialised otherwise, is not called fresh.
    Of weights sharded over several processes the part of this one is looked at.
    """
    weights = _weights(model)
    return bool(weights) and all(_is_as_drawn(w) for w in weights)


def _weights(model: nn.Module) -> list[Tensor]:
    """Return the weights to be looked at; none if those of any layer cannot be."""
    # Reading `m.weight` would run the user's code where it is parametrized: a spectral norm takes
    # a step of its power iteration.
    found = [m._parameters.get("weight") for m in model.modules() if isinstance(m, _LAYERS)]
    weights = [local_part(weight) for weight in found if weight is not None]
    plain = all(is_plain(weight) and weight.is_floating_point() for weight in weights)
    if len(weights) < len(found) or not plain:
        return []
    return [weight for weight in weights if weight.numel()]


def _device(weight: Tensor) -> str:
    return str(weight.device)


@torch.no_grad()
def _statistics(weight: Tensor) -> Tensor:
    """Return the largest weight and the length of all, where they are; copies no weight."""
    length = torch.linalg.vector_norm
    precise = torch.promote_types(weight.dtype, torch.float32)
    return torch.stack([length(weight, math.inf).float(), length(weight, dtype=precise).float()])


def _sizes(weight: Tensor) -> tuple[int, int]:
    """Return the number of weights, and of those that go into one output."""
    return weight.numel(), weight[0].numel()


def _judge(
    sizes: Sequence[tuple[int, int]], tell: Callable[[], object], values: Sequence[Tensor]
) -> None:
    """Tell if all layers are as drawn, by their statistics, which have arrived."""
    statistics = torch.cat(list(values)).tolist()
    if all(
        largest <= _bound(fan_in) and _is_spread(length / count**0.5, count, fan_in)
        for (count, fan_in), (largest, length) in zip(sizes, statistics, strict=True)
    ):
        tell()


def _is_as_drawn(weight: Tensor) -> bool:
    count, fan_in = _sizes(weight)
    if float(weight.abs().amax()) > _bound(fan_in):  # what is not as drawn shows it here
        return False
    return _is_spread(float(weight.float().square().mean().sqrt()), count, fan_in)


def _bound(fan_in: int) -> float:
    """Return what no fresh weight lies above, rounding included."""
    return (1 + 1e-6) / math.sqrt(fan_in)


def _is_spread(root_mean_square: float, count: int, fan_in: int) -> bool:
    # The standard deviation of n uniform numbers has a relative error of sqrt(0.2 / n).
    ratio = root_mean_square * math.sqrt(3 * fan_in)
    return count > 1 and abs(ratio - 1) < SIGMAS * math.sqrt(0.2 / count)
