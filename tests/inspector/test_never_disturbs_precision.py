"""Mixed precision, gradient scaling and checkpointed activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop

from tests.inspector.side_by_side import compare, steps

STEPS = 6


def network() -> Any:
    return nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Dropout(0.1), nn.Linear(32, 8))


def pull(z1: Tensor, z2: Tensor) -> Tensor:
    return (1 - F.cosine_similarity(z1, z2)).mean()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("around", ["the loss", "the whole block"])
def test_autocast(dtype: torch.dtype, around: str) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        losses = []
        whole = around == "the whole block"
        with torch.autocast("cpu", dtype, enabled=whole), watch(model):
            for _ in range(STEPS):
                x = torch.randn(16, 12)
                with torch.autocast("cpu", dtype):
                    loss = pull(model(x), model(x + 0.1))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss)
        return losses, model

    inspector = compare(training, every=1)
    measured = {(m.layer, m.dtype) for m in inspector.recording.measures}
    assert ("output", str(dtype).removeprefix("torch.")) in measured
    assert len(inspector.recording.comparisons) == STEPS
    assert not any(c.relations for c in inspector.recording.comparisons)


def test_what_is_measured_is_the_same_inside_autocast() -> None:
    def measure(inside: bool) -> dict[str, float]:
        def training(watch: Callable[..., Any]) -> Any:
            model = nn.Linear(12, 8)
            with watch({"model": model}) as inspector:
                with torch.autocast("cpu", torch.bfloat16):
                    z = model(torch.randn(64, 12))
                with torch.autocast("cpu", torch.bfloat16, enabled=inside):
                    inspector.step()
                    F.mse_loss(z, torch.randn(64, 8))
            return z

        values = compare(training).recording.measures[0].values
        assert all(isinstance(value, float) for value in values.values() if value is not None)
        return {name: value for name, value in values.items() if isinstance(value, float)}

    assert measure(inside=True) == measure(inside=False)


def test_a_step_that_the_scaler_skips_is_not_counted() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**8, growth_interval=2)
        with watch(model):
            for step in range(STEPS):
                loss = model(torch.randn(16, 12)).pow(2).mean()
                optimizer.zero_grad()
                scaler.scale(loss).backward()
                if step == 2:
                    model[0].weight.grad[0] = torch.inf
                scaler.unscale_(optimizer)
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                scaler.step(optimizer)
                scaler.update()
        return model, scaler.state_dict()

    assert steps(compare(training)) == STEPS - 1


def test_accumulated_gradients_are_one_step() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        optimizer = torch.optim.AdamW(model.parameters())
        with watch(model):
            for micro in range(12):
                loss = model(torch.randn(4, 12)).pow(2).mean() / 4
                loss.backward()
                if micro % 4 == 3:
                    optimizer.step()
                    optimizer.zero_grad()
        return model, optimizer

    inspector = compare(training)
    assert steps(inspector) == 3
    rows = [m.rows for m in inspector.recording.measures if m.layer == "output"]
    assert rows == [16] * 3, "all micro-batches of a step are measured together"


class Checkpointed(nn.Module):
    """Each half is computed anew in backward; the model may be computed anew as a whole."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.lower = nn.Sequential(nn.Linear(12, 32), nn.Dropout(0.3), nn.Tanh())
        self.upper = nn.Sequential(nn.Linear(32, 8), nn.Tanh())
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        for half in (self.lower, self.upper):
            x = checkpoint(half, x, use_reentrant=self.reentrant)
        return x


# An outer reentrant checkpoint gives its inner ones inputs without gradient; torch says so.
@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad=True")
@pytest.mark.parametrize("early_stop", [True, False])
@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("outer", [True, False])
@pytest.mark.parametrize("backward", [Tensor.backward, torch.autograd.backward])
def test_activation_checkpointing(
    reentrant: bool, early_stop: bool, outer: bool, backward: Callable[..., Any]
) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = Checkpointed(reentrant)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

        def loss_of(x: Tensor) -> Tensor:
            return pull(model(x), model(x + 1))

        with set_checkpoint_early_stop(early_stop), watch(model, layers=["lower", "upper"]):
            for _ in range(STEPS):
                x = torch.randn(16, 12, requires_grad=True)
                loss = checkpoint(loss_of, x, use_reentrant=reentrant) if outer else loss_of(x)
                backward(loss)
                optimizer.step()
                optimizer.zero_grad()
        return model

    inspector = compare(training, every=1)
    recording = inspector.recording
    assert [m.rows for m in recording.measures if m.layer == "lower"] == [32] * STEPS
    assert [m.rows for m in recording.measures if m.layer == "output"] == [32] * STEPS
    assert recording.tick is not None
    assert recording.tick.forwards == 2 * STEPS
    assert len(recording.comparisons) == STEPS, "computing anew is no second comparison"
