"""Odd tensors about a loss: none of them may switch the watch off."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.inspector.watch import Watch
from collapse_doctor.recording.observations import Objective

ROWS, WIDTH = 96, 8
MASK = torch.arange(ROWS * ROWS).reshape(ROWS, ROWS) % 3 > 0
QUEUE = F.normalize(torch.arange(40.0 * WIDTH).cos().reshape(40, WIDTH))


def shares(z: Tensor, factor: float | Tensor = 1 / 300) -> Tensor:
    return F.log_softmax(factor * (F.normalize(z) @ F.normalize(z).T), 1)


ODD: dict[str, tuple[Callable[[Tensor], Tensor], bool]] = {
    "a mask too large to copy": (lambda z: (shares(z) * MASK).sum(1).mean(), True),
    "of whole numbers": (lambda z: (shares(z) * MASK.long()).sum(1).mean(), True),
    "of bfloat16": (lambda z: (shares(z) * MASK.bfloat16()).sum(1).mean(), True),
    "of both signs": (lambda z: (shares(z) * (MASK.float() - 0.5)).sum(1).mean(), False),
    "of complex numbers": (lambda z: (shares(z) * MASK.to(torch.complex64)).abs().mean(), False),
    "of no numbers": (lambda z: (shares(z) * torch.full((ROWS, ROWS), float("nan"))).mean(), False),
    "a factor that is no number": (lambda z: shares(z, float("nan")).mean(), False),
    "a factor on its device": (lambda z: shares(z, torch.tensor(1 / 300)).diag().mean(), True),
    "a logarithm of complex numbers": (
        lambda z: torch.log(torch.fft.fft(z) + 9).abs().sum(),
        False,
    ),
    "a logarithm of nothing": (lambda z: torch.log(z[:0].exp()).sum() + z.mean(), False),
    "a logarithm of one": (lambda z: torch.log(z.exp().sum()), False),
    "a sparse matrix": (lambda z: torch.mm(torch.eye(WIDTH).to_sparse(), z.T).mean(), False),
    "an empty matrix": (lambda z: (z @ torch.zeros(WIDTH, 0)).sum() + z.mean(), False),
    "a vector": (lambda z: (z @ torch.ones(WIDTH)).mean(), False),
    "a queue for weights": (
        lambda z: F.cross_entropy(F.linear(F.normalize(z), QUEUE) / 300, torch.zeros(ROWS).long()),
        True,
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_tensors_do_no_harm(name: str) -> None:
    loss_of, held = ODD[name]
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, WIDTH))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with warnings.catch_warnings(), Watch({"model": model}) as watch:
        warnings.simplefilter("error")
        for _ in range(2):
            optimizer.zero_grad()
            loss_of(model(torch.randn(ROWS, 12))).backward()
            optimizer.step()
    assert [notice for notice in watch.recording.notices if notice.about == "inspector"] == []
    last: Objective = watch.recording.objectives[-1]
    assert (last.flat is not None and last.flat < 0.02) == held
