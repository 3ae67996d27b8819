from __future__ import annotations

import pytest
import torch
from torch import nn

from collapse_doctor.inspector.fresh import is_fresh


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(8 * 36, 16), nn.Linear(16, 4))


@pytest.mark.parametrize("seed", range(20))
def test_a_new_model_is_fresh(seed: int) -> None:
    torch.manual_seed(seed)
    assert is_fresh(net())


@pytest.mark.parametrize("rate", [0.1, 0.01, 0.001])
def test_a_few_steps_of_training_show(rate: float) -> None:
    torch.manual_seed(0)
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(5):
        optimizer.zero_grad()
        model(torch.randn(32, 1, 8, 8)).pow(2).mean().backward()
        optimizer.step()
    assert not is_fresh(model)


def test_other_models_are_not_called_fresh() -> None:
    assert not is_fresh(nn.Embedding(10, 4))
    assert not is_fresh(nn.Identity())
    model = net()
    nn.init.orthogonal_(model[2].weight)  # type: ignore[index]
    assert not is_fresh(model)
    assert not is_fresh(nn.LazyLinear(3))
