"""What the programs share: a small data set, a small network, and the batches to train it on."""

import itertools
from collections.abc import Callable, Iterator

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

_digits = load_digits()
DIGITS = torch.tensor(_digits.data, dtype=torch.float32) / 16
LABELS = torch.tensor(_digits.target)


def batches(
    steps: int = 12, size: int = 32, inputs: Tensor = DIGITS, labels: Tensor = LABELS
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield as many full batches as asked for, shuffled anew in every epoch."""
    taken = 0
    while True:
        for rows in torch.randperm(len(inputs)).split(size):
            if taken == steps:
                return
            if len(rows) == size:
                taken += 1
                yield inputs[rows], labels[rows]


def augment(x: Tensor) -> Tensor:
    """Drop a fifth of the pixels and add noise."""
    return x * (torch.rand_like(x) > 0.2) + 0.1 * torch.randn_like(x)


def mlp(
    *widths: int, act: Callable[[], nn.Module] = nn.ReLU, last: nn.Module | None = None
) -> nn.Sequential:
    """Linear layers of these widths, an activation between any two, and perhaps one at the end."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), act()]
    layers[-1:] = [] if last is None else [last]
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """One hidden layer with batch normalisation, and a linear head."""

    def __init__(self, width: int = 32, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(dropout)
        )
        self.head = nn.Linear(128, width)

    def forward(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.head(self.body(x))
        return embedding
