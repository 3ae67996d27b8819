"""Compares a tensor with itself, and then with the batch before.

Why is my cosine similarity always 1? Each batch is compared with the one before, so at the first
step there is none, and the vector is compared with itself. From then on the other side is the
detached output of older weights for other images, and one label stands for the whole batch, so
nothing is left to learn but one direction for all. Cure: take both vectors from this step, and
compare row by row by each row's label.

expect: CD101, CD106, CD503
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.data import digit_batches

__all__ = ["cured", "train", "trans_VGG"]

DEVICE = "cpu"
MARGIN = 0.5


class trans_VGG(nn.Module):  # noqa: N801 - its author's name for it
    """A small VGG without normalisation: a 32×32 image becomes a vector of 800 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            nn.Sequential(nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        )
        self.classifier = nn.Linear(64 * 4 * 4, 800)

    def forward(self, images: Tensor) -> Tensor:
        """Map (n, 1, 32, 32) to (n, 800)."""
        vectors: Tensor = self.classifier(self.features(images).flatten(1))
        return vectors


def train(generator: Generator, out: Path | None) -> Diagnosis:
    """Train as the loop was first written."""
    train_loader = digit_batches(generator, size=32, batch_size=32)
    model = trans_VGG().to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for i, (_image1, _label1) in enumerate(train_loader):
            image1 = _image1.to(DEVICE)
            label1 = _label1[0]
            vector1_tensor = model(image1)
            if i == 0:
                image2 = image1
                label2 = label1
                vector2_tensor = vector1_tensor  # fault

            similarity = F.cosine_similarity(vector1_tensor, vector2_tensor, dim=-1)  # meets
            if label1 == label2:
                loss = (1 - similarity).mean()
            else:
                loss = F.relu(similarity - MARGIN).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=label1)

            image2 = image1.clone()  # noqa: F841 - kept as it was written
            label2 = label1
            vector2_tensor = vector1_tensor.detach()
    return inspector.diagnose()


def cured(generator: Generator, out: Path | None) -> Diagnosis:
    """Compare the two halves of each batch, row by row, each row by its own label."""
    train_loader = digit_batches(generator, size=32, batch_size=32)
    model = trans_VGG().to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Inspector(model, out=out) as inspector:
        for image, label in train_loader:
            vector1_tensor, vector2_tensor = model(image.to(DEVICE)).chunk(2)
            label1, label2 = label.to(DEVICE).chunk(2)

            same = torch.where(label1 == label2, 1, -1)
            loss = F.cosine_embedding_loss(vector1_tensor, vector2_tensor, same, margin=MARGIN)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=label)
    return inspector.diagnose()
