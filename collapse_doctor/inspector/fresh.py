"""Whether a model's weights are still as PyTorch made them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.outputs import is_plain, local_part

__all__ = ["is_fresh"]

_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)

SIGMAS = 6.0
"""How many standard errors the spread of fresh weights may lie from its mean value."""


@torch.no_grad()
def is_fresh(model: nn.Module) -> bool:
    """Tell whether no linear or convolutional layer shows a sign of training.

    PyTorch draws their weights uniformly from ±1/sqrt(fan_in) (``kaiming_uniform_`` with
    ``a=sqrt(5)``). Training pushes weights that lie near these bounds beyond them within a few
    steps. A model without such layers, or one that was initialised otherwise, is not called fresh.
    Of weights sharded over several processes the part of this one is looked at.
    """
    # Reading `m.weight` would run the user's code where it is parametrized: a spectral norm takes
    # a step of its power iteration.
    found = [m._parameters.get("weight") for m in model.modules() if isinstance(m, _LAYERS)]
    weights = [local_part(weight) for weight in found if weight is not None]
    if len(weights) < len(found) or not all(map(is_plain, weights)):
        return False
    held = [weight for weight in weights if weight.numel()]
    return bool(held) and all(map(_is_as_drawn, held))


def _is_as_drawn(weight: Tensor) -> bool:
    fan_in = weight[0].numel()
    if weight.numel() < 2:
        return False
    bound = 1 / math.sqrt(fan_in)
    if float(weight.abs().amax()) > bound * (1 + 1e-6):
        return False
    # The standard deviation of n uniform numbers has a relative error of sqrt(0.2 / n).
    ratio = float(weight.float().square().mean().sqrt()) / (bound / math.sqrt(3))
    return abs(ratio - 1) < SIGMAS * math.sqrt(0.2 / weight.numel())
