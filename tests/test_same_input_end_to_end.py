"""Two views that are one are told with the line that made them so; look-alikes are not."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.small_trainings import INPUT, WIDTH, codes, finding, marked, network, train, view

Body = Callable[[nn.Module, Tensor, dict[str, Any]], Any]
SICK: dict[str, tuple[Body, Callable[[], nn.Module], set[str], int]] = {}
HEALTHY: dict[str, tuple[Body, Callable[[], Any]]] = {}


def sick(
    *beside: str, model: Callable[[], nn.Module] = network, steps: int = 4
) -> Callable[[Body], Body]:
    def add(body: Body) -> Body:
        SICK[body.__name__] = body, model, {"CD107", *beside}, steps
        return body

    return add


def healthy(model: Callable[[], Any] = network) -> Callable[[Body], Body]:
    def add(body: Body) -> Body:
        HEALTHY[body.__name__] = body, model
        return body

    return add


class Siamese(nn.Module):
    """Two views in, two embeddings out."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = network()

    def forward(self, x1: Tensor, x2: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.encoder(x1), self.encoder(x2)


class Predicting(nn.Module):
    """SimSiam: an embedding and what is predicted from it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.predictor = network(), nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.encoder(x)
        return self.predictor(z), z


class OnlineAndTarget(nn.Module):
    """BYOL in one module: two networks, of which one follows the other."""

    def __init__(self) -> None:
        super().__init__()
        self.online = network()
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            for slow, fast in zip(self.target.parameters(), self.online.parameters(), strict=True):
                slow.lerp_(fast, 0.01)
        return self.online(x1), self.target(x2)


def identity(x: Tensor) -> Tensor:
    """An augmentation that is switched off."""
    return x * 1.0


def seeded(x: Tensor) -> Tensor:
    draw = torch.Generator().manual_seed(0)  # seeds
    return x + torch.randn(x.shape, generator=draw)


def contrast(z1: Tensor, z2: Tensor) -> Tensor:
    logits = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / 0.2
    return F.cross_entropy(logits, torch.arange(len(z1)))


@sick("CD104")
def assigned(model, x, _memory):
    x1 = x
    x2 = x1  # made
    z1 = model(x1)
    z2 = model(x2)
    return (1 - F.cosine_similarity(z1, z2)).mean()  # met


@sick("CD104")
def detached_input(model, x, _memory):
    other = x.detach()  # made
    z1, z2 = model(x), model(other)
    return F.mse_loss(z1, z2) + z1.mean()


@sick("CD104")
def cloned_input(model, x, _memory):
    twin = x.clone()  # made
    z1 = model(x)
    z2 = model(twin)
    return F.mse_loss(z1, z2)


@sick("CD104")
def augmentation_switched_off(model, x, _memory):
    x1 = identity(x)
    x2 = identity(x)  # made
    z1, z2 = model(x1), model(x2)
    return (1 - F.cosine_similarity(z1, z2)).mean()


@sick("CD104")
def augmentation_seeded_alike(model, x, _memory):
    z1 = model(seeded(x))
    z2 = model(seeded(x))  # made
    return F.pairwise_distance(z1, z2).mean()


@sick("CD104")
def all_pairs(model, x, _memory):
    x1, x2 = identity(x), identity(x)  # made
    return contrast(model(x1), model(x2))


@sick("CD104")
def all_pairs_by_cosine(model, x, _memory):
    x1, x2 = identity(x), identity(x)  # made
    table = F.cosine_similarity(model(x1)[:, None], model(x2)[None], dim=-1)
    return F.cross_entropy(table / 0.2, torch.arange(len(x)))


@sick("CD103")
def target_of_the_same_view(model, x, _memory):
    x1 = seeded(x)
    x2 = seeded(x)  # made
    with torch.no_grad():
        target = model(x2)
    return F.mse_loss(model(x1), target) + model(x1).pow(2).mean()


@sick(model=Predicting)
def predicted_from_the_same_view(model, x, _memory):
    x1, x2 = identity(x), identity(x)  # made
    (p1, z1), (p2, z2) = model(x1), model(x2)
    one = F.cosine_similarity(p1, z2.detach()).mean()
    return -(one + F.cosine_similarity(p2, z1.detach()).mean()) / 2


@sick()
def predictor_outside_the_model(model, x, memory):
    predictor = memory.setdefault("predictor", nn.Linear(WIDTH, WIDTH))
    x1 = seeded(x)
    x2 = seeded(x)  # made
    z1, z2 = model(x1), model(x2)
    return -F.cosine_similarity(predictor(z1), z2.detach(), dim=-1).mean()


@sick("CD104", model=Siamese)
def both_arguments(model, x, _memory):
    x1 = view(x)
    x2 = x1  # made
    z1, z2 = model(x1, x2)
    return F.mse_loss(z1, z2)


@sick("CD104", model=Siamese)
def both_arguments_beside_a_mask(model, x, _memory):
    mask = torch.ones(len(x))
    z1, z2 = model(x, x.clone(), mask)  # made
    return F.mse_loss(z1, z2)


@sick("CD104")
def one_batch_of_both_views(model, x, _memory):
    z1, z2 = model(torch.cat([x, x])).chunk(2)  # made
    return (1 - F.cosine_similarity(z1, z2)).mean()


@sick("CD104")
def views_in_turns(model, x, _memory):
    z = model(x.repeat_interleave(2, dim=0))  # made
    return F.mse_loss(z[::2], z[1::2])


@sick("CD104", model=lambda: network(dropout=0.1).eval())
def dropout_views_in_eval_mode(model, x, _memory):
    z1 = model(x)
    z2 = model(x)  # made
    return (1 - F.cosine_similarity(z1, z2)).mean()


@healthy(lambda: network(dropout=0.1))
def dropout_views(model, x, _memory):
    """SimCSE, and R-Drop."""
    z1, z2 = model(x), model(x)
    return F.mse_loss(z1, z2) + contrast(z1, z2)


@healthy()
def noise_after_the_model(model, x, _memory):
    """SimGCL: the views are made of the embedding, not of the input."""
    z1, z2 = view(model(x)), view(model(x))
    return contrast(z1, z2) + F.mse_loss(z1, z2)


@healthy(OnlineAndTarget)
def online_and_target_of_one_view(model, x, _memory):
    online, target = model(x, x)
    return F.mse_loss(online, target) + online.pow(2).mean()


@healthy(lambda: {"student": network(), "teacher": network().requires_grad_(False)})
def distillation(models, x, _memory):
    with torch.no_grad():
        target = models["teacher"](x)
    return F.mse_loss(models["student"](x), target)


@healthy()
def one_batch_in_two_epochs(model, x, memory):
    x = memory.setdefault("x", x)
    z = model(view(x))
    return contrast(z, model(view(x)))


@healthy()
def lazily_written_gram_matrix(model, x, _memory):
    """All pairs of one batch: here identity is meant."""
    return torch.cdist(model(x), model(x)).neg().exp().mean()


@healthy()
def flipped_by_a_coin(model, x, memory):
    """The whole batch is turned or left as it is; the last steps happen to be left."""
    memory["step"] = memory.get("step", -1) + 1
    other = -x if memory["step"] in (0, 1) else x.clone()
    return F.mse_loss(model(x), model(other)) + model(x).pow(2).mean()


@healthy()
def adversarial_view(model, x, _memory):
    """VAT: a step too small to see, but not none."""
    with torch.no_grad():
        target = model(x)
    return F.mse_loss(model(x + 1e-5 * torch.randn_like(x)), target) + model(x).mean()


@healthy(Siamese)
def equal_masks_beside_two_views(model, x, _memory):
    mask = (torch.rand(len(x), 1) > 0.2).expand(-1, INPUT).float()
    z1, z2 = model(view(x), view(x), mask)
    return F.mse_loss(z1, z2)


@healthy(Predicting)
def predicted_from_another_view(model, x, _memory):
    (p1, z1), (p2, z2) = model(view(x)), model(view(x))
    one = F.cosine_similarity(p1, z2.detach()).mean()
    return -(one + F.cosine_similarity(p2, z1.detach()).mean()) / 2 + contrast(z1, z2)


class Scoring(nn.Module):
    """A recommender that gives one number for each row itself."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.score = network(), nn.Linear(WIDTH, 1)

    def forward(self, x: Tensor) -> Any:
        return self.score(torch.tanh(self.encoder(x))).squeeze(1)


@sick(model=Scoring, steps=12)  # scores that agree are no proof before the eighth look
def ranked_against_the_same_items(model, x, _memory):
    """BPR: the negatives are what was liked."""
    liked = x
    other = x.clone()  # made
    return -F.logsigmoid(model(liked) - model(other)).mean()


@sick(model=Scoring, steps=12)
def margin_of_the_same_items(model, x, _memory):
    liked, other = seeded(x), seeded(x)  # made
    return F.margin_ranking_loss(model(liked), model(other), torch.ones(len(x)), margin=0.5)


@sick(steps=12)
def longer_than_itself(model, x, _memory):
    """TransE: a triple that was to be corrupted, whose translation is to be the longer one."""
    corrupted = identity(x)  # made
    true, false = model(x), model(corrupted)
    return F.relu(1 + true.norm(dim=1) - false.norm(dim=1)).mean()


@sick(steps=12)
def beside_an_anchor_of_the_user(model, x, memory):
    """The vector of the user is no output of the watched tower."""
    users = memory.setdefault("users", nn.Embedding(len(x), WIDTH))
    u = users.weight * 1.0
    other = identity(x)  # made
    positive, negative = model(x), model(other)
    return F.softplus((u * negative).sum(1) - (u * positive).sum(1)).mean()


@healthy(Scoring)
def ranked_against_others(model, x, _memory):
    return -F.logsigmoid(model(x) - model(x.roll(1, 0))).mean()


@healthy(Scoring)
def ranked_by_a_coin(model, x, memory):
    """Other items in every third step."""
    memory["step"] = memory.get("step", -1) + 1
    other = x.roll(1, 0) if memory["step"] % 3 == 0 else x.clone()
    return -F.logsigmoid(model(x) - model(other)).mean()


@healthy(Scoring)
def others_after_a_while(model, x, memory):
    """The strength of a corruption grows from nought after ten steps."""
    memory["step"] = memory.get("step", -1) + 1
    other = x + max(0, memory["step"] - 10) * torch.randn_like(x)
    return -F.logsigmoid(model(x) - model(other)).mean()


@healthy(Scoring)
def held_to_where_it_was(model, x, _memory):
    """Of the two scores only one learns: a ratio of policies is one at first."""
    with torch.no_grad():
        before = model(x.clone())
    return (model(x) - before).exp().mean()


@healthy(Scoring)
def one_score_by_two_calls(model, x, _memory):
    """Written wastefully, and no two views."""
    return (model(x) - model(x)).square().mean() + model(x).square().mean()


class TakesTheFirst(Siamese):
    """The second view is never looked at."""

    def forward(self, x1: Tensor, x2: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.encoder(x1), self.encoder(x1)  # forgets


def test_a_second_view_that_is_never_looked_at_is_told_where_it_is_forgotten() -> None:
    model = TakesTheFirst()
    found = finding(train(model, lambda x: F.mse_loss(*model(view(x), view(x)))), "CD107")
    assert found.where.line == marked(TakesTheFirst.forward, "forgets")
    assert "the other input is never used" in found.message


class TakesTheFirstTwice(Siamese):
    """The same, but without a second view there is nothing to forget."""

    def forward(self, x1: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return self.encoder(x1), self.encoder(x1)


@healthy(TakesTheFirstTwice)
def one_view_twice_in_one_pass(model, x, _memory):
    z1, z2 = model(view(x))
    return F.mse_loss(z1, z2)


@healthy()
def batch_of_zeros(model, x, _memory):
    """Silence, padding: inputs are equal because there is nothing in them."""
    z = model(torch.zeros_like(x))
    return F.mse_loss(z, model(torch.zeros_like(x))) + model(x).pow(2).mean()


def run(body: Body, watched: Any, steps: int = 4) -> Any:
    memory: dict[str, Any] = {}
    return train(watched, lambda x: body(watched, x, memory), steps=steps)


@pytest.mark.parametrize("name", SICK)
def test_equal_inputs_are_found_with_their_line(name: str) -> None:
    torch.manual_seed(0)
    body, model, expected, steps = SICK[name]
    diagnosis = run(body, model(), steps)
    assert codes(diagnosis) == expected
    seeds = "seeded(" in inspect.getsource(body)  # then the views are as they were to be made
    line = marked(seeded, "seeds") if seeds else marked(body, "made")
    for found in [f for f in diagnosis.findings if f.code == "CD107"]:
        assert found.where.line == line
        assert {c for c in found.explains if c.startswith("CD1")} == expected - {"CD107"}
    assert diagnosis.primary is not None
    assert diagnosis.primary.code == "CD107"


@pytest.mark.parametrize("name", HEALTHY)
def test_what_only_looks_like_one_view_is_silent(name: str) -> None:
    torch.manual_seed(0)
    body, model = HEALTHY[name]
    steps = 20 if model is Scoring else 6
    assert "CD107" not in codes(run(body, model(), steps=steps))


def test_where_the_two_meet_is_told_beside_the_line() -> None:
    torch.manual_seed(0)
    found = finding(run(assigned, network()), "CD107")
    assert found.related[0].note == "the two are compared here"
    assert found.related[0].line == marked(assigned, "met")
    assert "`model(…)`" in found.cause
    assert found.evidence["steps"].meaning == "of 4 in which the line was seen"


def ranked(model, x, negative):
    anchor, positive = model(x), model(x + 1)
    other = model(negative)
    return F.softplus((anchor * other).sum(1) - (anchor * positive).sum(1)).mean()


def test_a_negative_that_is_the_positive() -> None:
    """Neither is compared with the other, but both with one anchor."""
    torch.manual_seed(0)
    net = network()
    assert codes(train(net, lambda x: ranked(net, x, x + 1))) == {"CD107"}
    assert codes(train(net, lambda x: ranked(net, x, x.flip(0)))) == set()


def test_a_mode_that_an_evaluation_left_is_looked_at_at_once() -> None:
    torch.manual_seed(0)
    net, step = network(0.1), iter(range(100))

    def loss_of(x: Tensor) -> Tensor:
        if next(step) == 40:
            net.eval()
        z1, z2 = net(x), net(x)
        return F.cross_entropy(F.normalize(z1) @ F.normalize(z2).T / 0.1, torch.arange(len(x)))

    where = finding(train(net, loss_of, steps=60), "CD107").where
    assert where.step in (40, 41)


def test_a_few_looks_at_two_scores_prove_nothing() -> None:
    torch.manual_seed(0)
    assert "CD107" not in codes(run(ranked_against_the_same_items, Scoring(), steps=6))
