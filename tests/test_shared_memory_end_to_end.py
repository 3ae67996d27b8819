"""Networks that were put over one memory, or built by one default, are told from when it is so."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis
from tests.small_trainings import INPUT, WIDTH, codes, finding, marked, network, train, view

Sync = Callable[[nn.Module, nn.Module], None]


def by_data(student: nn.Module, teacher: nn.Module) -> None:
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.data = fast.data  # shared


def by_assignment(student: nn.Module, teacher: nn.Module) -> None:
    teacher.load_state_dict(student.state_dict(), assign=True)


def by_set(student: nn.Module, teacher: nn.Module) -> None:
    pairs = zip(teacher.parameters(), student.parameters(), strict=True)
    with torch.no_grad():
        for slow, fast in pairs:
            slow.set_(fast)  # type: ignore[call-overload]


def by_copy(student: nn.Module, teacher: nn.Module) -> None:
    teacher.load_state_dict(student.state_dict())


def lent(student: nn.Module, teacher: nn.Module) -> None:
    """Evaluate with the weights of the average, and put those of the student back."""
    own = [p.data for p in student.parameters()]
    for mine, average in zip(student.parameters(), teacher.parameters(), strict=True):
        mine.data = average.data
    with torch.no_grad():
        student(torch.randn(4, INPUT))
    for mine, before in zip(student.parameters(), own, strict=True):
        mine.data = before


class Agent(nn.Module):
    """Holds both, so that they are parts of one model."""

    def __init__(self) -> None:
        super().__init__()
        self.online = network()
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.online(x)
        return out


def synced(sync: Sync, *, at: int, parts: bool = False) -> Diagnosis:
    agent, calls = Agent(), iter(range(100))

    def loss_of(x: Tensor) -> Tensor:
        if next(calls) == at:
            sync(agent.online, agent.target)
        with torch.no_grad():
            goal = agent.target(view(x))
        return F.mse_loss(agent(view(x)) if parts else agent.online(view(x)), goal + 1)

    both = {"online": agent.online, "target": agent.target}
    return train(agent if parts else both, loss_of, steps=24)


@pytest.mark.parametrize("parts", [True, False])
@pytest.mark.parametrize("sync", [by_data, by_assignment, by_set])
@pytest.mark.parametrize("at", [0, 17])
def test_weights_over_one_memory(sync: Sync, at: int, parts: bool) -> None:
    found = finding(synced(sync, at=at, parts=parts), "CD108")
    assert found.where.step == at
    if sync is by_data:
        assert found.where.line is None  # written in another function than the watch's


@pytest.mark.parametrize("sync", [by_copy, lent])
@pytest.mark.parametrize("at", [0, 17])
def test_copied_and_lent_weights_are_silent(sync: Sync, at: int) -> None:
    assert not codes(synced(sync, at=at))


def test_the_line_that_shares_memory() -> None:
    student, teacher = network(), network()

    def begin() -> Diagnosis:
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            slow.data = fast.data  # line
        with Inspector({"student": student, "teacher": teacher}) as inspector:
            pass
        return inspector.diagnose()

    where = finding(begin(), "CD108").where
    line = marked(test_the_line_that_shares_memory, "line")
    assert (where.line, where.step) == (line, 0)


class Defaulted(nn.Module):
    def __init__(self, trunk: nn.Module = nn.Linear(INPUT, WIDTH)) -> None:  # noqa: B008  # made
        super().__init__()
        self.trunk = trunk
        self.head = nn.Linear(WIDTH, WIDTH)


class ByWord(nn.Module):
    def __init__(
        self,
        *,
        act: nn.Module = nn.ReLU(),  # noqa: B008
        trunk: nn.Module = nn.Sequential(nn.Linear(INPUT, WIDTH), nn.ReLU()),  # noqa: B008  # made
    ) -> None:
        super().__init__()
        self.trunk, self.act = trunk, act


class Pair(nn.Module):
    def __init__(self, make: Callable[..., nn.Module], *arguments: Any) -> None:
        super().__init__()
        self.left = make(*(argument() for argument in arguments))
        self.right = make(*(argument() for argument in arguments))


def tower(trunk: nn.Module = nn.Linear(INPUT, WIDTH)) -> nn.Module:  # noqa: B008  # made
    return nn.Sequential(trunk, nn.ReLU(), nn.Linear(WIDTH, WIDTH))


def found_in(watched: Any) -> Diagnosis:
    with Inspector(watched) as inspector:
        pass
    return inspector.diagnose()


@pytest.mark.parametrize("make", [Defaulted, ByWord, tower])
@pytest.mark.parametrize("parts", [True, False])
def test_a_default_argument_is_one_network(make: Any, parts: bool) -> None:
    found = found_in(Pair(make) if parts else {"left": make(), "right": make()})
    where = finding(found, "CD108").where
    assert (where.line, where.step) == (marked(make, "made"), 0)


def inner() -> nn.Module:
    return nn.Linear(INPUT, WIDTH)


@pytest.mark.parametrize("make", [Defaulted, tower])
def test_networks_of_their_own_are_silent(make: Any) -> None:
    assert not codes(found_in(Pair(make, inner)))
    assert not codes(found_in({"one": make(), "other": make(inner())}))


def test_a_default_without_weights_is_silent() -> None:
    assert not codes(found_in({n: ByWord(trunk=inner()) for n in ("a", "b")}))
