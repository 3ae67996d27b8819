"""A step with a number of forward passes that none had before is one to look at."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from collapse_doctor.api import Inspector
from collapse_doctor.inspector.moment import Tally
from collapse_doctor.inspector.pacing.budget import Budget
from collapse_doctor.inspector.pacing.rhythm import MOST_KINDS, Rhythm


def told(counts: list[int]) -> list[int]:
    """Return the steps at which something was new, of steps with these numbers of passes."""
    tally = Tally()
    rhythm = Rhythm(tally, [])
    found = []
    for step, count in enumerate(counts):
        tally.passes += count
        first = rhythm.is_new(step)
        assert rhythm.is_new(step) is first, "asked again, it says the same"
        found += [step] if first else []
    return found


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([2, 2, 2, 2], [0]),
        ([2, 2, 1, 1, 2], [0, 2]),
        ([2, 2, 12, 2, 12], [0, 2]),  # an evaluation after every other step
        ([0, 0, 1], [0, 2]),
        ([*range(1, 30)], [*range(MOST_KINDS)]),  # sequences of any length: no rhythm at all
    ],
)
def test_what_is_new(counts: list[int], expected: list[int]) -> None:
    assert told(counts) == expected


@pytest.mark.parametrize("late", [30, 57, 100])
def test_a_mistake_that_begins_late_is_seen_one_step_later(late: int) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 6))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with Inspector(model) as inspector:
        for step in range(late + 12):
            x = torch.randn(16, 8)
            z = model(x)
            other = model(x + 0.1 * torch.randn(16, 8)) if step < late else z
            loss = F.mse_loss(z, other) + (z.std(0) - 1).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    (finding,) = (f for f in inspector.diagnose().findings if f.code == "CD101")
    assert finding.where.step is not None
    assert late <= finding.where.step <= late + 1


def test_a_gradient_that_stays_away_is_new_once() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    rhythm = Rhythm(Tally(), [model])
    found = []
    for step in range(9):
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        if step in (4, 5, 8):
            model[0].weight.grad = None
        found += [step] if rhythm.is_new(step) else []
    assert found == [0, 4]


def test_it_keeps_no_model_alive() -> None:
    model = nn.Linear(3, 3)
    rhythm = Rhythm(Tally(), [model])
    gone = weakref.ref(model.weight)
    del model
    assert gone() is None
    assert rhythm.is_new(0)


@pytest.mark.parametrize("late", [40, 75])
def test_weights_that_are_frozen_late_are_seen_one_step_later(late: int) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 6))
    scale = nn.Parameter(torch.tensor(1.0))
    optimizer = torch.optim.SGD([*model.parameters(), scale], lr=0.05)
    with Inspector(model) as inspector:
        for step in range(late + 12):
            if step == late:
                model.requires_grad_(False)
            z = model(torch.randn(16, 8))
            loss = scale * (z.std(0) - 1).square().mean() + scale.square()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    (finding,) = (f for f in inspector.diagnose().findings if f.code == "CD202")
    assert finding.where.step is not None
    assert late <= finding.where.step <= late + 1


def test_a_mode_of_the_users_sees_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(TorchFunctionMode):
        def __init__(self) -> None:
            super().__init__()
            self.seen: list[Any] = []

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.seen.append(func)
            return func(*args, **(kwargs or {}))

    def train(watch: Callable[[nn.Module, nn.Module], Any]) -> list[Any]:
        torch.manual_seed(0)
        model, other = nn.Linear(8, 6), nn.Linear(8, 6)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        with watch(model, other), Counting() as mode:
            for _ in range(120):
                loss = model(torch.ones(5, 8)).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        seen: list[Any] = mode.seen
        return seen

    monkeypatch.setattr(Budget, "affords", lambda *_: False)  # it sleeps wherever it can
    bare = train(lambda *_: contextlib.nullcontext())
    assert train(lambda one, other: Inspector({"one": one, "other": other})) == bare
