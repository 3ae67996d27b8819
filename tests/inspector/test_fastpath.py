"""Fused inference of transformers, whose numbers tell whether it was taken."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from collapse_doctor.inspector.watch import Watch

pytestmark = pytest.mark.filterwarnings("ignore:.*nested tensors.*")


class Sentences(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.embed = nn.Linear(8, 16)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, x: Tensor, padding: Tensor) -> Tensor:
        encoded: Tensor = self.encoder(self.embed(x), src_key_padding_mask=padding)
        return encoded


def outputs(
    watch: Callable[[nn.Module], contextlib.AbstractContextManager], without: Callable
) -> list[Tensor]:
    """Validation before, during and after some training steps."""
    torch.manual_seed(0)
    model = Sentences()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    x, padding = torch.randn(6, 5, 8), torch.arange(5).expand(6, 5) > torch.arange(6)[:, None]
    found = []
    with watch(model):
        for _ in range(12):
            model.eval()
            with without():
                found.append(model(x, padding).clone())
            model.train()
            model(x, padding).pow(2).mean().backward()
            optimizer.step()
            optimizer.zero_grad()
    return found


@pytest.mark.parametrize("without", [torch.no_grad, torch.inference_mode])
def test_validation_takes_the_path_it_takes_alone(without: Callable) -> None:
    alone = outputs(lambda _: contextlib.nullcontext(), without)
    watched = outputs(lambda model: Watch({"model": model}, every=1), without)
    assert alone[0][0, 1:].eq(0).all(), "the fused path leaves zeros where there is padding"
    assert all(map(torch.equal, alone, watched))


def test_the_hooks_are_back_for_training() -> None:
    model = Sentences()
    x, padding = torch.randn(3, 5, 8), torch.zeros(3, 5, dtype=torch.bool)
    with Watch({"model": model}) as watch:
        model.eval()
        with torch.no_grad():
            model(x, padding)
        with contextlib.suppress(RuntimeError), torch.no_grad():
            model(x[:, :, :3], padding)  # fails inside, and so never ends
        model.train()
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        for _ in range(2):
            model(x, padding).pow(2).mean().backward()
            optimizer.step()
        assert watch._window.is_open
    trained = {measure.layer for measure in watch.recording.measures if measure.training}
    assert {"embed", "output"} <= trained
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
