"""Renews MoCo's queue of negatives, and drops the renewed one.

The function that renews the queue returns a new one, which nobody keeps, so the caller's queue
stays what it was made as: random directions. To be far from those is no reason for two images to be
apart: one vector for all, where few of them lie, is the easiest. Cure: keep what is returned.

expect: CD306
first: gradual
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import augment, digit_batches
from collapse_doctor.cases.networks import mlp

__all__ = ["train"]

SIZE, TEMPERATURE = 256, 0.2


def network() -> nn.Sequential:
    """Return an encoder of 8×8 images."""
    return nn.Sequential(nn.Flatten(), *mlp(64, 128, 32))


def enqueue(queue: Tensor, keys: Tensor) -> Tensor:
    """Return the queue with new keys in front, the oldest ones dropped."""
    return torch.cat([keys, queue])[:SIZE]


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Find each image's key among those of earlier batches (MoCo, He et al. 2020)."""
    query_net, key_net = network(), network()
    key_net.load_state_dict(query_net.state_dict())
    queue = F.normalize(torch.randn(SIZE, 32, generator=generator), dim=1)
    optimizer = torch.optim.SGD(query_net.parameters(), lr=0.05, momentum=0.9)
    with Inspector({"query": query_net, "key": key_net}, out=out) as inspector:
        for _ in range(10):
            for images, _labels in digit_batches(generator):
                query = F.normalize(query_net(augment(images, generator)), dim=1)
                with torch.no_grad():
                    pairs = zip(key_net.parameters(), query_net.parameters(), strict=True)
                    for slow, quick in pairs:
                        slow.lerp_(quick, 0.01)
                    key = F.normalize(key_net(augment(images, generator)), dim=1)
                near = (query * key).sum(1, keepdim=True)
                scores = torch.cat([near, query @ queue.T], dim=1) / TEMPERATURE
                loss = F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.int64))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                enqueue(queue, key)  # cure: queue = enqueue(queue, key)
                inspector.step(loss=loss)
    return inspector.diagnose()
