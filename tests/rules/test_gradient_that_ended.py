"""A gradient that came at first and then no more (CD201), beside what else learns by then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Part, Reach, Update
from collapse_doctor.rules.rule import Match

Check = Callable[[str, Measurements], list[Match]]
Losses = Callable[[Tensor, Tensor, int, nn.Parameter, nn.Linear], Tensor]
LAST = 40


def step(number: int, model: str = "tower", *, learns: bool, others: int = 0) -> Update:
    part = Part("body", tensors=3, graded=2 + learns, sampled=64, moved=64 * learns, scalars=1)
    part = part if learns else Part("body", tensors=3, graded=1, scalars=1, alone=1)
    return Update(number, model, "Adam", others=others, parts=(part,))


def passed(number: int, model: str = "tower", *, learns: bool) -> Reach:
    return Reach(number, number, model, "output", graph=True, calls=learns, gradient=0.1 * learns)


def course(ends: int, model: str = "tower", others: int = 0, called: bool = True) -> dict[str, Any]:
    """Looks at one model whose gradient ends before a step."""
    steps = range(0, LAST, 4)
    updates = [step(n, model, learns=n < ends, others=others * (n >= ends)) for n in steps]
    reaches = [passed(n, model, learns=n < ends) for n in steps if n < ends or called]
    return {"updates": updates, "reaches": reaches}


def joined(*courses: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v for one in courses for v in one[key]) for key in ("updates", "reaches")}


@pytest.mark.parametrize(
    ("courses", "named"),
    [
        ([course(20)], 1),
        ([course(20, called=False)], 1),
        ([course(20), course(20, "other")], 2),
        ([course(20), course(16, "other")], 2),
        ([course(20), course(LAST, "other")], 0),  # the other one learns on
        ([course(20, others=2)], 0),  # a head does
        ([course(32)], 0),  # two looks are none
    ],
)
def test_whose_gradient_ended_while_nothing_learns_beside_it(
    training_of: Any, check: Check, courses: Iterable[dict[str, Any]], named: int
) -> None:
    found = check("CD201", training_of(**joined(*courses)))
    assert len(found) == named
    assert {match.severity for match in found} <= {Severity.ERROR}
    assert all(int(match.evidence["steps"].value) >= 3 for match in found)


def train(losses: Losses, steps: int = 70) -> list[tuple[str, Severity, int | None]]:
    torch.manual_seed(0)
    towers = {name: nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 8)) for name in "ab"}
    scale, head = nn.Parameter(torch.tensor(1.0)), nn.Linear(8, 2)
    held = [*towers["a"].parameters(), *towers["b"].parameters(), scale, *head.parameters()]
    optimizer = torch.optim.NAdam(held, 3e-3)
    with Inspector(towers) as inspector:
        for now in range(steps):
            x = torch.randn(24, 16)
            a, b = (towers[name](x + 0.2 * torch.randn_like(x)) for name in "ab")
            optimizer.zero_grad()
            losses(a, b, now, scale, head).backward()
            optimizer.step()
    found = inspector.diagnose().findings
    return [(f.code, f.severity, f.where.step) for f in found if f.code == "CD201"]


def contrast(a: Tensor, b: Tensor, scale: Tensor) -> Tensor:
    scores = scale.exp() * torch.einsum("id,jd->ij", F.normalize(a), F.normalize(b))
    return F.cross_entropy(scores, torch.arange(len(a)))


def test_two_towers_that_end_together_are_no_company() -> None:
    def losses(a: Tensor, b: Tensor, now: int, scale: nn.Parameter, _: nn.Linear) -> Tensor:
        return contrast(a, b, scale) if now < 30 else contrast(a.detach(), b.detach(), scale)

    found = train(losses)
    assert [(code, severity) for code, severity, _ in found] == [("CD201", Severity.ERROR)] * 2
    assert all(at is not None and 30 <= at <= 34 for _, _, at in found)


def test_towers_may_rest_where_one_of_them_or_a_head_learns() -> None:
    def in_turn(a: Tensor, b: Tensor, now: int, scale: nn.Parameter, _: nn.Linear) -> Tensor:
        first = (now // 10) % 2
        return contrast(a if first else a.detach(), b.detach() if first else b, scale)

    def then_head(a: Tensor, b: Tensor, now: int, scale: nn.Parameter, head: nn.Linear) -> Tensor:
        if now < 30:
            return contrast(a, b, scale)
        return F.cross_entropy(head(a.detach() + b.detach()), torch.arange(24) % 2)

    def one_stays(a: Tensor, b: Tensor, now: int, scale: nn.Parameter, _: nn.Linear) -> Tensor:
        return contrast(a, b if now < 30 else b.detach(), scale)

    assert train(in_turn) == train(then_head) == train(one_stays) == []
