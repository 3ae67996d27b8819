"""Whether the statistics that eval mode uses have left the state they began in.

A running mean is, after n updates with momentum m, the share (1 - m)^n of what it was before and,
for the rest, of the batches since. What the batches alone would give follows from that, as in the
bias correction of Adam; and from that how far the rest of the beginning still shifts each channel.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.outputs import is_plain

__all__ = ["Beginning", "beginnings", "unsettled"]

SLOWEST = 3e-4
"""The smallest momentum in torchvision's networks (MnasNet, 1 - 0.9997). Of a smaller one it is
not to be expected that statistics settle in any training."""
MOST_NUMBERS = 1 << 20
"""Numbers of running statistics that are kept from the beginning of a training."""


class Beginning(NamedTuple):
    """The statistics of one layer when the watch began: copies of its mean, variance, count."""

    mean: Tensor
    variance: Tensor
    updates: Tensor


def beginnings(model: nn.Module) -> dict[int, Beginning]:
    """Return what the running statistics of a model are now, by the ``id`` of its layers.

    Nothing is read, only copied; beyond ``MOST_NUMBERS`` nothing is kept.
    """
    found: dict[int, Beginning] = {}
    kept = 0
    for module in model.modules():
        statistics = _statistics(module)
        if statistics is None:
            continue
        kept += 2 * statistics.mean.numel()
        if kept > MOST_NUMBERS:
            break
        found[id(module)] = Beginning(*(one.detach().clone() for one in statistics))
    return found


def unsettled(
    model: nn.Module, before: Mapping[int, Beginning], resting: Collection[int] = ()
) -> float:
    """Return by how many standard deviations the beginning still shifts the channels of a layer.

    The root mean square over channels, of the layer where it is largest. 0 where there is nothing
    that could settle: no statistics, or none that are updated (in ``resting`` layers, or with a
    momentum of 0 or nearly so). NaN where it is not known, as of statistics of a user's own.
    To be called when the training is over: it reads values.
    """
    shifts = [0.0]
    for module in model.modules():
        if not _keeps_statistics(module) or id(module) in resting:
            continue
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            shifts.append(_shift(module, before.get(id(module))))
        elif module.training and not isinstance(module, nn.modules.instancenorm._InstanceNorm):
            shifts.append(math.nan)
    return math.nan if any(map(math.isnan, shifts)) else max(shifts)


def _keeps_statistics(module: nn.Module) -> bool:
    """Tell whether a layer has numbers beside its parameters that training may change."""
    return any(
        buffer is not None and buffer.is_floating_point() for buffer in module._buffers.values()
    )


def _statistics(module: nn.Module) -> Beginning | None:
    if not isinstance(module, nn.modules.batchnorm._BatchNorm):
        return None
    held = (module.running_mean, module.running_var, module.num_batches_tracked)
    if any(one is None or not is_plain(one) for one in held):
        return None
    mean, variance, updates = held
    return Beginning(mean, variance, updates)  # type: ignore[arg-type]


def _shift(module: nn.modules.batchnorm._BatchNorm, before: Beginning | None) -> float:
    now = _statistics(module)
    if before is None or now is None or now.mean.shape != before.mean.shape:
        return math.nan
    momentum, updates = module.momentum, int(now.updates) - int(before.updates)
    if momentum is not None and momentum < SLOWEST:
        return 0.0
    if momentum is None or updates < 1:
        return math.nan  # a mean of all batches holds the first ones for long; or none was seen
    left = (1.0 - momentum) ** updates
    if left >= 1.0:
        return math.nan
    mean, variance, old_mean, old_variance = (
        one.detach().to("cpu", torch.float64)
        for one in (now.mean, now.variance, before.mean, before.variance)
    )
    own_variance = (variance - left * old_variance) / (1.0 - left)
    moved = (old_mean - mean) * left / (1.0 - left)
    varying = own_variance > 0
    if not bool(varying.all()):
        return math.inf
    return float((moved.square() / own_variance).mean().sqrt())
