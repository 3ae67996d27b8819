"""Equal inputs given twice, whose outputs one loss draws in opposite directions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.findings import Finding
from collapse_doctor.inspector.source.picked import index_line, narrowed
from collapse_doctor.inspector.wiring.opposed import _opposed, rows_of
from collapse_doctor.recording.observations import CallSite

Model = Callable[[Tensor], Tensor]
Loss = Callable[[Model, Tensor], Tensor]


def head(rows: Tensor) -> Tensor:
    return rows.sum(-1) / 3


def corrupted(x: Tensor) -> Tensor:
    order = torch.arange(len(x))  # the line
    return x[order]


def real_and_fake(model: Model, x: Tensor) -> Tensor:
    yes, no = head(model(x)), head(model(corrupted(x)))
    return F.softplus(-yes).mean() + F.softplus(no).mean()


def up_and_down(model: Model, x: Tensor) -> Tensor:
    yes = head(model(x))
    no = head(model(corrupted(x)))
    return F.relu(5 - yes).mean() + 2 * F.relu(5 + no).mean()


def classes(model: Model, x: Tensor) -> Tensor:
    labels = torch.arange(len(x)) % 2
    yes = F.cross_entropy(model(x)[:, :2], labels)
    return yes + F.cross_entropy(model(corrupted(x))[:, :2], 1 - labels)


def other_rows(model: Model, x: Tensor) -> Tensor:
    yes, no = head(model(x)), head(model(x.roll(1, 0)))
    return F.softplus(-yes).mean() + F.softplus(no).mean()


def one_way(model: Model, x: Tensor) -> Tensor:
    yes, no = head(model(x)), head(model(corrupted(x)))
    return F.softplus(-yes).mean() + F.softplus(-no).mean()


def two_tasks(model: Model, x: Tensor) -> Tensor:
    first, second = model(x), model(corrupted(x))
    return F.mse_loss(first, x[:, :4]) - 0.1 * F.mse_loss(second, x[:, 2:])


def one_object(model: Model, x: Tensor) -> Tensor:
    return F.softplus(-head(model(x))).mean() + F.softplus(head(model(x))).mean()


def cut_for_one(model: Model, x: Tensor) -> Tensor:
    made = x.requires_grad_() * 1
    yes, no = head(model(made)), head(model(made.detach().clone()))
    return F.softplus(-yes).mean() + F.softplus(no).mean()


def by_coin(model: Model, x: Tensor) -> Tensor:
    other = corrupted(x) if torch.rand(()) < 0.5 else x.roll(1, 0)
    return F.softplus(-head(model(x))).mean() + F.softplus(head(model(other))).mean()


def train(loss_of: Loss, *, steps: int = 14, dropout: float = 0.0) -> Diagnosis:
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    with Inspector(model) as inspector:
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of(model, torch.randn(16, 6)).backward()
            optimizer.step()
    return inspector.diagnose()


def growing(model: Model, x: Tensor) -> Tensor:
    strength = max(0, growing.calls - 11) / 10  # type: ignore[attr-defined]
    growing.calls += 1  # type: ignore[attr-defined]
    other = x + strength * torch.randn_like(x)
    return F.softplus(-head(model(x))).mean() + F.softplus(head(model(other))).mean()


def told(diagnosis: Diagnosis) -> list[Finding]:
    return [f for f in diagnosis.findings if "opposite ways" in f.message]


@pytest.mark.parametrize("loss_of", [real_and_fake, up_and_down, classes])
def test_opposite_terms_on_equal_inputs_are_told_where_they_were_made(loss_of: Loss) -> None:
    (finding,) = told(train(loss_of))
    assert (finding.code, finding.where.step) == ("CD107", 0)
    assert finding.where.line == corrupted.__code__.co_firstlineno + 1
    assert "`model(x)` and `model(corrupted(x))`" in finding.message


@pytest.mark.parametrize(
    "loss_of", [other_rows, one_way, two_tasks, one_object, cut_for_one, by_coin]
)
def test_other_passes_are_no_contradiction(loss_of: Loss) -> None:
    torch.manual_seed(1)
    assert told(train(loss_of)) == []


def test_dropout_makes_two_of_one_input() -> None:
    assert told(train(real_and_fake, dropout=0.3)) == []


def test_a_corruption_that_grows_from_nought_is_none() -> None:
    growing.calls = 0  # type: ignore[attr-defined]
    assert told(train(growing, steps=40)) == []


def test_a_few_looks_are_not_enough() -> None:
    assert told(train(real_and_fake, steps=7)) == []


def test_two_losses_that_are_minimised_apart_are_no_contradiction() -> None:
    model = nn.Linear(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    with Inspector(model) as inspector:
        for _ in range(14):
            x = torch.randn(16, 6)
            yes, no = head(model(x)), head(model(corrupted(x)))
            optimizer.zero_grad()
            F.softplus(-yes).mean().backward()
            F.softplus(no).mean().backward()
            optimizer.step()
    assert told(inspector.diagnose()) == []


def test_rows_are_opposed_if_each_of_enough_is() -> None:
    one = torch.randn(12, 5, dtype=torch.float64)
    scales = torch.rand(12, 1, dtype=torch.float64) + 0.1
    assert _opposed(one, -scales * one) == pytest.approx(-1)
    other = -one
    other[3] = one[4]
    assert _opposed(one, other) is None, "one row is not"
    assert _opposed(one[:7], -one[:7]) is None, "too few"
    silent = -one.clone()
    silent[:4] = 0
    assert _opposed(one, silent) == pytest.approx(-1), "a hinge is content with some rows"
    silent[:7] = 0
    assert _opposed(torch.cat([one, one]), torch.cat([silent, silent])) is None


def test_rows_of_a_gradient_are_few_and_in_memory_of_their_own() -> None:
    gradient = torch.randn(100, 30, 30)
    rows = rows_of(gradient)
    assert rows.shape == (32, 256)
    gradient.zero_()
    assert rows.ne(0).all()


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("a", "b", ("a", "b")),
        ("f(a)", "f(b)", ("a", "b")),
        ("f(g(a), c)", "f(g(b), c)", ("a", "b")),
        ("f(a, c)", "f(b, d)", ("f(a, c)", "f(b, d)")),
        ("f(a)", "g(a)", ("f(a)", "g(a)")),
    ],
)
def test_calls_are_narrowed_to_what_they_differ_in(
    one: str, other: str, found: tuple[str, str]
) -> None:
    assert narrowed(one, other) == found


def test_the_line_of_an_index_is_that_which_made_it() -> None:
    first = corrupted.__code__.co_firstlineno
    site = CallSite(__file__, first + 2, "corrupted")
    found = index_line(site)
    assert found is not None
    assert (found.line, found.source) == (first + 1, "order = torch.arange(len(x))  # the line")
    assert index_line(CallSite(__file__, first + 1, "corrupted")) is None
