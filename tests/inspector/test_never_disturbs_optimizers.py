"""Every way in which parameters are moved, and how many steps that is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import SWALR, AveragedModel, get_ema_multi_avg_fn, update_bn

from tests.inspector.side_by_side import compare, notices, steps

STEPS = 6


def network() -> Any:
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 8))


def loss_of(model: nn.Module) -> Any:
    x = torch.randn(16, 12)
    return (1 - F.cosine_similarity(model(x), model(x + 0.1))).mean() + model(x).pow(2).mean()


class Lookahead(torch.optim.Optimizer):
    """An optimizer around another one, which steps inside its own step."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        super().__init__(inner.param_groups, {})
        self.inner = inner
        self.slow = [p.detach().clone() for group in self.param_groups for p in group["params"]]

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.inner.step(closure)
        fast = [p for group in self.param_groups for p in group["params"]]
        with torch.no_grad():
            for slow, parameter in zip(self.slow, fast, strict=True):
                parameter.copy_(slow.lerp_(parameter, 0.5))


class Wrapped:
    """No Optimizer, but it holds one, as accelerators and mixed-precision engines do."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.inner = inner
        self.zero_grad = inner.zero_grad

    def step(self) -> None:
        with torch.no_grad():
            self.inner.step()


OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda m: torch.optim.SGD(m.parameters(), 0.1),
    "AdamW foreach": lambda m: torch.optim.AdamW(m.parameters(), foreach=True),
    "AdamW fused": lambda m: torch.optim.AdamW(m.parameters(), fused=True),
    "AdamW tensor lr": lambda m: torch.optim.AdamW(m.parameters(), lr=torch.tensor(1e-3)),
    "Adam differentiable": lambda m: torch.optim.Adam(m.parameters(), capturable=False),
    "RMSprop": lambda m: torch.optim.RMSprop(m.parameters(), maximize=True),
    "Rprop": lambda m: torch.optim.Rprop(m.parameters()),
    "two groups": lambda m: torch.optim.SGD(
        [{"params": m[0].parameters()}, {"params": m[2].parameters(), "lr": 0.0}], 0.1
    ),
    "Lookahead": lambda m: Lookahead(torch.optim.SGD(m.parameters(), 0.1)),
    "wrapped": lambda m: Wrapped(torch.optim.SGD(m.parameters(), 0.1)),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_step_each(name: str) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        optimizer = OPTIMIZERS[name](model)
        with watch(model):
            for _ in range(STEPS):
                optimizer.zero_grad()
                loss_of(model).backward()
                optimizer.step()
        return model, getattr(optimizer, "inner", optimizer)

    assert steps(compare(training)) == STEPS


def test_lbfgs_and_its_many_forward_passes() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model, x = network(), torch.randn(16, 12)
        optimizer = torch.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")

        def closure() -> Any:
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), x[:, :8])
            loss.backward()
            return loss

        with watch(model):
            losses = [optimizer.step(closure) for _ in range(3)]
        return losses, model, optimizer

    inspector = compare(training)
    assert steps(inspector) == 3
    assert inspector.recording.tick is not None
    assert inspector.recording.tick.forwards > 20


def test_a_game_of_two_optimizers() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        maker, critic = nn.Linear(4, 12), nn.Sequential(nn.Linear(12, 16), nn.ReLU())
        one = torch.optim.Adam(maker.parameters())
        other = torch.optim.Adam(critic.parameters())
        with watch({"maker": maker, "critic": critic}):
            for step in range(20):
                other.zero_grad()
                fake = maker(torch.randn(8, 4))
                (critic(fake.detach()).mean() - critic(torch.randn(8, 12)).mean()).backward()
                other.step()
                if step % 5 == 4:
                    one.zero_grad()
                    critic(maker(torch.randn(8, 4))).mean().neg().backward()
                    one.step()
        return maker, critic, one, other

    assert steps(compare(training)) == 20


def test_an_optimizer_that_others_replace_though_somebody_keeps_it() -> None:
    """A head is trained first, then everything; the first optimizer stays in a variable."""

    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        first = torch.optim.SGD(model[2].parameters(), 0.1)
        with watch(model):
            for optimizer in [first, None]:
                optimizer = optimizer or torch.optim.SGD(model.parameters(), 0.1)
                for _ in range(60):
                    optimizer.zero_grad()
                    loss_of(model).backward()
                    optimizer.step()
        return model, first

    inspector = compare(training)
    assert 100 <= steps(inspector) <= 120
    assert max(measure.step for measure in inspector.recording.measures) > 90


def test_an_optimizer_that_comes_late() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        with watch(model) as inspector:
            with torch.no_grad():
                for _ in range(3):
                    model(torch.randn(16, 12))
                    inspector.step()
            optimizer = torch.optim.Adam(model.parameters())
            for _ in range(STEPS):
                optimizer.zero_grad()
                loss_of(model).backward()
                optimizer.step()
                inspector.step()
        return model

    assert steps(compare(training)) == STEPS


def test_steps_inside_backward() -> None:
    """One optimizer for each parameter, which steps as soon as its gradient is there."""

    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        made = {p: torch.optim.SGD([p], 0.1, momentum=0.9) for p in model.parameters()}

        def step_now(parameter: Tensor) -> None:
            made[parameter].step()
            made[parameter].zero_grad()

        for parameter in model.parameters():
            parameter.register_post_accumulate_grad_hook(step_now)
        depths = []
        with watch(model):
            for _ in range(20):
                loss_of(model).backward()
                depths.append(torch._C._len_torch_function_stack())
        assert max(depths) <= 1, "the mode stands on the stack once"
        return model, list(made.values())

    assert steps(compare(training)) == 20


@pytest.mark.parametrize("tells", [True, False])
def test_parameters_moved_by_hand(tells: bool) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        with watch(model) as inspector:
            for _ in range(STEPS):
                loss = loss_of(model)
                gradients = torch.autograd.grad(loss, list(model.parameters()))
                with torch.no_grad():
                    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
                        parameter.sub_(0.1 * gradient)
                if tells:
                    inspector.step(loss=loss)
        return model

    inspector = compare(training)
    tick = inspector.recording.tick
    assert tick is not None
    assert (tick.steps, tick.clock) == ((STEPS, "manual") if tells else (0, "forward"))
    assert inspector.recording.measures


def test_averaged_weights_and_schedules() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.Linear(16, 8))
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        warm = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3)
        late = SWALR(optimizer, 0.05, anneal_epochs=2)
        with watch(model):
            swa = AveragedModel(model)
            ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
            best = copy.deepcopy(model.state_dict())
            for step in range(STEPS):
                optimizer.zero_grad()
                loss_of(model).backward()
                optimizer.step()
                (warm if step < 3 else late).step()
                ema.update_parameters(model)
                swa.update_parameters(model)
            update_bn([torch.randn(16, 12) for _ in range(3)], swa)
            ema(torch.randn(16, 12))
            model.load_state_dict(best)
        return model, swa, ema, optimizer, warm.state_dict()

    inspector = compare(training)
    assert steps(inspector) == STEPS
    assert inspector.recording.tick is not None
    assert inspector.recording.tick.forwards == 3 * STEPS, "the averages are not watched"


def test_closures_clipping_and_hooks_of_the_users() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model, told = network(), []
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        optimizer.register_step_post_hook(lambda *call: told.append("after"))
        optimizer.register_step_pre_hook(lambda *call: told.append("before"))
        next(model.parameters()).register_hook(lambda gradient: gradient * 2)
        model.register_full_backward_hook(lambda *call: told.append("backward"))
        model[0].register_forward_hook(lambda module, args, output: output * 1.5)

        def closure() -> Any:
            optimizer.zero_grad()
            loss = model(torch.randn(16, 12, requires_grad=True)).pow(2).mean()
            loss.backward()
            nn.utils.clip_grad_value_(model.parameters(), 0.01)
            return loss

        with watch(model):
            losses = [optimizer.step(closure) for _ in range(STEPS)]
        return losses, model, told

    assert steps(compare(training)) == STEPS


def test_an_optimizer_that_compares_itself() -> None:
    """Equality without a hash: such an object is no key of a dictionary."""

    class Equal(torch.optim.SGD):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Equal) and self.defaults == other.defaults

    def training(watch: Callable[..., Any]) -> Any:
        model = network()
        optimizer, twin = Equal(model.parameters(), 0.1), Equal(nn.Linear(1, 1).parameters(), 0.1)
        with watch(model):
            for _ in range(STEPS):
                optimizer.zero_grad()
                loss_of(model).backward()
                twin.step()
                optimizer.step()
        return model

    assert steps(compare(training)) == STEPS


def test_no_optimizer_of_a_watched_model_is_said() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model, probe = network(), nn.Linear(8, 2)
        optimizer = torch.optim.SGD(probe.parameters(), 0.1)
        with watch(model):
            for _ in range(STEPS):
                probe(model(torch.randn(16, 12)).detach()).pow(2).mean().backward()
                optimizer.step()
        return probe

    inspector = compare(training)
    assert steps(inspector) == 0
    assert inspector.recording.measures
    assert not notices(inspector, "inspector")
