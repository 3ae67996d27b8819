"""From small trainings to what is said of their course: vanishing, exploding, losing rank."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis, Finding, Severity
from tests.small_trainings import one_thread

ROWS, INPUT, WIDTH = 32, 20, 16
Loss = Callable[[Tensor, Tensor], Tensor]

CODES = {"CD308", "CD309", "CD310"}


def network(*, bias: bool = True) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(INPUT, 48, bias=bias), nn.ReLU(), nn.Linear(48, WIDTH, bias=bias)
    )


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss_of: Loss,
    *,
    steps: int,
    scale: float = 1,
) -> Diagnosis:
    """Train on two noisy views of random rows."""
    draw = torch.Generator().manual_seed(0)

    def noise() -> Tensor:
        return torch.randn(ROWS, INPUT, generator=draw)

    with one_thread(), Inspector(model) as inspector:
        for _ in range(steps):
            x = noise()
            a, b = model(scale * (x + 0.2 * noise())), model(scale * (x + 0.2 * noise()))
            loss = loss_of(a, b)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


def alarms(diagnosis: Diagnosis) -> set[str]:
    return {f.code for f in diagnosis.findings if f.severity is not Severity.INFO} & CODES


def finding(diagnosis: Diagnosis, code: str) -> Finding:
    (found,) = [f for f in diagnosis.findings if f.code == code]
    return found


def contrast(a: Tensor, b: Tensor, temperature: float = 0.2) -> Tensor:
    logits = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(a)))


def triplets(a: Tensor, b: Tensor) -> Tensor:
    return F.triplet_margin_loss(a, b, b.roll(1, 0), margin=0.2)


def test_weight_decay_that_outweighs_the_loss_is_a_norm_collapse() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1.0)
    found = finding(train(model, optimizer, triplets, steps=250), "CD308")
    assert found.severity is Severity.ERROR
    assert (found.where.layer, found.evidence["onset_kind"].value) == ("output", "gradual")
    assert found.where.step is not None
    assert 0 < found.where.step < 200
    assert "CD301" in found.explains, "what is left of the rows is the bias"


def test_weights_that_are_scaled_in_place_at_each_step_vanish() -> None:
    model = network(bias=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def keep_most(*_: object) -> None:
        with torch.no_grad():
            for weight in model[-1].parameters():
                weight.mul_(0.97)

    def by_distance(a: Tensor, b: Tensor) -> Tensor:
        return F.cross_entropy(-torch.cdist(a, b).square(), torch.arange(len(a)))

    optimizer.register_step_post_hook(keep_most)
    diagnosis = train(model, optimizer, by_distance, steps=300)
    assert alarms(diagnosis) == {"CD308"}


def test_a_variance_without_limit_is_a_norm_explosion() -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    diagnosis = train(
        model, optimizer, lambda a, b: F.mse_loss(a, b) - a.var(0).sum() - b.var(0).sum(), steps=150
    )
    found = finding(diagnosis, "CD309")
    assert found.severity is Severity.WARNING
    assert float(found.evidence["growth"].value) > 100


def test_steps_far_too_large_for_directions_are_a_norm_explosion_at_once() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1000.0)
    found = finding(train(model, optimizer, contrast, steps=60), "CD309")
    assert found.where.step is not None
    assert found.where.step <= 3


def correlated(a: Tensor, b: Tensor) -> Tensor:
    """Variance is kept, and correlation is rewarded."""
    a, b = ((z - z.mean(0)) / z.std(0) for z in (a, b))
    matrix = a.T @ b / len(a)
    return F.mse_loss(a, b) - 0.2 * (matrix - matrix.diag().diag()).pow(2).mean()


@pytest.mark.parametrize("steps", [70, 500])
def test_a_rank_that_falls_is_found_once_a_healthy_dip_is_out_of_the_question(steps: int) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    diagnosis = train(model, optimizer, correlated, steps=steps)
    said = [f.code for f in diagnosis.findings]
    assert ("CD310" in said) == (steps > 100)


HEALTHY: dict[str, tuple[Loss, Callable[..., torch.optim.Optimizer], float]] = {
    "contrast": (contrast, lambda p: torch.optim.Adam(p, 3e-3), 1.0),
    "decay and directions": (
        contrast,
        lambda p: torch.optim.AdamW(p, 3e-3, weight_decay=0.5),
        1.0,
    ),
    "a large rate for directions": (contrast, lambda p: torch.optim.Adam(p, 3e-2), 1.0),
    "large inputs, margin of one": (
        lambda a, b: F.triplet_margin_loss(a, b, b.roll(1, 0), margin=1.0),
        lambda p: torch.optim.Adam(p, 1e-3),
        200.0,
    ),
    "a tiny rate": (contrast, lambda p: torch.optim.SGD(p, 1e-6), 1.0),
    "high temperature": (
        lambda a, b: contrast(a, b, 1.0),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        1.0,
    ),
    "small targets": (
        lambda a, _b: F.mse_loss(a, torch.full_like(a, 1e-4)),
        lambda p: torch.optim.SGD(p, 0.1),
        1.0,
    ),
    "large targets": (
        lambda a, _b: F.l1_loss(a, torch.full_like(a, 1e5)),
        lambda p: torch.optim.Adam(p, 0.1),
        1.0,
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_courses_are_silent(name: str) -> None:
    loss_of, optimizer_of, scale = HEALTHY[name]
    model = network()
    diagnosis = train(model, optimizer_of(model.parameters()), loss_of, steps=300, scale=scale)
    assert not alarms(diagnosis)
    assert not [s for s in diagnosis.skipped if "failed" in s.reason]


def test_five_steps_are_said_to_be_too_few() -> None:
    model = network()
    diagnosis = train(model, torch.optim.Adam(model.parameters()), contrast, steps=5)
    skipped = {s.code: s.reason for s in diagnosis.skipped}
    assert set(skipped) >= CODES
    assert all("too few" in skipped[code] for code in CODES)
