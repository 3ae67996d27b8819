from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.wiring.fresh import MOST_LAYERS, find_fresh, is_fresh
from tests.inspector.elsewhere import LAG, pretend


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


def deep(dtype: torch.dtype = torch.float32) -> nn.Sequential:
    return nn.Sequential(*(nn.Linear(32, 32, dtype=dtype) for _ in range(3 * MOST_LAYERS)))


def grown() -> nn.Module:
    return stretched(net(), 1.01)


def shrunk() -> nn.Module:
    return stretched(net(), 0.5)


def stretched(model: nn.Module, factor: float) -> nn.Module:
    with torch.no_grad():
        model[2].weight.mul_(factor)  # type: ignore[index]
    return model


def broken() -> nn.Module:
    return stretched(net(), torch.nan)


@pytest.mark.parametrize(
    "make",
    [
        net,
        deep,
        lambda: deep(torch.float64),
        lambda: deep(torch.float16),
        grown,
        shrunk,
        broken,
        nn.Identity,
        lambda: nn.LazyLinear(3),
        lambda: nn.Linear(1, 1),
    ],
)
def test_far_away_the_answer_is_the_same_but_comes_later(
    make: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = make()
    expected = is_fresh(model)
    told: list[bool] = []
    find_fresh(model, Later(), lambda: told.append(True))
    assert bool(told) == expected
    device, waiting = pretend(monkeypatch), Later()
    device.runs = True
    with Aside():
        find_fresh(model, waiting, lambda: told.append(True))
        assert len(told) == expected
        assert waiting.held <= MOST_LAYERS * 2 * 4
        device.step += LAG
        waiting.work_off()
    assert len(told) == 2 * expected
    assert device.breaches == []
