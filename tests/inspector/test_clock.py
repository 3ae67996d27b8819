from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from collapse_doctor.inspector.pacing.clock import StepClock


@pytest.fixture
def model() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model(torch.ones(1, 2)).sum().backward()
    return model


@pytest.fixture
def clock(model: nn.Module) -> Iterator[StepClock]:
    clock = StepClock([model], lambda step: None)
    clock.start(lambda callback: callback)
    yield clock
    clock.stop()


def test_an_optimizer_of_the_model_ticks(clock: StepClock, model: nn.Module) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.step()
    assert (clock.steps, clock.kind) == (3, "optimizer")


def test_an_optimizer_of_something_else_does_not(clock: StepClock) -> None:
    torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1).step()
    assert (clock.steps, clock.kind) == (0, "forward")


def test_of_two_optimizers_the_first_ticks(clock: StepClock, model: nn.Sequential) -> None:
    first = torch.optim.Adam(model[0].parameters())
    second = torch.optim.Adam(model[1].parameters())
    for _ in range(3):
        first.step()
        second.step()
    assert clock.steps == 3


def test_a_fresh_optimizer_takes_over(clock: StepClock, model: nn.Module) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    del optimizer
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert clock.steps == 2


def test_parameters_added_later_count(clock: StepClock, model: nn.Module) -> None:
    other = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
    optimizer.step()
    optimizer.add_param_group({"params": list(model.parameters())})
    optimizer.step()
    assert clock.steps == 1


def test_lbfgs_takes_one_step_however_often_it_evaluates(
    clock: StepClock, model: nn.Module
) -> None:
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss: torch.Tensor = model(torch.ones(1, 2)).pow(2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert clock.steps == 1


def test_steps_told_by_hand_count_until_an_optimizer_does(
    clock: StepClock, model: nn.Module
) -> None:
    clock.tick_by_hand()
    clock.tick_by_hand()
    assert (clock.steps, clock.kind) == (2, "manual")
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert (clock.steps, clock.kind) == (1, "optimizer")
    clock.tick_by_hand()
    assert clock.steps == 1


def test_it_stops(clock: StepClock, model: nn.Module) -> None:
    clock.stop()
    clock.stop()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert clock.steps == 0


def test_asleep_it_counts_and_tells_nobody(model: nn.Module) -> None:
    told: list[int] = []
    clock = StepClock([model], told.append)
    clock.start(lambda callback: callback)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    clock.sleep_until(4)
    for _ in range(4):
        optimizer.step()
    clock.stop()
    assert (clock.steps, told) == (5, [1, 4, 5])


def test_it_can_be_woken(model: nn.Module) -> None:
    told: list[int] = []
    clock = StepClock([model], told.append)
    clock.start(lambda callback: callback)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    clock.sleep_until(10)
    optimizer.step()
    clock.wake()
    optimizer.step()
    clock.stop()
    assert (clock.steps, told) == (3, [1, 3])


def test_it_does_not_sleep_through_steps_of_another_optimizer(
    clock: StepClock, model: nn.Sequential
) -> None:
    first = torch.optim.SGD(model[0].parameters(), lr=0.1)
    critic = torch.optim.SGD(model[1].parameters(), lr=0.1)
    first.step()
    critic.step()
    for _ in range(8):
        clock.sleep_until(clock.steps + 8)
        for _ in range(5):
            critic.step()
        first.step()
    assert clock.steps == 9, "the critic never took over"


def test_a_fresh_optimizer_takes_over_while_it_sleeps(clock: StepClock, model: nn.Module) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    clock.sleep_until(10)
    del optimizer
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert clock.steps == 2


@pytest.mark.parametrize("stirring", [1, 3])
def test_it_wakes_by_itself_when_something_stirs(model: nn.Module, stirring: int) -> None:
    told: list[int] = []
    clock = StepClock([model], told.append)
    clock.start(lambda callback: callback)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer.step()
    clock.sleep_until(10, lambda: clock.steps == stirring)
    for _ in range(4):
        optimizer.step()
    clock.stop()
    assert (clock.steps, told) == (5, [1, stirring + 1])
