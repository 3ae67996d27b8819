"""Losses, parameters, optimizer states and random numbers are the same to the bit."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.inspector.side_by_side import Training, compare, steps

STEPS = 20


class Transformer(nn.Module):
    """Token ids to one vector per sequence, through dropout and a padding mask."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(30, 16, padding_idx=0)
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.2, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, ids: Tensor) -> Tensor:
        hidden = self.encoder(self.tokens(ids), src_key_padding_mask=ids == 0)
        pooled: Tensor = hidden[:, 0]
        return pooled


class Recurrent(nn.Module):
    """A packed batch of sequences in, the packed states and the last one out."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 8, num_layers=2, dropout=0.3, batch_first=True)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Any, Tensor]:
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        states, (last, _) = self.lstm(packed)
        return states, last[-1]


class Towers(nn.Module):
    """Two encoders, called on their own, and a learned temperature."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True))
        self.pool = nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(144, 8))
        self.text = nn.Sequential(nn.EmbeddingBag(30, 8), nn.Linear(8, 8))
        self.temperature = nn.Parameter(torch.tensor(1.0))


def augmented(x: Tensor) -> Tensor:
    """Draw from every generator that people draw from."""
    noise = torch.from_numpy(np.random.rand(*x.shape)).float()
    return x * random.uniform(0.8, 1.2) + 0.1 * noise + 0.1 * torch.randn_like(x)


def conv_net(model: nn.Module) -> Any:
    x = torch.rand(8, 1, 8, 8)
    z1, z2 = model(augmented(x)), model(augmented(x))
    return (1 - F.cosine_similarity(z1, z2.detach())).mean() + z1.pow(2).mean()


def transformer(model: nn.Module) -> Tensor:
    ids = torch.randint(1, 30, (6, 5))
    ids[:3, 3:] = 0
    z1, z2 = F.normalize(model(ids)), F.normalize(model(ids))  # two masks of dropout
    return F.cross_entropy(z1 @ z2.T / 0.1, torch.arange(6))


def perceptron(model: nn.Module) -> Any:
    x = torch.randn(12, 6)
    return F.triplet_margin_loss(model(x), model(augmented(x)), model(x.roll(1, 0)))


def recurrent(model: nn.Module) -> Any:
    states, last = model(torch.randn(4, 7, 6), torch.tensor([7, 2, 5, 5]))
    return states.data.pow(2).mean() + F.mse_loss(last, torch.randn(4, 8))


def towers(model: nn.Module) -> Tensor:
    image, text = model.get_submodule("image"), model.get_submodule("text")
    z1 = F.normalize(model.get_submodule("pool")(image(torch.rand(8, 1, 8, 8))))
    z2 = F.normalize(text(torch.randint(0, 30, (8, 4))))
    logits = z1 @ z2.T * model.get_parameter("temperature").exp()
    return F.cross_entropy(logits, torch.arange(8)) + F.cross_entropy(logits.T, torch.arange(8))


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module], Tensor]]] = {
    "conv net": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(inplace=True),
            nn.Dropout2d(0.2),
            nn.Flatten(),
            nn.Linear(144, 16),
        ),
        conv_net,
    ),
    "transformer": (Transformer, transformer),
    "perceptron": (
        lambda: nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.Dropout(0.4), nn.Linear(16, 8)),
        perceptron,
    ),
    "recurrent": (Recurrent, recurrent),
    "towers": (Towers, towers),
}


def training_of(name: str) -> Training:
    make, loss_of = MODELS[name]

    def training(watch: Callable[..., Any]) -> Any:
        model = make()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, amsgrad=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=STEPS)
        losses = []
        with watch(model) as inspector:
            for _ in range(STEPS):
                loss = loss_of(model)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss)
                inspector.step(loss=loss, labels=torch.arange(8))
        return losses, model, optimizer

    return training


@pytest.mark.parametrize("name", MODELS)
def test_every_step_measured(name: str) -> None:
    inspector = compare(training_of(name), every=1)
    assert steps(inspector) == STEPS
    assert {measure.step for measure in inspector.recording.measures} == set(range(STEPS))


@pytest.mark.parametrize("name", MODELS)
def test_into_a_folder(name: str, tmp_path: Path) -> None:
    inspector = compare(training_of(name), out=tmp_path / "run")
    assert steps(inspector) == STEPS
    assert inspector.recording.measures


def test_with_two_towers_by_name() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = Towers()
        watched = {"image": model.image, "text": model.text}
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
        with watch(watched, layers=["0", model.text[1]]):
            for _ in range(STEPS):
                optimizer.zero_grad()
                towers(model).backward()
                optimizer.step()
        return model, optimizer

    inspector = compare(training, every=1)
    assert {m.model for m in inspector.recording.measures} == {"image", "text"}
