"""Models that do not return what is compared: their outermost parts are what returns embeddings."""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases import find_case
from collapse_doctor.inspector.parts import MOST_PARTS, parts_of
from tests.inspector.side_by_side import compare


class System(nn.Module):
    """Networks, and methods that call them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))
        self.heads = nn.ModuleDict({"projector": nn.Linear(8, 4)})

    def encode(self, x: Tensor) -> Tensor:
        projected: Tensor = self.heads["projector"](self.encoder(x))
        return projected


class Called(System):
    def forward(self, x: Tensor) -> Tensor:
        return self.encode(x)


class Method(System):
    """A forward that gives nothing but its loss."""

    views = 2

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        left, right = self.encode(one), self.encode(two if self.views == 2 else one)  # the line
        scores = F.normalize(left) @ F.normalize(right).T
        return F.cross_entropy(scores / 0.2, torch.arange(len(one)))


class Classifier(System):
    """A forward that gives the loss of a classifier."""

    def forward(self, x: Tensor, _again: Tensor) -> Tensor:
        return F.cross_entropy(self.encode(x), (x[:, 0] > 0).long())


class Stepper(nn.Module):
    """A forward that steps another one."""

    def __init__(self, method: nn.Module) -> None:
        super().__init__()
        self.method = method

    def forward(self, one: Tensor, two: Tensor) -> Any:
        return self.method(one, two)


def noisy(x: Tensor) -> Tensor:
    return x + 0.1 * torch.randn_like(x)


def train(
    model: nn.Module, loss_of: Callable[[Tensor], Tensor], steps: int = 30, rate: float = 0.1
) -> Diagnosis:
    optimizer = torch.optim.SGD(model.parameters(), rate)
    with Inspector(model) as inspector:
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of(torch.randn(16, 6)).backward()
            optimizer.step()
    return inspector.diagnose()


def codes(diagnosis: Diagnosis) -> list[str]:
    return [finding.code for finding in diagnosis.findings if finding.severity != "info"]


def test_parts_come_from_the_outside_inwards_each_once() -> None:
    system = System()
    system.again = system.encoder
    names = [part.name for part in parts_of(system)]
    assert names[:2] == ["encoder", "heads"]
    assert "heads.projector" in names
    assert "again" not in names, "one module, heard under its first name"
    many = nn.ModuleList(nn.Linear(1, 1) for _ in range(3 * MOST_PARTS))
    assert len(parts_of(many)) == MOST_PARTS


def test_a_part_knows_whether_it_runs_by_itself() -> None:
    seen = []
    model = Called()
    for part in parts_of(model):
        hook = lambda *_, part=part: seen.append((part.name, part.is_inside()))  # noqa: E731
        part.module.register_forward_hook(hook)
    model.encode(torch.ones(2, 6))
    alone = {name for name, inside in seen if not inside}
    assert alone == {"encoder", "heads.projector"}
    seen.clear()
    model(torch.ones(2, 6))
    assert all(inside for _, inside in seen)


def test_one_batch_encoded_twice_is_named_at_the_second_call() -> None:
    system = System()

    def loss_of(x: Tensor) -> Tensor:
        left = F.normalize(system.encode(x))
        right = F.normalize(system.encode(x))  # the line
        return F.cross_entropy(left @ right.T, torch.arange(16)) - (left * right).sum(1).mean()

    diagnosis = train(system, loss_of)
    assert diagnosis.findings[0].code == "CD107"
    line = loss_of.__code__.co_firstlineno + 2
    assert diagnosis.findings[0].where.line == line


@pytest.mark.parametrize("whole", [lambda method: method, Stepper])
def test_a_forward_that_is_the_loss_is_looked_into(whole: Callable[[nn.Module], nn.Module]) -> None:
    method = Method()
    method.views = 1
    stepper = whole(method)
    diagnosis = train(stepper, lambda x: stepper(noisy(x), noisy(x)))
    assert diagnosis.findings[0].code == "CD107"
    assert diagnosis.findings[0].where.line == Method.forward.__code__.co_firstlineno + 1


@pytest.mark.parametrize("whole", [lambda method: method, Stepper])
def test_a_forward_that_is_the_loss_of_two_views_is_healthy(
    whole: Callable[[nn.Module], nn.Module],
) -> None:
    stepper = whole(Method())
    assert codes(train(stepper, lambda x: stepper(noisy(x), noisy(x)))) == []


@pytest.mark.parametrize("width", [4, 0])
def test_what_a_forward_compares_inside_is_measured_as_its_embedding(width: int) -> None:
    method = Method() if width else Classifier()
    optimizer = torch.optim.SGD(method.parameters(), 0.1)
    with Inspector(method) as inspector:
        for _ in range(20):
            x = torch.randn(16, 6)
            optimizer.zero_grad()
            method(noisy(x), noisy(x)).backward()
            optimizer.step()
    layers = inspector.recording.manifest.models[0].layers
    outputs = [layer.name for layer in layers if layer.role == "output"]
    assert outputs == (["heads.projector"] if width else []), "logits are compared with nothing"
    widths = {shot.width for shot, _ in inspector.recording.snapshots}
    assert widths == ({width} if width else set()), "its rows are kept, as those of any output"


def test_a_classifier_that_gives_its_loss_is_not_judged_as_an_embedding() -> None:
    model = Classifier()
    assert codes(train(model, lambda x: model(x, x), steps=60)) == []


def test_a_detached_output_is_named_where_it_was_cut() -> None:
    system = System()

    def loss_of(x: Tensor) -> Tensor:
        online = system.encode(x)
        target = online.detach()  # the line
        return 1 - F.cosine_similarity(online, target).mean() + online.var()

    diagnosis = train(system, loss_of)
    assert diagnosis.findings[0].code == "CD103"
    assert diagnosis.findings[0].where.line == loss_of.__code__.co_firstlineno + 2


def test_parts_of_a_model_that_is_also_called_are_heard() -> None:
    model = Called()

    def loss_of(x: Tensor) -> Tensor:
        left, right = model.encode(x), model.encode(x).detach()  # the line
        loss: Tensor = model(x).square().mean() - F.cosine_similarity(left, right).mean()
        return loss

    diagnosis = train(model, loss_of)
    assert diagnosis.findings[0].code == "CD107"


def test_a_forward_that_an_object_was_given_is_its_own() -> None:
    model = Called()
    model.forward = types.MethodType(lambda self, x: self.encode(x), model)  # type: ignore
    heard = []
    for part in parts_of(model):
        hook = lambda *_, part=part: heard.append(part.is_inside())  # noqa: E731
        part.module.register_forward_hook(hook)
    model(torch.ones(2, 6))
    assert heard
    assert all(heard)


def test_a_teacher_beside_its_student_is_no_copy_of_it() -> None:
    model = nn.ModuleDict({"student": Called(), "predictor": nn.Linear(4, 4)})
    model["teacher"] = copy.deepcopy(model["student"])

    def loss_of(x: Tensor) -> Tensor:
        with torch.no_grad():
            target = model["teacher"](x + 0.1 * torch.randn_like(x))
        return 1 - F.cosine_similarity(model["predictor"](model["student"](x)), target).mean()

    assert not {"CD107", "CD108", "CD104"} & set(codes(train(model, loss_of)))


def test_labels_of_steps_that_are_not_looked_at_are_not_held_against_older_batches() -> None:
    system = System()
    optimizer = torch.optim.SGD(system.parameters(), 0.1)
    with Inspector(system) as inspector:
        for step in range(80):
            rows = 16 if step % 3 else 8
            z = system.encode(torch.randn(rows, 6))
            labels = torch.randint(0, 4, (rows,))
            loss = F.cross_entropy(z, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            inspector.step(loss=loss, labels=labels)
    assert codes(inspector.diagnose()) == []


def test_hearing_parts_leaves_the_training_as_it_is() -> None:
    def training(watch: Any) -> dict[str, Any]:
        system = System()
        optimizer = torch.optim.Adam(system.parameters(), 1e-2)
        losses = []
        with watch(system):
            for _ in range(20):
                x = torch.randn(16, 6)
                loss = F.mse_loss(system.encode(x), x[:, :4])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        return {"losses": losses, "weights": system.state_dict()}

    compare(training)


def test_the_hooks_are_gone_afterwards() -> None:
    system = System()
    train(system, lambda x: system.encode(x).square().mean(), steps=3)
    assert all(not module._forward_hooks for module in system.modules())


def test_a_cone_of_a_part_may_be_a_predictors() -> None:
    torch.manual_seed(0)
    diagnosis = find_case("teacher-is-the-student").run(cured=True)
    (cone,) = [finding for finding in diagnosis.findings if finding.code == "CD306"]
    assert (cone.where.layer, cone.severity) == ("predictor.3", "info")
