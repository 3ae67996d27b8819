"""From small trainings to findings, where the rules and what was watched must agree."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def network(width: int = 16) -> nn.Sequential:
    return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, width))


def train(
    watched: nn.Module | Mapping[str, nn.Module],
    trained: nn.Module,
    loss_of: Callable[[Tensor], Tensor],
    *,
    steps: int = 12,
    rate: float = 1e-2,
) -> Diagnosis:
    optimizer = torch.optim.Adam(trained.parameters(), rate)
    batches = torch.Generator().manual_seed(0)
    with one_thread(), Inspector(watched) as inspector:
        for _ in range(steps):
            loss = loss_of(torch.rand(32, 20, generator=batches))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


def codes(diagnosis: Diagnosis, prefix: str = "CD1") -> set[str]:
    return {f.code for f in diagnosis.findings if f.code.startswith(prefix)}


def teacher_and_student(keep: float, rate: float, steps: int = 12) -> Diagnosis:
    """Train a student on its teacher, which keeps that share of its own past."""
    torch.manual_seed(0)
    student = network()
    teacher = copy.deepcopy(student)

    def loss_of(x: Tensor) -> Tensor:
        with torch.no_grad():
            for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
                slow.mul_(keep).add_(fast, alpha=1 - keep)
            target = teacher(x)
        output: Tensor = student(x)
        loss: Tensor = F.mse_loss(output, target) + output.pow(2).mean()
        return loss

    watched = {"student": student, "teacher": teacher}
    return train(watched, student, loss_of, rate=rate, steps=steps)


def test_a_teacher_that_keeps_nothing_of_its_past_is_found() -> None:
    diagnosis = teacher_and_student(keep=0.0, rate=1e-2)
    assert codes(diagnosis) == {"CD103"}
    assert "keeps nothing of the past" in diagnosis.findings[0].cause


@pytest.mark.parametrize("rate", [1e-2, 1e-5, 0.0])
def test_a_teacher_that_follows_slowly_is_silent_at_any_rate(rate: float) -> None:
    assert codes(teacher_and_student(keep=0.99, rate=rate)) == set()


class Towers(nn.Module):
    """Two outputs, of which the second is a mistake where ``both`` is the same input."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = network()

    def forward(self, left: Tensor, right: Tensor) -> dict[str, Tensor]:
        return {"left": self.tower(left), "right": self.tower(right)}


@pytest.mark.parametrize(("shift", "expected"), [(0.0, {"CD104", "CD107"}), (0.1, set())])
def test_two_outputs_of_one_input_are_found(shift: float, expected: set[str]) -> None:
    torch.manual_seed(0)
    model = Towers()

    def loss_of(x: Tensor) -> Tensor:
        out = model(x, x + shift)
        return (1 - F.cosine_similarity(out["left"], out["right"])).mean()

    assert codes(train(model, model, loss_of)) == expected


class Encoder(nn.Module):
    """A model that is never called as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64))

    def encode(self, x: Tensor) -> Tensor:
        rows: Tensor = self.net(x)
        return rows


@pytest.mark.parametrize("pulls", [True, False])
def test_a_model_that_is_never_called_itself_is_judged(pulls: bool) -> None:
    torch.manual_seed(0)
    model = Encoder()

    def loss_of(x: Tensor) -> Tensor:
        left, right = (F.normalize(model.encode(view), dim=1) for view in (x, x + 0.01))
        if pulls:
            return (left - right.roll(1, 0)).pow(2).sum(1).mean()
        return F.cross_entropy(left @ right.T / 0.1, torch.arange(len(x)))

    diagnosis = train(model, model, loss_of, steps=150)
    assert codes(diagnosis, "CD3") == ({"CD301"} if pulls else set())
    judged = [layer for layer in diagnosis.measurements.layers if layer.role == "output"]
    assert [layer.layer for layer in judged] == ["net.2"]
    assert not judged[0].stands_in, "it was seen to be compared: an embedding for certain"


@pytest.mark.parametrize(("narrowest", "code"), [(1, "CD302"), (2, "CD303"), (32, None)])
def test_a_bottleneck_before_compared_embeddings_is_found(narrowest: int, code: str | None) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, narrowest), nn.Linear(narrowest, 64)
    )

    def loss_of(x: Tensor) -> Tensor:
        left, right = (F.normalize(model(view), dim=1) for view in (x, x + 0.01))
        return F.cross_entropy(left @ right.T / 0.2, torch.arange(len(x)))

    found = codes(train(model, model, loss_of, steps=40), "CD30")
    assert (code in found) if code else not found
