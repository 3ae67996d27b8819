"""Scores that are held against labels: those of equal rows, and all others."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.inspector.watch import Watch
from collapse_doctor.recording.observations import Objective

ROWS = 12
Held = Callable[[Tensor, Tensor], Tensor]


def seen(held: Held, labels: Tensor) -> Objective:
    """Return what is seen of a loss on the cosines of two views and labels."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with Watch({"net": net}) as watch:
        x = torch.randn(ROWS, 6)
        loss = held(F.cosine_similarity(net(x), net(x + 0.1 * torch.randn_like(x))), labels)
        loss.backward()
        optimizer.step()
    (objective,) = watch.recording.objectives
    return objective


HELD: dict[str, Held] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "huber": F.huber_loss,
    "squared by hand": lambda cosine, label: ((cosine - label) ** 2).mean(),
    "the other way round": lambda cosine, label: (label - cosine).pow(2).mean(),
    "absolute": lambda cosine, label: (cosine - label).abs().mean(),
    "binary": lambda cosine, label: F.binary_cross_entropy_with_logits(9 * cosine, label),
}


@pytest.mark.parametrize("name", HELD)
def test_labels_of_equal_rows_only_pull(name: str) -> None:
    objective = seen(HELD[name], torch.ones(ROWS))
    assert len(objective.pulls) == 1
    assert objective.others == ()


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("label", ["one apart", "all apart"])
def test_other_labels_do_not(name: str, label: str) -> None:
    labels = torch.zeros(ROWS) if label == "all apart" else torch.ones(ROWS)
    labels[0] = 0.0
    objective = seen(HELD[name], labels)
    assert objective.others != ()


def test_a_mean_below_the_label_pushes_apart() -> None:
    objective = seen(lambda cosine, label: (cosine - label).mean(), torch.ones(ROWS))
    assert objective.pulls == ()
    assert "a term that pushes apart" in objective.others


SQUARED: dict[str, tuple[Held, bool]] = {
    "cosines": (lambda cosine, _: (1 - cosine).mean(), True),
    "roots of them": (lambda cosine, _: (1 - cosine).sqrt().mean(), False),
}


@pytest.mark.parametrize("name", SQUARED)
def test_how_distances_enter(name: str) -> None:
    held, squared = SQUARED[name]
    assert seen(held, torch.ones(ROWS)).squared is squared
