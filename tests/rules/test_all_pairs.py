"""Losses of every row with every row (CD205), their targets (CD503), hinges, and steady growth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis, Finding, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Objective, Part, Party, Pull, Reach, Update
from collapse_doctor.rules.rule import Match

Check = Callable[[str, Measurements], list[Match]]
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
ROWS, KINDS = 24, 6


def train(loss_of: Loss, steps: int = 12) -> Diagnosis:
    """Train a small network on two noisy views of points of a few kinds."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 8))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    kinds = torch.randn(KINDS, 12)
    with Inspector(model) as inspector:
        for _ in range(steps):
            y = torch.randint(0, KINDS, (ROWS,))
            a, b = (model(kinds[y] + 0.3 * torch.randn(ROWS, 12)) for _ in range(2))
            optimizer.zero_grad()
            loss_of(a, b, y).backward()
            optimizer.step()
    return inspector.diagnose()


def found(diagnosis: Diagnosis, code: str) -> list[Finding]:
    assert not [skip for skip in diagnosis.skipped if "the rule failed" in skip.reason]
    return [finding for finding in diagnosis.findings if finding.code == code]


def unit(z: Tensor) -> Tensor:
    return F.normalize(z, dim=1)


def places(*_: Any) -> Tensor:
    return torch.arange(ROWS)


TOGETHER: dict[str, Loss] = {
    "cosine": lambda a, b, _: 1 - F.cosine_similarity(a.unsqueeze(1), b, dim=-1).mean(),  # here
    "product": lambda a, b, _: -(unit(a) @ unit(b).T).mean(),  # here
    "einsum": lambda a, b, _: -torch.einsum("id, jd -> ij", unit(a), unit(b)).mean(),  # here
    "cdist": lambda a, b, _: torch.cdist(a, b).mean(),  # here
}
APART: dict[str, Loss] = {
    "diagonal": lambda a, b, _: -(unit(a) @ unit(b).T).diagonal().mean(),
    "pairs": lambda a, b, _: -torch.einsum("id,id->i", unit(a), unit(b)).mean(),
    "push": lambda a, b, _: F.cosine_similarity(a.unsqueeze(1), b, dim=-1).mean(),
    "own less all": lambda a, b, _: (s := unit(a) @ unit(b).T).mean() - s.diagonal().mean(),
    "energy": lambda a, b, _: 2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean(),
    "kernels": lambda a, b, _: (
        torch.exp(-torch.cdist(a, a)).mean() - torch.exp(-torch.cdist(a, b)).mean()
    ),
    "masked": lambda a, b, y: -((unit(a) @ unit(b).T) * (y[:, None] == y).float()).mean(),
    "info_nce": lambda a, b, _: F.cross_entropy(unit(a) @ unit(b).T / 0.1, places()),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_a_mean_over_all_pairs_is_found_at_its_line(name: str) -> None:
    (finding,) = found(train(TOGETHER[name]), "CD205")
    assert finding.severity is Severity.ERROR
    assert finding.where.step == 0
    assert (finding.where.source or "").endswith("# here")


@pytest.mark.parametrize("name", APART)
def test_what_tells_own_pairs_from_others_is_none(name: str) -> None:
    assert found(train(APART[name]), "CD205") == []


def crossed(step: int, *others: str, is_crossed: bool = True) -> Objective:
    side = Party("model", "output")
    return Objective(
        step,
        step,
        0.5,
        outputs=(("model", "output"),),
        pulls=(Pull(side, side, crossed=is_crossed),),
        others=("a product of all pairs of two batches", *others),
    )


@pytest.mark.parametrize(
    ("seen", "count"),
    [
        ([crossed(step) for step in range(6)], 1),
        ([crossed(step) for step in range(5)], 0),
        ([*(crossed(step) for step in range(6)), crossed(6, "a cross-entropy")], 0),
        ([*(crossed(step) for step in range(6)), crossed(6, is_crossed=False)], 0),
    ],
)
def test_all_that_was_minimised_must_draw_all_together(
    training_of: Any, check: Check, seen: list[Objective], count: int
) -> None:
    assert len(check("CD205", training_of(objectives=tuple(seen)))) == count


WRONG: dict[str, Loss] = {
    "zeros": lambda a, b, _: F.cross_entropy(
        unit(a) @ unit(b).T / 0.1, torch.zeros(ROWS, dtype=torch.long)
    ),
    "classes": lambda a, b, y: F.cross_entropy(unit(a) @ unit(b).T * torch.tensor(9.0), y),
    "both ways": lambda a, b, y: (
        F.cross_entropy(torch.einsum("id,jd->ij", a, b), y)
        + F.cross_entropy(torch.einsum("id,jd->ij", b, a), y)
    ),
}
RIGHT: dict[str, Loss] = {
    "places": lambda a, b, _: F.cross_entropy(unit(a) @ unit(b).T / 0.1, places()),
    "shifted": lambda a, b, _: F.cross_entropy(a @ b.T, places().roll(3)),
    "first of its kind": lambda a, b, y: F.cross_entropy(
        a @ b.T, (y[:, None] == y[None]).int().argmax(1)
    ),
    "positive first": lambda a, b, _: F.cross_entropy(
        torch.cat([(a * b).sum(1, keepdim=True), (a @ b.T)[:, 1:]], 1),
        torch.zeros(ROWS, dtype=torch.long),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_targets_that_are_no_partners_are_found(name: str) -> None:
    (finding,) = found(train(WRONG[name]), "CD503")
    assert finding.severity is Severity.ERROR
    assert finding.evidence["rows"].value == ROWS
    assert int(finding.evidence["targets"].value) <= KINDS


@pytest.mark.parametrize("name", RIGHT)
def test_targets_that_are_partners_are_not(name: str) -> None:
    assert found(train(RIGHT[name]), "CD503") == []


def test_as_many_classes_as_rows_may_be_a_table() -> None:
    def loss(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
        return F.cross_entropy(a @ b.T, torch.randint(0, ROWS, (ROWS,)))

    assert found(train(loss), "CD503") == []


def test_a_single_candidate_holds_the_loss_at_zero() -> None:
    def loss(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
        hidden = ~torch.eye(ROWS, dtype=torch.bool)
        return F.cross_entropy((a @ b.T).masked_fill(hidden, -torch.inf), places())

    diagnosis = train(loss)
    assert [finding.code for finding in diagnosis.findings[:2]] == ["CD201", "CD207"]
    assert "over 1 candidates" in found(diagnosis, "CD207")[0].message


def hinged(sign: float) -> Loss:
    def loss(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
        near, far = (F.cosine_similarity(a, other) for other in (b, b.roll(1, 0)))
        return F.relu(far - near + sign * 0.3).mean() + 0.1 * (1 - near).mean()

    return loss


def test_a_hinge_with_the_wrong_sign_keeps_nothing_apart() -> None:
    (finding,) = found(train(hinged(-1), steps=150), "CD208")
    assert "0 when all rows are equal" in finding.message
    assert "wrong sign" in finding.cause


def test_a_hinge_with_its_margin_does() -> None:
    assert found(train(hinged(1), steps=150), "CD208") == []


def flowing(*sizes: float) -> dict[str, Any]:
    """Return steps whose gradient has these lengths from the first block to the embedding."""
    flow = tuple((f"block{i}", size) for i, size in enumerate(sizes))
    part = Part("0", 2, 2, "float32", 64, 64, 64, gradient=1.0, weight=1.0)
    steps = range(10)
    return {
        "updates": tuple(
            Update(s, "model", "SGD", trainable=2, rate=0.1, parts=(part,)) for s in steps
        ),
        "reaches": tuple(Reach(s, s, "model", "output", True, 1, 1.0, flow=flow) for s in steps),
    }


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ((2000.0, 400.0, 80.0, 10.0, 1.0), 1),
        ((900.0, 200.0, 40.0, 6.0, 1.0), 0),  # networks that learn had up to 160
        ((2000.0, 5.0, 3.0, 2.0, 1.0), 0),  # one block makes it: a matter of scale
        ((600_000.0, 5.0, 3.0, 2.0, 1.0), 1),
    ],
)
def test_growth_from_block_to_block_is_told_earlier(
    training_of: Any, check: Check, sizes: tuple[float, ...], count: int
) -> None:
    assert len(check("CD204", training_of(**flowing(*sizes)))) == count
