"""How much room embeddings have in a loss, held against embeddings that use it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.inspector.losses.room import Room, common
from collapse_doctor.inspector.watch import Watch
from collapse_doctor.recording.observations import Objective

ROWS, WIDTH = 10, 6

Loss = Callable[[Tensor, Tensor, float], Tensor]
WAYS: dict[str, Loss] = {}


def way(function: Loss) -> Loss:
    WAYS[function.__name__] = function
    return function


def unit(z: Tensor) -> Tensor:
    return F.normalize(z, dim=1)


def places() -> Tensor:
    return torch.arange(ROWS)


def labels() -> Tensor:
    return torch.arange(ROWS) % 3


def given(*sizes: int) -> Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(3))


@way
def a_cross_entropy(a, b, s):
    return F.cross_entropy(s * unit(a) @ unit(b).T, places())


@way
def with_the_log_of_what_was_sampled(a, b, s):
    return F.cross_entropy((unit(a) @ unit(b).T) * s - given(ROWS).sigmoid().log(), places())


@way
def both_sides_scaled(a, b, s):
    table = torch.mm(unit(a) * math.sqrt(s), (unit(b) * math.sqrt(s)).t())
    return -table.log_softmax(1).diagonal().mean()


@way
def a_factor_on_the_device(a, b, s):
    return F.cross_entropy(torch.tensor(s) * (unit(a) @ unit(b).T), places())


@way
def a_queue(a, b, s):
    queue = unit(given(16, WIDTH))
    near = (unit(a) * unit(b)).sum(1, keepdim=True)
    logits = torch.cat([near, unit(a) @ queue.T], dim=1) * s
    return F.cross_entropy(logits, torch.zeros(ROWS, dtype=torch.long))


@way
def a_long_queue(a, b, s):
    logits = torch.cat([(unit(a) * unit(b)).sum(1, keepdim=True), unit(a) @ given(WIDTH, 8)], 1)
    return F.cross_entropy(s * logits, torch.zeros(ROWS, dtype=torch.long))


@way
def cosines_by_torch(a, b, s):
    table = F.cosine_similarity(a[:, None], b[None], dim=-1)
    return F.cross_entropy(table * s, places(), reduction="sum")


@way
def many_positives(a, b, s):
    z = unit(torch.cat([a, b]))
    score = (z @ z.T * s).masked_fill(torch.eye(2 * ROWS, dtype=torch.bool), -1e9)
    log_share = score - score.logsumexp(dim=1, keepdim=True)
    same = (labels().repeat(2)[:, None] == labels().repeat(2)) & ~torch.eye(2 * ROWS).bool()
    return -((log_share * same).sum(1) / same.sum(1)).mean()


@way
def many_positives_of_exponentials(a, b, s):
    z = unit(torch.cat([a, b]))
    others = 1 - torch.eye(2 * ROWS)
    mask = (labels().repeat(2)[:, None] == labels().repeat(2)).float() * others
    logits = torch.div(z @ z.T, 1 / s)
    logits = logits - logits.max(dim=1, keepdim=True).values.detach()
    shares = torch.exp(logits) * others
    log_prob = logits - torch.log(shares.sum(1, keepdim=True))
    return -((mask * log_prob).sum(1) / mask.sum(1)).mean()


@way
def shares_of_exponentials(a, b, s):
    similar = torch.exp(unit(a) @ unit(b).t() * s)
    return -torch.log(similar.diagonal() / similar.sum(1)).mean()


@way
def chosen_by_where(a, b, s):
    table = s * unit(a) @ unit(b).T
    own = torch.eye(ROWS).bool()
    return F.cross_entropy(torch.where(own, table - 0.1, table), places())


@way
def with_a_constant(a, b, s):
    return 1000 - F.log_softmax(s * unit(a) @ unit(b).T, dim=1).diag().mean()


@way
def a_ranking_by_pairs(a, b, s):
    near, far = (unit(a) * unit(b)).sum(1), (unit(a) * unit(b).roll(1, 0)).sum(1)
    return -F.logsigmoid(s * (near - far)).mean()


class Table(nn.Module):
    """Gives the rows that it holds."""

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows.clone())

    def forward(self, x: Tensor) -> Tensor:
        return self.rows * 1.0


def seen(loss_of: Callable[[Tensor, Tensor], Tensor], one: Tensor, two: Tensor) -> Objective:
    left, right = Table(one), Table(two)
    optimizer = torch.optim.SGD([*left.parameters(), *right.parameters()], lr=0.0)
    with Watch({"left": left, "right": right}) as watch:
        loss_of(left(one), right(one)).backward()
        optimizer.step()
    assert not [notice for notice in watch.recording.notices if notice.about == "inspector"]
    (objective,) = watch.recording.objectives
    return objective


def extremes() -> list[tuple[Tensor, Tensor]]:
    """Rows that are the same, that are paired and far apart, and that are the wrong way round."""
    torch.manual_seed(1)
    z = torch.randn(ROWS, WIDTH)
    some = torch.eye(WIDTH)[labels()]
    ends = torch.ones(ROWS, WIDTH) * torch.tensor([1.0, -1.0]).repeat(ROWS // 2)[:, None]
    return [(z, z), (z, -z), (some, some), (some, -some), (ends, ends), (ends, -ends), (z, some)]


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("scale", [1 / 400, 0.05])
def test_no_embedding_leaves_the_room(name: str, scale: float) -> None:
    loss_of = WAYS[name]
    one = torch.ones(ROWS, WIDTH)
    at_collapse = loss_of(one, one, scale).item()
    for a, b in extremes():
        objective = seen(lambda a, b: loss_of(a, b, scale), a, b)
        assert objective.flat is not None
        assert objective.reach is not None
        moved = abs(loss_of(a, b, scale).item() - at_collapse)
        assert moved <= objective.reach + 1e-6
        assert objective.reach <= 20 * scale * (ROWS if "torch" in name else 1)  # and is of use


@pytest.mark.parametrize("name", WAYS)
def test_a_usual_temperature_leaves_room(name: str) -> None:
    objective = seen(lambda a, b: WAYS[name](a, b, 1.0), *extremes()[0])
    assert objective.flat is None or objective.flat > 0.2


@pytest.mark.parametrize("name", ["a_cross_entropy", "a_queue", "both_sides_scaled"])
def test_logits_of_cosines_differ_by_twice_their_factor(name: str) -> None:
    objective = seen(lambda a, b: WAYS[name](a, b, 1 / 400), *extremes()[0])
    assert objective.reach == pytest.approx(2 / 400, rel=1e-3)


UNBOUND: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "not normalised": lambda a, b: F.cross_entropy(a @ b.T / 400, places()),
    "one side not normalised": lambda a, b: F.cross_entropy(unit(a) @ b.T / 400, places()),
    "longer again": lambda a, b: F.cross_entropy((unit(a) + a) @ unit(b).T / 400, places()),
    "by a matrix": lambda a, b: F.cross_entropy(unit(a) @ unit(b).T @ given(ROWS, 5), labels()),
    "scaled by rows": lambda a, b: F.cross_entropy(
        unit(a) @ unit(b).T / 400 * given(ROWS).abs()[:, None], places()
    ),
    "beside another term": lambda a, b: (
        F.cross_entropy(unit(a) @ unit(b).T / 400, places()) + F.mse_loss(a, b)
    ),
    "weights of both signs": lambda a, b: (
        F.log_softmax(unit(a) @ unit(b).T / 400, 1) * given(ROWS, ROWS)
    ).sum(),
    "a difference of two": lambda a, b: (
        F.log_softmax(unit(a) @ unit(b).T / 400, 1) * given(ROWS, ROWS).abs()
        - F.log_softmax(unit(a) @ unit(b).T / 300, 1) * given(ROWS, ROWS).abs()
    ).sum(),
    "cosines alone": lambda a, b: 1000 - F.cosine_similarity(a, b).mean(),
    "a margin": lambda a, b: F.relu(500 - (unit(a) * unit(b)).sum(1)).mean(),
}


@pytest.mark.parametrize("name", UNBOUND)
def test_what_is_not_bounded_has_no_known_room(name: str) -> None:
    assert seen(UNBOUND[name], *extremes()[0]).flat is None


def test_a_learnt_scale_is_what_it_is_at_the_look() -> None:
    scale = nn.Parameter(torch.tensor(1 / 400))
    loss_of: Any = lambda a, b: F.cross_entropy(scale * unit(a) @ unit(b).T, places())  # noqa: E731

    def divided(a: Tensor, b: Tensor) -> Tensor:
        return F.cross_entropy(unit(a) @ unit(b).T / scale.log().neg().exp(), places())

    flat = 2 / 400 / math.log(ROWS)
    assert seen(loss_of, *extremes()[0]).flat == pytest.approx(flat, rel=1e-3)
    assert seen(divided, *extremes()[0]).flat == pytest.approx(flat, rel=1e-3)


def test_a_scale_made_of_the_embeddings_has_no_known_room() -> None:
    loss_of: Any = lambda a, b: F.cross_entropy(a.mean() * (unit(a) @ unit(b).T), places())  # noqa: E731
    assert seen(loss_of, *extremes()[0]).flat is None


def test_what_moves_nothing_is_flat_and_cosines_have_no_size() -> None:
    assert Room(0.0).flat == 0.0
    assert Room(2.0).flat is None
    assert Room(0.04, -4.0).flat == 0.01


def test_exponentials_are_only_what_they_are() -> None:
    grown = Room(0.1).exponential()
    assert grown == Room(0.1, grown=True)
    assert grown is not None
    assert grown.flat is None
    assert grown.scaled(-1.0) is None
    assert grown.raised(-1.0) is None
    assert grown.weighted(-1) is None
    assert grown.plus(Room(0.1)) is None
    assert grown.softmax(1.0) is None
    assert Room(0.1).logarithm(1.0) is None
    assert grown.logarithm(math.inf) is None
    assert Room(0.1, 2.0).exponential() is None


def test_the_rooms_of_a_sum_add_up() -> None:
    assert Room(0.25, 2.0).plus(Room(0.5, 3.0)) == Room(0.75, 5.0)
    assert Room(0.1, 2.0).softmax(4.0) == Room(0.2, 4.0)
    assert Room(0.1).softmax(4.0) == Room(0.1, 4.0)


def test_weighted_softmaxes_of_opposite_signs_may_cancel() -> None:
    one, other = Room(0.1, 2.0, shared=True), Room(0.1, -2.0)
    assert one.plus(other) is None
    assert one.plus(Room(0.1)) is None  # a bounded term whose weight is not known
    both = one.plus(Room(0.4, 2.0))
    assert both is not None
    assert both.flat == pytest.approx(0.2)


def test_numbers_of_two_kinds_have_nothing_in_common() -> None:
    assert common([Room(1.0), Room(2.0)]) == Room(2.0)
    assert common([Room(1.0), Room(1.0, 3.0)]) is None
    assert common([Room(1.0), None]) is None
    assert common([]) is None
