"""From a training to its diagnosis: what trainers and schedules do to parameters and losses.

Each sick program stands beside one that looks much like it and is healthy.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis, Finding, Severity
from tests.small_trainings import marked, one_thread

ROWS = 32
Watch = Callable[[Any], Any]


def network(out: int = 12) -> nn.Sequential:
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, out))


def batch() -> tuple[Tensor, Tensor]:
    labels = torch.randint(0, 4, (ROWS,))
    return torch.randn(ROWS, 16) + 2 * F.one_hot(labels, 16), labels


def contrast(model: nn.Module) -> Tensor:
    x, _ = batch()
    a, b = (F.normalize(model(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2))
    return F.cross_entropy(a @ b.T / 0.2, torch.arange(ROWS))


def steps(optimizer: Any, loss: Callable[[], Tensor], count: int, after: Any = None) -> None:
    for _ in range(count):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        if after is not None:
            after()


def diagnose(program: Callable[..., None], *given: Any) -> Diagnosis:
    watched: list[Any] = []

    def watch(models: Any) -> Any:
        watched.append(Inspector(models))
        return watched[-1]

    torch.manual_seed(0)
    with one_thread():
        program(watch, *given)
    assert not [n for n in watched[0].recording.notices if n.about == "inspector"]
    diagnosis: Diagnosis = watched[0].diagnose()
    return diagnosis


def alarms(diagnosis: Diagnosis) -> dict[str, Finding]:
    """Return the findings on wiring that alarm, by code."""
    return {
        found.code: found
        for found in diagnosis.findings
        if found.code.startswith("CD2") and found.severity is not Severity.INFO
    }


# CD202: a rate that ends at 0


def decayed(watch: Watch, total: int) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: max(0.0, 1 - step / total),
    )
    with watch(model):
        steps(optimizer, lambda: contrast(model), 40, schedule.step)


def test_a_rate_that_ended_long_ago_is_found() -> None:
    found = alarms(diagnose(decayed, 6))["CD202"]
    assert found.severity is Severity.WARNING
    assert found.where.step is not None
    assert found.where.step >= 6
    assert found.evidence["learning_rate"].value == 0


@pytest.mark.parametrize("total", [30, 1000])
def test_a_schedule_that_ends_with_the_training_is_none(total: int) -> None:
    assert alarms(diagnose(decayed, total)) == {}


# CD202: unfrozen by an attribute that is none


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = network()
        self.layers.requires_grad_(False)

    def forward(self, x: Tensor) -> Any:
        return self.layers(x)


def unfrozen(watch: Watch, in_vain: bool) -> None:
    model, head = Backbone(), nn.Linear(12, 4)
    if in_vain:
        model.layers.requires_grad = True  # type: ignore[assignment]
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], 1e-3)

    def loss() -> Tensor:
        x, y = batch()
        return F.cross_entropy(head(model(x)), y)

    with watch(model):
        steps(optimizer, loss, 12)


def test_a_module_that_was_unfrozen_by_an_attribute_is_found() -> None:
    found = alarms(diagnose(unfrozen, True))["CD202"]
    assert found.severity is Severity.ERROR
    assert "model.layers requires a gradient" in found.message
    assert alarms(diagnose(unfrozen, False)) == {}


# CD202: one of two optimizers


def two_optimizers(watch: Watch, both: bool) -> None:
    model, proxies = network(), nn.Parameter(torch.randn(4, 12))
    optimizers = [torch.optim.SGD([proxies], 0.1), torch.optim.Adam(model.parameters(), 1e-3)]
    with watch(model):
        for _ in range(16):
            x, y = batch()
            loss = F.cross_entropy(F.normalize(model(x), dim=1) @ proxies.T, y)
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers if both else optimizers[:1]:
                optimizer.step()  # one


def test_an_optimizer_that_never_steps_beside_one_that_does_is_found() -> None:
    found = alarms(diagnose(two_optimizers, False))["CD202"]
    assert "Adam holds the parameters of model and never stepped" in found.message
    assert found.where.line == marked(two_optimizers, "one")
    assert alarms(diagnose(two_optimizers, True)) == {}


# CD207: a softmax whose targets say nothing


def self_distilled(watch: Watch, temperature: float) -> None:
    student = network(out=24)
    teacher = copy.deepcopy(student).requires_grad_(False)
    optimizer = torch.optim.Adam(student.parameters(), 1e-2)

    def loss() -> Tensor:
        x, _ = batch()
        goal = F.softmax(teacher(x) / temperature, dim=1)
        prediction = F.log_softmax(student(x + 0.2 * torch.randn_like(x)), dim=1)  # shows
        cross: Tensor = -(goal * prediction).sum(dim=1).mean()
        return cross

    with watch(student):
        steps(optimizer, loss, 60)


def test_a_teacher_that_is_too_warm_is_found() -> None:
    found = alarms(diagnose(self_distilled, 50.0))["CD207"]
    assert "ln(24)" in found.message
    assert "too short for it to tell apart" in found.message
    assert found.where.line == marked(self_distilled, "shows")


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_a_teacher_that_says_something_is_none(temperature: float) -> None:
    assert alarms(diagnose(self_distilled, temperature)) == {}


# CD208: terms that weigh nothing


def weighed(watch: Watch, apart: float) -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def loss() -> Tensor:
        x, _ = batch()
        a, b = (model(x + 0.3 * torch.randn_like(x)) for _ in range(2))
        pulls = (a - b).pow(2).mean()  # pulls
        total: Tensor = pulls + apart * torch.relu(1 - a.std(dim=0)).mean()
        return total

    with watch(model):
        steps(optimizer, loss, 30)


def test_a_term_that_weighs_nothing_keeps_nothing_apart() -> None:
    found = alarms(diagnose(weighed, 0.0))["CD208"]
    assert found.where.line == marked(weighed, "pulls")
    assert alarms(diagnose(weighed, 0.5)) == {}


# CD203 and CD204: the line to change


def drawn(watch: Watch, gain: float) -> None:
    layers = [nn.Sequential(nn.Linear(16, 16), nn.LeakyReLU(0.3)) for _ in range(14)]
    model = nn.Sequential(*layers)
    for name, parameter in model.named_parameters():
        if "weight" in name:
            torch.nn.init.orthogonal_(parameter, gain=gain)  # drawn
    head = nn.Linear(16, 4)
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], 1e-5)

    def loss() -> Tensor:
        x, y = batch()
        return F.cross_entropy(head(model(x)), y)

    with watch(model):
        steps(optimizer, loss, 12)


@pytest.mark.parametrize(("gain", "code"), [(0.1, "CD203"), (6.0, "CD204")])
def test_weights_that_were_drawn_wrong_are_named(gain: float, code: str) -> None:
    found = alarms(diagnose(drawn, gain))[code]
    assert found.where.line == marked(drawn, "drawn")
    assert (found.where.file or "").endswith("test_trainers_end_to_end.py")


def test_weights_that_were_drawn_well_are_not() -> None:
    assert alarms(diagnose(drawn, 1.0)) == {}
