"""Four small trainings, real ones, with the comparison written as people write it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.cases.data import augment, digits

__all__ = ["TRAININGS", "Job", "Training"]

EMBEDDING = 128


@dataclass(frozen=True)
class Job:
    """One training that is ready to run: ``step`` takes one step and returns its loss."""

    models: nn.Module | dict[str, nn.Module]
    optimizer: torch.optim.Optimizer
    step: Callable[[], Tensor]

    @property
    def module(self) -> nn.Module:
        """All models as one module, for tools that take no more than one."""
        return nn.ModuleDict(self.models) if isinstance(self.models, dict) else self.models


@dataclass(frozen=True)
class Training:
    """A kind of training; its ``width`` decides how long a step takes.

    ``multiple`` is what a width must be divisible by, ``start`` the width a search begins with.
    """

    name: str
    what: str
    start: int
    multiple: int
    build: Callable[[int, torch.Generator, torch.device], Job]


class Convolutional(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            _stage(1, width), _stage(width, 2 * width), _stage(2 * width, 4 * width)
        )
        self.head = nn.Linear(4 * width, EMBEDDING)

    def forward(self, images: Tensor) -> Tensor:
        vectors: Tensor = self.head(self.features(images).mean((2, 3)))
        return vectors


def _stage(channels: int, width: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2))


def convolutional(width: int, generator: torch.Generator, device: torch.device) -> Job:
    """Two random views of each digit, InfoNCE by a matrix product and a cross-entropy."""
    images, _ = digits(size=16)
    model = Convolutional(width).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    labels = torch.arange(32, device=device)

    def step() -> Tensor:
        batch = images[torch.randint(len(images), (32,), generator=generator)]
        z1 = F.normalize(model(augment(batch, generator).to(device)), dim=-1)
        z2 = F.normalize(model(augment(batch, generator).to(device)), dim=-1)
        loss = F.cross_entropy(z1 @ z2.T / 0.1, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Job(model, optimizer, step)


VOCABULARY, LENGTH = 1000, 24


class Transformer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY + 1, width)
        self.position = nn.Parameter(0.02 * torch.randn(LENGTH + 1, width))
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    width, 4, 4 * width, dropout=0.1, batch_first=True, norm_first=True
                )
                for _ in range(2)
            )
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        cls = tokens.new_full((len(tokens), 1), VOCABULARY)
        hidden = self.embedding(torch.cat([cls, tokens], 1)) + self.position
        vectors: Tensor = self.norm(self.layers(hidden))[:, 0]
        return vectors


def transformer(width: int, generator: torch.Generator, device: torch.device) -> Job:
    """Sentences and what is left of them after some words were exchanged; the vector is CLS."""
    model = Transformer(width).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    labels = torch.arange(16, device=device)
    sentences = torch.randint(VOCABULARY, (2000, LENGTH), generator=generator)

    def step() -> Tensor:
        batch = sentences[torch.randint(len(sentences), (16,), generator=generator)]
        noise = torch.randint(VOCABULARY, batch.shape, generator=generator)
        keep = torch.rand(batch.shape, generator=generator) < 0.8
        anchors = model(batch.to(device))
        positives = model(torch.where(keep, batch, noise).to(device))
        scores = F.normalize(anchors, dim=-1) @ F.normalize(positives, dim=-1).T
        loss = F.cross_entropy(scores / 0.05, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Job(model, optimizer, step)


def _perceptron(inputs: int, width: int) -> nn.Sequential:
    hidden = nn.Sequential(nn.Linear(inputs, width), nn.ReLU())
    deeper = nn.Sequential(nn.Linear(width, width), nn.ReLU())
    return nn.Sequential(hidden, deeper, nn.Linear(width, EMBEDDING))


def siamese(width: int, generator: torch.Generator, device: torch.device) -> Job:
    """Pairs of digits that show the same or not: a perceptron and a cosine embedding loss."""
    images, labels = digits()
    pixels = images.flatten(1)
    model = _perceptron(64, width).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step() -> Tensor:
        left, right = torch.randint(len(pixels), (2, 64), generator=generator)
        same = torch.where(labels[left] == labels[right], 1, -1).to(device)
        z1 = model(pixels[left].to(device))
        z2 = model(pixels[right].to(device))
        loss = F.cosine_embedding_loss(z1, z2, same, margin=0.2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Job(model, optimizer, step)


def towers(width: int, generator: torch.Generator, device: torch.device) -> Job:
    """Queries and documents made from common topics; a triplet of cosine similarities."""
    topics = torch.randn(2000, 32, generator=generator)
    views = torch.randn(2, 32, 96, generator=generator)
    queries, documents = (torch.tanh(topics @ view) for view in views)
    query, document = _perceptron(96, width).to(device), _perceptron(96, width).to(device)
    parameters = itertools.chain(query.parameters(), document.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)

    def step() -> Tensor:
        rows = torch.randint(len(topics), (64,), generator=generator)
        q = query(queries[rows].to(device))
        d = document(documents[rows].to(device))
        near = F.cosine_similarity(q, d)
        far = F.cosine_similarity(q, d.roll(1, 0))
        loss = F.relu(0.3 - near + far).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Job({"query": query, "document": document}, optimizer, step)


TRAININGS: Mapping[str, Training] = {
    training.name: training
    for training in (
        Training("conv", "convolutional net, InfoNCE", 12, 2, convolutional),
        Training("transformer", "transformer encoder, CLS, InfoNCE", 48, 16, transformer),
        Training("mlp", "siamese perceptron, cosine embedding loss", 512, 8, siamese),
        Training("towers", "two towers, triplet of cosines", 384, 8, towers),
    )
}
