"""How many entries of a code book are in use while a healthy training begins.

Run as ``python -m benchmarks.codebooks``: prints, for code books of several sizes, begun and moved
in several ways, how many different entries a batch of 64 falls on at some steps. It is where the
bounds ``born_steps`` and ``settled`` of CD305 come from.
"""

from __future__ import annotations

import itertools

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

STEPS = (0, 10, 20, 30, 50, 75, 100, 150, 200, 300, 399)
SIZES = ((64, 16), (32, 32), (256, 8))
STARTS = ("uniform", "normal", "outputs")
DECAY = 0.95


def main() -> None:
    """Print one line for each way of training."""
    print(f"{'entries':>8} {'start':8} {'rate':>6} {'moved by':8}  in use at steps {STEPS}")
    for (entries, width), start, rate, averaged in itertools.product(
        SIZES, STARTS, (1e-3, 3e-3), (False, True)
    ):
        used = in_use(entries, width, start, rate, averaged=averaged)
        print(f"{entries:8} {start:8} {rate:6} {'average' if averaged else 'gradient':8}  {used}")


def in_use(entries: int, width: int, start: str, rate: float, *, averaged: bool) -> list[int]:
    """Train an autoencoder with a code book on digits; return the entries in use at ``STEPS``.

    Parameters
    ----------
    entries, width
        The size of the code book.
    start
        How it begins: ``uniform`` in ±1/entries, ``normal``, or at ``outputs`` of the encoder.
    rate
        Learning rate of Adam.
    averaged
        Whether its entries follow the mean of what falls on them, instead of a gradient.
    """
    torch.manual_seed(0)
    inputs = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    inputs = 2 * (inputs - inputs.mean(0))
    encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, width))
    decoder = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 64))
    book = nn.Parameter(_begin(start, entries, width, encoder(inputs[:entries]).detach()))
    learnt = [*encoder.parameters(), *decoder.parameters(), *([] if averaged else [book])]
    optimizer = torch.optim.Adam(learnt, lr=rate)
    counts, sums, used = torch.ones(entries), book.detach().clone(), []
    for step in range(STEPS[-1] + 1):
        x = inputs[torch.randint(0, len(inputs), (64,))]
        z = encoder(x)
        picked = torch.cdist(z, book).argmin(1)
        if step in STEPS:
            used.append(len(picked.unique()))
        q = book[picked]
        loss = F.mse_loss(decoder(z + (q - z).detach()), x) + 0.25 * F.mse_loss(z, q.detach())
        if not averaged:
            loss = loss + F.mse_loss(q, z.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if averaged:
            chosen = F.one_hot(picked, entries).float()
            counts = DECAY * counts + (1 - DECAY) * chosen.sum(0)
            sums = DECAY * sums + (1 - DECAY) * chosen.T @ z.detach()
            book.data = sums / (counts + 1e-3)[:, None]
    return used


def _begin(start: str, entries: int, width: int, outputs: Tensor) -> Tensor:
    if start == "uniform":
        return (2 * torch.rand(entries, width) - 1) / entries
    return torch.randn(entries, width) if start == "normal" else outputs.clone()


if __name__ == "__main__":
    main()
