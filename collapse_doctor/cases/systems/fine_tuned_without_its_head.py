"""Freezes the backbone, and gives the optimizer the backbone's parameters alone.

For fine-tuning the backbone rests and a new head is put on it. The optimizer was taken over from
the pre-training and still holds the backbone, for which there is nothing to do any more. Neither
learns; the loss goes up and down with the batches. Cure: give it the head.

expect: CD202
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches
from collapse_doctor.cases.networks import ConvNet

__all__ = ["train"]


class FineTuned(nn.Module):
    """A backbone that rests and a head that is to learn."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, 1, 8, 8) to logits (n, 10)."""
        logits: Tensor = self.head(self.backbone(images))
        return logits

    def train(self, mode: bool = True) -> FineTuned:
        """Leave the backbone, whose statistics must not move, in eval mode."""
        super().train(mode)
        self.backbone.eval()
        return self


def pretrained(generator: Generator) -> nn.Module:
    """Return a backbone that has learnt to tell even digits from odd ones."""
    backbone, parity = ConvNet(), nn.Linear(64, 2)
    optimizer = torch.optim.Adam([*backbone.parameters(), *parity.parameters()], lr=2e-3)
    for images, labels in digit_batches(generator):
        optimizer.zero_grad()
        F.cross_entropy(parity(backbone(images)), labels % 2).backward()
        optimizer.step()
    return backbone


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Put a head for ten digits on a backbone that knows two kinds."""
    backbone = pretrained(generator).requires_grad_(False)
    model = FineTuned(backbone).train()
    weights = model.backbone.parameters()  # cure: weights = model.head.parameters()
    optimizer = torch.optim.SGD(weights, lr=0.1, momentum=0.9)
    with Inspector(model, out=out) as inspector:
        for _ in range(4):
            for images, labels in digit_batches(generator):
                loss = F.cross_entropy(model(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                inspector.step(loss=loss, labels=labels)
    return inspector.diagnose()
