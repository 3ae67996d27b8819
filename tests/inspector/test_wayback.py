"""Gradients at embeddings and weights around steps are seen, and nothing is changed by looking."""

from __future__ import annotations

import gc
import io
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor.inspector.comparing.provenance import Provenance
from collapse_doctor.inspector.pacing.later import Later
from collapse_doctor.inspector.pacing.schedule import Schedule
from collapse_doctor.inspector.watch import Watch
from collapse_doctor.inspector.wiring.gradients import Returns
from collapse_doctor.inspector.wiring.movement import Movement
from collapse_doctor.inspector.wiring.parts import entries, made_at
from collapse_doctor.inspector.wiring.steep import Steepness
from collapse_doctor.recording.memory import Recording
from collapse_doctor.recording.observations import CallSite, Comparison, Origin, Reach, Update
from tests.inspector.side_by_side import compare

STEPS = 6


def network() -> Any:
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 8))


def record(model: Any, step: Callable[[], None], steps: int = STEPS) -> Recording:
    with Watch({"model": model}) as watch:
        for _ in range(steps):
            step()
    told = [notice.text for notice in watch.recording.notices]
    assert not [text for text in told if "switched itself off" in text]
    return watch.recording


def stepped(recording: Recording) -> list[Update]:
    """Leave out the first look, at a forward pass before any optimizer was known."""
    return [update for update in recording.updates if update.optimizer]


def stepping(model: Any, optimizer: Any, loss: Callable[[], Any]) -> Callable[[], None]:
    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def test_a_part_is_told_as_it_was_found_and_left() -> None:
    model, x = network(), torch.randn(8, 12)
    optimizer = torch.optim.SGD([{"params": model[0].parameters(), "lr": 0.0}, {"params": []}], 1.0)
    optimizer.add_param_group({"params": model[2].parameters(), "lr": 0.25})
    before = model[2].weight.detach().clone()
    step = stepping(model, optimizer, lambda: model(x).pow(2).sum())
    (first,) = stepped(record(model, step, 1))
    assert [part.layer for part in first.parts] == ["0", "2"]
    rest, moved = first.parts
    assert (rest.moved, rest.pulled, rest.graded, rest.tensors) == (0, rest.sampled, 2, 2)
    assert moved.moved == moved.sampled == moved.pulled > 40
    gradient = model[2].weight.grad
    assert moved.gradient == pytest.approx(gradient.pow(2).mean().sqrt().item(), rel=1e-5)
    assert moved.weight == pytest.approx(before.pow(2).mean().sqrt().item(), rel=0.2)  # sampled
    assert (first.rate, first.eps, first.optimizer, first.others) == (0.25, None, "SGD", 0)
    assert first.site is not None
    assert first.site.source == "optimizer.step()"


def test_gradients_below_the_squares_of_float32_are_not_read_as_zero() -> None:
    model = nn.Linear(4, 4, bias=False)
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    x = torch.eye(4)
    step = stepping(model, optimizer, lambda: (1e-30 * model(x)).sum())
    (part,) = stepped(record(model, step, 1))[0].parts
    assert part.gradient == pytest.approx(1e-30)


def test_what_is_not_finite_is_none_and_no_fault() -> None:
    model = nn.Linear(4, 4)
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    step = stepping(model, optimizer, lambda: (model(torch.ones(2, 4)) * torch.inf).sum())
    updates = stepped(record(model, step, 3))
    assert [part.gradient for update in updates for part in update.parts] == [None] * 3


def test_what_another_hand_moves_between_two_looks_has_drifted() -> None:
    model, other = network(), nn.Linear(12, 8)
    optimizer = torch.optim.SGD(other.parameters(), 0.1)

    def step() -> None:
        F.mse_loss(model(torch.randn(4, 12)), other(torch.randn(4, 12))).backward()
        optimizer.step()
        with torch.no_grad():
            model[2].weight.mul_(1.01)

    updates = stepped(record(model, step, 3))
    assert [update.holds for update in updates] == [False] * 3
    assert [[part.drifted > 0 for part in update.parts] for update in updates] == [
        [False, False],
        [False, True],
        [False, True],
    ]


def test_a_closure_is_looked_at_after_it_ran() -> None:
    model, x = network(), torch.randn(8, 12)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = model(x).pow(2).mean()
        loss.backward()
        return loss

    updates = stepped(record(model, lambda: optimizer.step(closure), 3))
    assert all(part.graded and part.moved for update in updates for part in update.parts)


@pytest.mark.parametrize("kind", ["sparse", "complex", "half", "double", "channels last", "scaled"])
def test_parameters_and_gradients_of_every_kind(kind: str) -> None:
    model: Any = network()
    x: Any = torch.randn(8, 12)
    fused = {"fused": True} if kind == "scaled" else {}
    if kind == "sparse":
        model, x = nn.EmbeddingBag(50, 8, sparse=True), torch.randint(0, 50, (8, 3))
    elif kind == "complex":
        model, x = nn.Linear(12, 8, dtype=torch.cfloat), torch.randn(8, 12, dtype=torch.cfloat)
    elif kind in ("half", "double"):
        dtype = torch.bfloat16 if kind == "half" else torch.double
        model, x = model.to(dtype), x.to(dtype)
    elif kind == "channels last":
        model = nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        x = torch.randn(2, 3, 8, 8)
    optimizer = torch.optim.SGD(model.parameters(), 0.5, **fused)
    scaler = torch.amp.GradScaler("cpu", enabled=kind == "scaled")

    def step() -> None:
        optimizer.zero_grad()
        scaler.scale(model(x).abs().pow(2).sum()).backward()
        scaler.step(optimizer)
        scaler.update()

    update = stepped(record(model, step, 1))[0]
    assert all(part.moved and part.graded for part in update.parts)
    if kind != "sparse":
        largest = max(p.grad.abs().max().item() for p in model.parameters())
        assert 0 < max(part.gradient or 0.0 for part in update.parts) <= largest


def test_lazy_modules_and_frozen_ones_do_no_harm() -> None:
    model, other = nn.LazyLinear(4), nn.Linear(3, 3)
    optimizer = torch.optim.SGD(other.parameters(), 0.1)
    record(model, stepping(other, optimizer, lambda: other(torch.ones(2, 3)).sum()), 3)


def test_between_looks_a_step_asks_nothing_of_the_parameters() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    told: list[Update] = []
    asked: list[int] = []
    later = Later()
    movement = Movement(
        {"model": model}, Schedule(), later, told.append, lambda *_: None, Steepness()
    )

    def guard(callback: Callable[..., None]) -> Callable[..., None]:
        def guarded(*call: Any) -> None:
            asked.append(1)
            callback(*call)

        return guarded

    movement.start(guard)
    try:
        for _ in range(60):
            optimizer.step()
    finally:
        movement.stop()
    later.drain()
    looks = sum(Schedule().compares(step) for step in range(60))
    assert looks < 30
    assert (len(told), len(asked)) == (looks, 2 * looks)


def test_what_comes_back_to_an_output_is_told_by_row_and_call() -> None:
    model, x = network(), torch.randn(8, 12)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def step() -> None:
        optimizer.zero_grad()
        z = model(x)
        (3 * z).sum().backward(retain_graph=True)
        (3 * z).sum().backward()
        with torch.no_grad():
            model(x)
        optimizer.step()

    reaches = record(model, step, 2).reaches
    assert [(r.step, r.graph, r.calls, r.gradient) for r in reaches] == [
        (0, True, 2, 3.0),
        (0, False, 0, None),
        (1, True, 2, 3.0),
        (1, False, 0, None),
    ]


def test_the_first_cut_is_told_with_its_line() -> None:
    model, x = network(), torch.randn(8, 12)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def step() -> None:
        z = F.normalize(model(x))
        z.argmax(1)
        z.detach()
        optimizer.step()

    (reach, *_) = record(model, step, 1).reaches
    assert (reach.cut, reach.site and reach.site.source) == ("argmax", "z.argmax(1)")


class Signs(torch.autograd.Function):
    """Signs, through which the gradient passes as it is."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.sign()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0]


def test_what_cuts_within_a_function_is_told_where_it_is_applied() -> None:
    model, x = network(), torch.randn(8, 12)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def step() -> None:
        z = F.normalize(model(x))
        Signs.apply(z)
        optimizer.step()

    (reach, *_) = record(model, step, 1).reaches
    assert (reach.cut, reach.site and reach.site.source) == ("Signs.apply", "Signs.apply(z)")
    assert reach.without is not None
    assert reach.without.source == "return gradients[0]"


def test_a_hook_keeps_neither_output_nor_graph_nor_watch_alive() -> None:
    told: list[Reach | Comparison] = []
    returns = Returns(Provenance(), Later(), told.append, set(), {})
    returns.start(lambda callback: callback)
    z = network()(torch.randn(4, 12))
    gone = weakref.ref(z), weakref.ref(returns)
    node = z.grad_fn
    returns.watch(Origin("model", "output", 0, 0), z, None)
    del returns, z
    gc.collect()
    assert [one() for one in gone] == [None, None]
    assert node is not None
    node(torch.ones(4, 8))  # the hook is still there, and does nothing


def test_outputs_can_be_saved_without_a_warning() -> None:
    """A hook of the tensor itself would be spoken of: that it cannot be saved."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def step() -> None:
        z = model(torch.randn(4, 12))
        torch.save(z, io.BytesIO())
        z.sum().backward()
        optimizer.step()

    assert record(model, step, 2).reaches


def train(body: Callable[[Any, Any], Any]) -> Callable[[Callable[..., Any]], Any]:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        with watch(model):
            losses = []
            for _ in range(STEPS):
                optimizer.zero_grad()
                losses.append(body(model, torch.randn(8, 12)))
                optimizer.step()
        return model, optimizer, losses

    return training


def second_derivative(model: Any, x: Any) -> Any:
    z = model(x.requires_grad_())
    (slope,) = torch.autograd.grad(z.pow(2).sum(), x, create_graph=True)
    loss = z.pow(2).mean() + slope.pow(2).mean()
    loss.backward()
    return loss


def gradient_of_the_output(model: Any, x: Any) -> Any:
    z = model(x)
    (slope,) = torch.autograd.grad(z.pow(2).sum(), z)
    z.backward(slope)
    return slope


def changed_in_place(model: Any, x: Any) -> Any:
    z = model(x)
    z.relu_()
    z.sum().backward()
    return z


def one_of_several_views(model: Any, x: Any) -> Any:
    z = torch.utils.checkpoint.checkpoint(model, x.requires_grad_(), use_reentrant=True)
    one, other = z.unbind(0)[:2]
    (one * other).sum().backward()
    return one


def functional(model: Any, x: Any) -> Any:
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    slopes = torch.func.grad(lambda p: torch.func.functional_call(model, p, (x,)).pow(2).sum())(
        parameters
    )
    for name, parameter in model.named_parameters():
        parameter.grad = slopes[name]
    return slopes


def users_hooks(model: Any, x: Any) -> Any:
    z = model(x)
    z.register_hook(lambda gradient: 2 * gradient)
    z.retain_grad()
    z.sum().backward()
    return z.grad


@pytest.mark.parametrize(
    "body",
    [
        second_derivative,
        gradient_of_the_output,
        changed_in_place,
        one_of_several_views,
        functional,
        users_hooks,
    ],
)
def test_gradients_are_the_same_to_the_bit(body: Callable[[Any, Any], Any]) -> None:
    inspector = compare(train(body))
    assert len(stepped(inspector.recording)) == STEPS


def test_shared_parameters_are_counted_once() -> None:
    tied = network()
    tied[2].weight = nn.Parameter(torch.ones(8, 16))
    tied.append(nn.Linear(16, 8))
    tied[3].weight = tied[2].weight
    assert [entry.name for entry in entries(tied)] == [
        *("0.weight", "0.bias", "2.weight", "2.bias", "3.bias")
    ]


def test_the_line_that_made_an_optimizer_is_told_if_there_is_one_only() -> None:
    here = CallSite(__file__, 1)
    assert made_at("LBFGS", here) is not None
    assert made_at("SGD", here) is None
    assert made_at("NAdam", here) is None
    assert made_at("SGD", CallSite("<nowhere>", 1)) is None
