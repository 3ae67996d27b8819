"""How long vectors become under losses that read their directions alone.

    python -m benchmarks.lengths

A perceptron of two layers learns digits by InfoNCE, or only pulls rows together, at rates from the
usual to a hundred times that. For each run it prints the mean length of the vectors over √width at
some steps, and the loss at the end. The bounds of CD309 rest on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import click
import torch
from rich import box
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches

__all__ = ["RUNS", "main"]

WIDTH = 64
LOOKS = (0, 4, 16, 64, 250, 499, 999, 1999)

Optimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True)
class Run:
    """One training: its optimizer, number of steps, activation, and whether it only pulls."""

    name: str
    optimizer: Optimizer
    steps: int = 500
    activation: Callable[[], nn.Module] = nn.ReLU
    only_pulls: bool = False


def _sgd(rate: float, momentum: float = 0.0) -> Optimizer:
    return lambda weights: torch.optim.SGD(weights, rate, momentum=momentum)


def _adam(rate: float) -> Optimizer:
    return lambda weights: torch.optim.Adam(weights, rate)


RUNS = (
    *(Run(f"SGD {rate}", _sgd(rate)) for rate in (1, 3, 10, 30, 100)),
    Run("SGD 3, momentum 0.9", _sgd(3, 0.9)),
    Run("SGD 10, momentum 0.9", _sgd(10, 0.9)),
    Run("Adam 0.01", _adam(0.01), 2000),
    Run("Adam 0.1", _adam(0.1), 1000),
    Run("Adam 0.1, tanh", _adam(0.1), 1000, nn.Tanh),
    Run("SGD 10, tanh", _sgd(10), 1000, nn.Tanh),
    Run("Adam 0.01, only pulling", _adam(0.01), only_pulls=True),
    Run("SGD 3, only pulling", _sgd(3), only_pulls=True),
)


def lengths(run: Run, seed: int) -> tuple[dict[int, float], float]:
    """Return the mean length over √width by step, and the last loss."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 128), run.activation(), nn.Linear(128, WIDTH))
    optimizer = run.optimizer(model.parameters())
    found: dict[int, float] = {}
    value = float("nan")
    for step, (inputs, _) in enumerate(batches(run.steps, 64)):
        vectors = model(augment(inputs))
        if step in LOOKS:
            found[step] = float(vectors.detach().norm(dim=1).mean()) / WIDTH**0.5
        loss = _loss(F.normalize(vectors), F.normalize(model(augment(inputs))), run.only_pulls)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        value = float(loss.detach())
    return found, value


def _loss(first: Tensor, second: Tensor, only_pulls: bool) -> Tensor:
    if only_pulls:
        return (1 - (first * second.roll(1, dims=0)).sum(1)).mean()
    return F.cross_entropy(first @ second.T / 0.2, torch.arange(len(first)))


@click.command()
@click.option("--seed", default=0, show_default=True)
def main(seed: int) -> None:
    """Print how long vectors become at each rate."""
    table = Table("training", *(f"step {step}" for step in LOOKS), "loss", box=box.MARKDOWN)
    for run in RUNS:
        found, loss = lengths(run, seed)
        cells = (f"{found[step]:.3g}" if step in found else "" for step in LOOKS)
        table.add_row(run.name, *cells, f"{loss:.3f}")
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
