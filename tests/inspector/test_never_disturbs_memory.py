"""No tensor, graph or activation outlives its step because of us, and nothing adds up."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector

WINDOW = 8  # steps for which comparisons are looked at first


class Net(nn.Module):
    """Gives away a hidden activation, and saves one for backward that nobody else holds."""

    def __init__(self) -> None:
        super().__init__()
        self.lower = nn.Linear(6, 32)
        self.upper = nn.Linear(32, 8)

    def forward(self, x: Tensor) -> dict[str, Any]:
        hidden = Kept.apply(self.lower(x))
        return {"z": self.upper(hidden), "all": (hidden, hidden.sum())}


class Saved:
    """Lives exactly as long as the graph that it was saved in."""


class Kept(torch.autograd.Function):
    alive: list[weakref.ref[Saved]] = []  # noqa: RUF012 -- emptied by each test

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.saved = Saved()
        Kept.alive.append(weakref.ref(ctx.saved))
        return x.tanh()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient


def comparing(z: Tensor, other: Tensor) -> Any:
    return 1 - F.cosine_similarity(F.normalize(z), other).mean()


def aliased(z: Tensor, other: Tensor) -> Any:
    return (1 - F.cosine_similarity(z, z)).mean() + z.pow(2).mean()


def detached(z: Tensor, other: Tensor) -> Any:
    return F.mse_loss(z, z.detach()) + z.pow(2).mean()


def failing(z: Tensor, other: Tensor) -> Any:
    return F.cosine_similarity(z, other[:3]).mean()


def step_of(model: Net, optimizer: Any, inspector: Inspector, loss_of: Callable[..., Any]) -> Any:
    """Take one step; return weak references to all that it made, and what it raised."""
    x = torch.randn(16, 6)
    output, target = model(x), torch.randn(16, 8)
    z, (hidden, total) = output["z"], output["all"]
    made = [x, target, z, hidden, total]
    gradients: list[Tensor] = []
    hidden.register_hook(lambda gradient: gradients.append(gradient))
    held = None
    try:
        loss = loss_of(z, target)
        made.append(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        made += gradients
        inspector.step(loss=loss, labels=torch.arange(16))
    except RuntimeError as error:
        held = error.with_traceback(None)  # the frames of a traceback hold what they held
    storages = [weakref.ref(tensor.untyped_storage()) for tensor in made]
    return [weakref.ref(tensor) for tensor in made] + storages, held


@pytest.mark.parametrize("loss_of", [comparing, aliased, detached, failing])
@pytest.mark.parametrize("every", [None, 1])
def test_nothing_outlives_its_step(loss_of: Callable[..., Any], every: int | None) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    Kept.alive.clear()
    gc.collect()
    gc.disable()  # no cycle of ours may have to wait for the collector
    try:
        with Inspector(model, every=every) as inspector:
            for step in range(3 * WINDOW):
                references, held = step_of(model, optimizer, inspector, loss_of)
                assert (held is not None) == (loss_of is failing)
                alive = [place for place, one in enumerate(references) if one() is not None]
                assert not alive, (step, alive)
                assert not [one for one in Kept.alive if one() is not None], step
    finally:
        gc.enable()


def test_nothing_outlives_a_forward_pass_without_gradient() -> None:
    model = Net()
    with Inspector(model), torch.no_grad():
        for _ in range(40):
            output = model(torch.randn(16, 6))
            references = [weakref.ref(output["z"]), weakref.ref(output["z"].untyped_storage())]
            del output
            assert [one() for one in references] == [None, None]


def tensors() -> int:
    return sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())


def test_memory_is_flat_over_a_thousand_steps() -> None:
    """Between the 300th step and the 1,000th: bounded lists are full, rows are thinned out."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    counts, sizes = {}, {}
    tracemalloc.start()
    try:
        with Inspector(model) as inspector:
            for step in range(1001):
                x = torch.randn(8, 6)
                loss = F.mse_loss(model(x), model(x + 0.1).detach())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if step % 16 == 0:
                    inspector.step(loss=loss.item())
                if step in (300, 1000):
                    del x, loss
                    assert inspector.recording, "what waited to be measured is measured now"
                    gc.collect()
                    counts[step], sizes[step] = tensors(), tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert counts[1000] <= counts[300] + 5
    # What is recorded in seven hundred steps: some measures, and their rows, of three layers.
    assert sizes[1000] - sizes[300] < 300_000
    assert len(inspector.recording.measures) > 50
