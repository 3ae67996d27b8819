"""How much is learnt by contrast at temperatures from the usual to the absurd.

    python -m benchmarks.temperatures

A perceptron of two layers learns to tell rows of eight directions under noise apart, by InfoNCE
over 64 candidates. For each temperature and optimizer it prints how often the other view was the
nearest before and after, the loss as a share of ln(64), the effective rank, and how far any
embedding could bring the loss below ln(64), as a share of it. What CD207 says of losses that are
held rests on it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import click
import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.metrics.spectrum import effective_rank

__all__ = ["Learnt", "learnt", "main"]

TEMPERATURES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 100.0, 700.0)
OPTIMIZERS = {"SGD": (torch.optim.SGD, 0.1), "Adam": (torch.optim.Adam, 1e-3)}
ROWS, DIRECTIONS, NOISE, STEPS, TRIALS = 64, 8, 2.0, 400, 8


class Learnt(NamedTuple):
    """What a training came to: shares of views found before and after, loss, rank."""

    before: float
    after: float
    loss: float
    rank: float


def learnt(temperature: float, optimizer: str, seed: int) -> Learnt:
    """Train once."""
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(40, 64), nn.ReLU(), nn.Linear(64, 32))
    kind, rate = OPTIMIZERS[optimizer]
    steps = kind(net.parameters(), lr=rate)
    basis = torch.randn(DIRECTIONS, 40)

    def views(rows: int = ROWS) -> list[Tensor]:
        clean = torch.randn(rows, DIRECTIONS) @ basis
        return [F.normalize(net(clean + NOISE * torch.randn(rows, 40)), dim=1) for _ in range(2)]

    before, value = _found(views()), 0.0
    for _ in range(STEPS):
        a, b = views()
        loss = F.cross_entropy(a @ b.T / temperature, torch.arange(ROWS))
        steps.zero_grad()
        loss.backward()
        steps.step()
        value = float(loss.detach())
    with torch.no_grad():
        after = sum(_found(views()) for _ in range(TRIALS)) / TRIALS
        rows, _ = views(512)
        energies = torch.linalg.svdvals((rows - rows.mean(0)).double()).square()
    return Learnt(before, after, value / math.log(ROWS), effective_rank(energies.numpy()))


def _found(views: list[Tensor]) -> float:
    """Return how often the other view of a row is the nearest."""
    a, b = views
    return float(((a @ b.T).argmax(1) == torch.arange(len(a))).float().mean())


@click.command()
@click.option("--seeds", default=2, show_default=True)
def main(seeds: int) -> None:
    """Print what is learnt at each temperature."""
    heads = ("before", "after", "loss / ln n", "rank", "could fall by")
    table = Table("optimizer", "temperature", *heads, box=box.MARKDOWN)
    for optimizer in OPTIMIZERS:
        for temperature in TEMPERATURES:
            runs = [learnt(temperature, optimizer, seed) for seed in range(seeds)]
            means = [sum(each) / seeds for each in zip(*runs, strict=True)]
            lowest = math.log(1 + (ROWS - 1) * math.exp(-2 / temperature))
            room = 1 - lowest / math.log(ROWS)
            cells = [f"{mean:.3f}" for mean in means]
            table.add_row(optimizer, f"{temperature:g}", *cells, f"{room:.4f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
