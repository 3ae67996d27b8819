"""Tables of all pairs that are held to given weights compare row i with row i, or they do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.inspector.watch import Watch

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
ROWS, KINDS = 24, 6
WHOLE: dict[str, Loss] = {}
SPREAD: dict[str, Loss] = {}
WITHOUT: dict[str, Loss] = {}


def into(ways: dict[str, Loss]) -> Callable[[Loss], Loss]:
    def add(loss: Loss) -> Loss:
        ways[loss.__name__] = loss
        return loss

    return add


def unit(z: Tensor) -> Tensor:
    return F.normalize(z, dim=1)


def same_kind(y: Tensor) -> Tensor:
    return (y[:, None] == y[None]).float()


# Row i is held against row i, above all


@into(WHOLE)
def smoothed_by_hand(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    targets = torch.full((ROWS, ROWS), 0.1 / ROWS).fill_diagonal_(0.9)
    scores = a @ b.T / 0.1
    return -(targets * F.log_softmax(scores, dim=-1)).sum(-1).mean()


@into(WHOLE)
def identity_in_the_loss(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    scores = torch.matmul(a, b.t()) * 5
    return F.cross_entropy(scores, torch.eye(ROWS)) + F.cross_entropy(scores.t(), torch.eye(ROWS))


@into(WHOLE)
def divergence_to_given(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    targets = F.softmax(8 * torch.eye(ROWS), dim=1)
    scores = torch.einsum("id,jd->ij", a, b).mul(5)
    return F.kl_div(scores.log_softmax(1), targets, reduction="batchmean")


@into(WHOLE)
def sigmoids_of_all_pairs(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    signs = 2 * torch.eye(ROWS) - torch.ones(ROWS, ROWS)
    scores = a @ b.T * 10 - 5
    return -F.logsigmoid(signs * scores).sum() / ROWS


@into(WHOLE)
def each_pair_yes_or_no(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(a @ b.T / 0.1, torch.eye(ROWS))


@into(WHOLE)
def probabilities_of_each_pair(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    return F.binary_cross_entropy(torch.sigmoid(F.linear(a, b)), torch.eye(ROWS))


@into(WHOLE)
def own_over_all(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    exponents = torch.exp(a @ b.T / 0.2)
    own = torch.eye(ROWS, dtype=torch.bool)
    others = (exponents * ~own).sum(1)
    return -((exponents * own).sum(1) / others).log().mean()


@into(WHOLE)
def where_it_is_its_own(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    logs = (a @ b.T / 0.2).log_softmax(1)
    return -torch.where(torch.eye(ROWS) > 0, logs, 0.0).sum() / ROWS


@into(WHOLE)
def contracted_with_its_targets(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    scores = torch.einsum("id,jd->ij", a, b)
    return -torch.einsum("ij,ij->", torch.eye(ROWS), scores.log_softmax(1)) / ROWS


@into(WHOLE)
def negative_weights(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    return (-torch.eye(ROWS) * (a @ b.T).log_softmax(1)).sum()


@into(WHOLE)
def squared_to_the_identity(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    return F.mse_loss(a @ b.T, torch.eye(ROWS))


# Row i has other partners, too


@into(SPREAD)
def all_of_a_kind(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    scores = torch.einsum("id,jd->ij", a, b).mul(12)
    same = same_kind(y)
    same /= same.sum(1, keepdim=True)
    return -(same * scores.log_softmax(1)).sum(1).mean()


@into(SPREAD)
def all_of_a_kind_both_ways(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    scores = a @ b.T / 0.1
    targets = same_kind(y) / same_kind(y).sum(1, keepdim=True)
    return F.cross_entropy(scores, targets) + F.cross_entropy(scores.T, targets)


@into(SPREAD)
def supervised_contrast(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    scores = a @ b.T / 0.1
    scores = scores - scores.max(dim=1, keepdim=True).values.detach()
    logs = scores - torch.log(torch.exp(scores).sum(1, keepdim=True))
    mask = same_kind(y)
    return -((mask * logs).sum(1) / mask.sum(1)).mean()


# Row i is not held against row i


@into(WITHOUT)
def mask_without_itself(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    mask = same_kind(y) * (1 - torch.eye(ROWS))
    logs = (a @ b.T / 0.1).log_softmax(1)
    return -((mask * logs).sum(1) / mask.sum(1).clamp(min=1)).mean()


@into(WITHOUT)
def hidden_before_the_softmax(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    own = torch.eye(ROWS, dtype=torch.bool)
    logs = (a @ b.T / 0.1).masked_fill(own, -1e4).log_softmax(1)
    return -(same_kind(y) * logs).clamp(min=-50).sum(1).mean()


@into(WITHOUT)
def filled_in_place(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    scores = a @ b.T
    scores.fill_diagonal_(0.0)
    return -(same_kind(y) * scores).sum(1).mean()


@into(WITHOUT)
def a_mask_is_added(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    logs = (a @ b.T / 0.1 - 1e4 * torch.eye(ROWS)).softmax(1)
    return -(same_kind(y) * logs).sum(1).mean()


@into(WITHOUT)
def multiplied_away_first(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    apart = 1 - torch.eye(ROWS)
    exponents = torch.exp(a @ b.T / 0.2) * apart
    return -((exponents * same_kind(y)).sum(1) / exponents.sum(1) + 1e-3).log().mean()


@into(WITHOUT)
def all_places_alike(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    scores = a @ b.T
    return (torch.ones(ROWS, ROWS) * scores).sum() / ROWS**2


@into(WITHOUT)
def all_pushed_apart_alike(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    return (-torch.ones(ROWS, ROWS) * (a @ b.T)).sum() / -(ROWS**2)


@into(WITHOUT)
def rows_beside_few_centres(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    centres = torch.stack([b[y == kind].mean(0) for kind in range(KINDS)])
    hot = F.one_hot(y, KINDS).float()
    scores = a @ centres.T - 0.2 * hot
    return -(hot * (hot * scores).log_softmax(1)).sum(1).mean()


# Tables of a batch with itself, whatever it is called


def cosines(one: Tensor, other: Tensor) -> Tensor:
    return F.normalize(one, dim=1) @ F.normalize(other, dim=1).T


class Products(nn.Module):
    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return torch.matmul(one, other.T)


@into(WITHOUT)
def table_held_to_a_table(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    targets = cosines(b.detach(), b.detach())
    return F.mse_loss(cosines(a, a), targets) + b.std()


@into(WITHOUT)
def chances_held_to_chances(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    targets = (Products()(b.detach(), b.detach()) / 0.02).softmax(1)
    return F.kl_div((Products()(a, a) / 0.02).log_softmax(1), targets, reduction="batchmean")


@into(WITHOUT)
def weighed_by_another_table(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    with torch.no_grad():
        targets = F.softmax(b @ b.T / 0.02, dim=1)
    return -(targets * cosines(a, a).log_softmax(1)).sum(1).mean() + b.std()


@into(WITHOUT)
def held_to_neighbours(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    ring = torch.eye(ROWS) + 0.2 * torch.eye(ROWS).roll(1, 1)
    scores: Tensor = Products()(a, a)
    return -(ring * scores.log_softmax(1)).sum() / ROWS + b.std()


@into(WITHOUT)
def measured_in_passing(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        gallery = a.clone()
        near = (same_kind(y) * (a.detach() @ gallery.T)).sum() / same_kind(y).sum()
    return (1 - F.cosine_similarity(a, b.roll(3, 0))).mean() + 0 * near


@into(WITHOUT)
def the_next_one(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    return F.cross_entropy(a @ b.T, torch.eye(ROWS).roll(1, 1))


ALIASES: dict[str, Callable[[Tensor], Tensor]] = {
    "same-object": lambda z: z,
    "detached": lambda z: z.detach(),
    "equal": lambda z: z.clone(),
}


ONLY_TWO = {"measured_in_passing", "table_held_to_a_table", "chances_held_to_chances"}


def kinds(loss: Loss, other: Callable[[Tensor], Tensor] | None, steps: int = 6) -> set[str]:
    """Return how the operands of a loss were found to be related; two views, if no ``other``."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 8))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    means = torch.randn(KINDS, 12)
    with Watch({"model": model}) as watch:
        for _ in range(steps):
            y = torch.arange(ROWS) % KINDS
            x = means[y] + 0.3 * torch.randn(ROWS, 12)
            a = unit(model(x))
            b = unit(model(x + torch.randn_like(x))) if other is None else other(a)
            total = loss(a, b, y) + 0.01 * a.std(0).mean()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
    assert not [notice for notice in watch.recording.notices if notice.about == "inspector"]
    return {r.kind for c in watch.recording.comparisons for r in c.relations}


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("name", WHOLE)
def test_its_own_partner_is_found_to_be_itself(name: str, alias: str) -> None:
    assert kinds(WHOLE[name], ALIASES[alias]) == {alias}


@pytest.mark.parametrize("name", SPREAD)
def test_one_of_several_partners_is_found_to_be_a_copy(name: str) -> None:
    assert kinds(SPREAD[name], ALIASES["equal"]) == {"equal"}


@pytest.mark.parametrize("alias", ["same-object", "detached"])
@pytest.mark.parametrize("name", SPREAD)
def test_a_batch_of_which_each_kind_is_drawn_together(name: str, alias: str) -> None:
    assert kinds(SPREAD[name], ALIASES[alias]) == set()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("name", [name for name in WITHOUT if name not in ONLY_TWO])
def test_what_is_not_held_against_itself(name: str, alias: str) -> None:
    assert kinds(WITHOUT[name], ALIASES[alias]) == set()


@pytest.mark.parametrize("name", [*WHOLE, *SPREAD, *WITHOUT])
def test_two_views_are_two(name: str) -> None:
    assert kinds({**WHOLE, **SPREAD, **WITHOUT}[name], None) == set()


def targets_of_both_tables(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
    targets = F.softmax((a @ a.T + b @ b.T) / 2 * 40, dim=-1)
    return (-targets * F.log_softmax(a @ b.T * 4, dim=-1)).sum(1).mean()


@pytest.mark.parametrize("alias", ["detached", "equal"])
def test_targets_may_be_tables_themselves(alias: str) -> None:
    """Of two tables that are multiplied, that of one thing with itself has the weights."""
    assert kinds(targets_of_both_tables, ALIASES[alias]) == {alias}


def test_a_table_is_told_once_where_its_diagonal_is_taken_too() -> None:
    def loss(a: Tensor, b: Tensor, _: Tensor) -> Tensor:
        scores = a @ b.T
        loss = F.cross_entropy(scores, torch.eye(ROWS)) + F.cross_entropy(scores.T, torch.eye(ROWS))
        return loss + 0 * scores.diagonal().mean().detach()

    torch.manual_seed(0)
    model = nn.Linear(12, 8)
    with Inspector(model) as inspector:
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for _ in range(6):
            z = unit(model(torch.randn(ROWS, 12)))
            copy = z.clone()
            optimizer.zero_grad()
            loss(z, copy, z).backward()
            optimizer.step()
    told = {c.function for c in inspector.recording.comparisons if c.relations}
    assert told == {"(a @ b.T).diagonal"}
    assert [f.code for f in inspector.diagnose().findings if f.code < "CD2"] == ["CD104"]
