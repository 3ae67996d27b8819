"""Stacks eighteen layers with a sigmoid after each, of which only the last ones learn.

The derivative of a sigmoid is a quarter at most. Eighteen of them leave of the gradient, on its way
down, less than the resolution of its numbers: the first layers stay as they were drawn, and give
nearly the same for all wines. The loss falls to that of guessing. Cure: layers that hand the
gradient on, normalised and with SELU.

expect: CD203
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import wines

__all__ = ["train"]

DEPTH = 18
WIDTH = 40


def layer(inputs: int) -> nn.Sequential:
    """Return one layer of the network."""
    after: list[nn.Module] = [nn.Sigmoid()]  # cure: after = [nn.LayerNorm(WIDTH), nn.SELU()]
    return nn.Sequential(nn.Linear(inputs, WIDTH), *after)


def network() -> nn.Sequential:
    """Return the layers, a linear one last: (n, 13) measurements to (n, 16)."""
    inner = [layer(WIDTH) for _ in range(DEPTH - 1)]
    return nn.Sequential(layer(13), *inner, nn.Linear(WIDTH, 16))


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Learn the cultivars of wines."""
    values, cultivars = wines()
    net, classify = network(), nn.Linear(16, 3)
    optimizer = torch.optim.SGD([*net.parameters(), *classify.parameters()], lr=0.02, momentum=0.9)
    with Inspector(net, out=out) as inspector:
        for _ in range(60):
            rows = torch.randperm(len(values), generator=generator)[:64]
            loss = F.cross_entropy(classify(net(values[rows])), cultivars[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            inspector.step(loss=loss)
    return inspector.diagnose()
