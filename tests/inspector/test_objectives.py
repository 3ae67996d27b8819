"""What a training minimises, read from the graph of its gradients."""

from __future__ import annotations

import gc
import math
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from collapse_doctor.inspector.watch import Watch
from collapse_doctor.recording.observations import Objective
from tests.inspector.losses import LOSSES, ROWS, LossOf


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 16))


class Collapsed(nn.Module):
    """Gives one vector for everything."""

    def __init__(self) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.linspace(1.0, 2.0, 16, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.vector * torch.ones(len(x), 1, dtype=torch.float64)


def views() -> tuple[Tensor, Tensor]:
    x = torch.randn(ROWS, 20)
    return x, x + 0.1 * torch.randn(ROWS, 20)


def watched(
    loss_of: LossOf, *, model: nn.Module | None = None, steps: int = 1, **modules: nn.Module
) -> list[Objective]:
    torch.manual_seed(0)
    model = model or network()
    parameters = [p for module in (model, *modules.values()) for p in module.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.05)
    with Watch({"model": model}) as watch:
        for _ in range(steps):
            loss = loss_of(model, *views())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not [notice for notice in watch.recording.notices if notice.about == "inspector"]
    return watch.recording.objectives


@pytest.mark.parametrize("name", LOSSES)
def test_the_value_at_collapse_is_what_torch_gives(name: str) -> None:
    (objective,) = watched(LOSSES[name])
    collapsed = LOSSES[name](Collapsed(), *views())
    if name == "siamese_binary":  # of its one score the value is known, ln 2, whatever the labels
        assert collapsed.item() == pytest.approx(math.log(2))
    assert objective.collapsed == pytest.approx(collapsed.item(), abs=2e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_the_value_of_the_loss_is_seen(name: str) -> None:
    torch.manual_seed(0)
    model = network()
    expected = LOSSES[name](model, *views())
    (objective,) = watched(LOSSES[name])
    assert objective.value == pytest.approx(expected.item(), rel=1e-5)
    assert objective.outputs == (("model", "output"),)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clip", math.log(ROWS)),
        ("nt_xent", math.log(2 * ROWS - 1)),
        ("moco", math.log(1 + 40)),
        ("triplet", 0.3),
        ("soft_margin_triplet", math.log(2)),
        ("simsiam", -1.0),
        ("byol", 0.0),
        ("cosine_embedding", 0.9 / 3),
        ("vicreg", 24.75),
        ("info_nce_summed", ROWS * math.log(ROWS)),
    ],
)
def test_the_published_values(name: str, value: float) -> None:
    (objective,) = watched(LOSSES[name])
    assert objective.collapsed == pytest.approx(value, abs=1e-6)


def test_the_entropy_of_a_uniform_teacher() -> None:
    def dino(model: Any, x: Tensor, y: Tensor) -> Tensor:
        teacher = F.softmax(model(y).detach() / 0.04, dim=-1)
        loss = torch.sum(-teacher * F.log_softmax(model(x) / 0.1, dim=-1), dim=-1)
        return loss.mean()

    (objective,) = watched(dino)
    assert objective.collapsed == pytest.approx(math.log(16))


UNKNOWN: dict[str, LossOf] = {
    "reconstruction": lambda m, x, _y: F.mse_loss(m(x), x[:, :16]),
    "with a term of weights": lambda m, x, y: (
        LOSSES["clip"](m, x, y) + 1e-4 * sum(p.pow(2).sum() for p in m.parameters())
    ),
    "with a term nobody knows": lambda m, x, y: (
        LOSSES["clip"](m, x, y) + torch.linalg.svdvals(m(x)).sum()
    ),
    "uniformity": lambda m, x, _y: torch.pdist(m(x)).pow(2).mul(-2).exp().mean().log(),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_no_value_is_claimed_where_none_is_known(name: str) -> None:
    (objective,) = watched(UNKNOWN[name])
    assert objective.collapsed is None
    assert objective.others


PULLS = {
    *("pull_by_cosine", "pull_by_mse", "pull_by_hand", "pull_by_absolute_difference", "byol"),
    *("simsiam", "mean_of_norms", "cosine_embedding_of_positives"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_what_only_pulls_is_told_from_what_does_not(name: str) -> None:
    (objective,) = watched(LOSSES[name])
    only = bool(objective.pulls) and not objective.others
    assert only == (name in PULLS)


def test_the_sign_of_a_similarity_is_followed() -> None:
    def apart(model: Any, x: Tensor, y: Tensor) -> Tensor:
        return F.cosine_similarity(model(x), model(y)).mean()

    (objective,) = watched(apart)
    assert not objective.pulls
    assert objective.others == ("a term that pushes apart",)


def test_sides_of_a_pull() -> None:
    head = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 16))

    def simsiam(model: Any, x: Tensor, y: Tensor) -> Tensor:
        return -F.cosine_similarity(head(model(x)), model(y).detach()).mean()

    (objective,) = watched(simsiam, head=head)
    (pull,) = objective.pulls
    assert (pull.left.heads, pull.left.cut) == (2, False)
    assert (pull.right.heads, pull.right.cut) == (0, True)
    assert pull.site is not None
    assert pull.site.source.startswith("return -F.cosine_similarity(head(model(x))")


def test_the_factor_of_a_gradient_scaler_is_taken_off() -> None:
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with Watch({"model": model}) as watch:
        loss = LOSSES["clip"](model, *views())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    (objective,) = watch.recording.objectives
    assert objective.value == pytest.approx(loss.item())
    assert objective.collapsed == pytest.approx(math.log(ROWS))


def test_each_backward_of_a_step_is_seen() -> None:
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with Watch({"model": model}) as watch:
        for _ in range(2):
            (LOSSES["clip"](model, *views()) / 2).backward()
            torch.autograd.backward([LOSSES["triplet"](model, *views()) / 2])
            optimizer.step()
    seen = watch.recording.objectives
    assert [one.step for one in seen] == [0, 0, 1, 1]
    assert [one.collapsed for one in seen] == pytest.approx([math.log(ROWS) / 2, 0.15] * 2)


class Whitened(nn.Module):
    """Whitens its output over the batch, as W-MSE does."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(20, 4)

    def forward(self, x: Tensor) -> Tensor:
        z = self.net(x)
        z = z - z.mean(0)
        root = torch.linalg.cholesky(z.T @ z / len(z) + 1e-3 * torch.eye(4))
        rows: Tensor = torch.linalg.solve_triangular(root, z.T, upper=False).T
        return rows


@pytest.mark.parametrize(
    ("model", "keeps"),
    [
        (Whitened(), True),
        (nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8, affine=False)), True),
        (nn.Sequential(nn.Linear(20, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 8)), False),
        (nn.Sequential(nn.Linear(20, 8), nn.LayerNorm(8)), False),
    ],
    ids=["whitening", "batch norm at the end", "batch norm before", "layer norm"],
)
def test_what_a_model_does_to_keep_its_rows_apart_is_seen(model: nn.Module, keeps: bool) -> None:
    (objective,) = watched(LOSSES["pull_by_mse"], model=model)
    assert bool(objective.whitened) == keeps


class Doubled(torch.autograd.Function):
    """An operation of the user's own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return 2 * gradient


STRANGE: dict[str, Callable[[Any, Tensor, Tensor], Tensor]] = {
    "an operation of one's own": lambda m, x, y: F.mse_loss(Doubled.apply(m(x)), m(y)),
    "a checkpoint": lambda m, x, y: checkpoint(
        lambda a, b: F.mse_loss(a, b), m(x), m(y), use_reentrant=False
    ),
    "a reentrant checkpoint": lambda m, x, y: checkpoint(
        lambda a, b: F.mse_loss(a, b), m(x), m(y), use_reentrant=True
    ),
    "a long sum": lambda m, x, y: sum((F.mse_loss(m(x), m(y)) for _ in range(150)), m(x).sum()),
    "complex numbers": lambda m, x, y: torch.fft.fft(m(x) - m(y)).abs().mean(),
    "a margin on a device": lambda m, x, y: F.triplet_margin_with_distance_loss(
        m(x),
        m(y),
        m(y.roll(1, 0)),
        margin=torch.tensor(0.2),  # type: ignore[arg-type]
    ),
    "logits that are not finite": lambda m, x, y: F.cross_entropy(
        (m(x) @ m(y).T).masked_fill(torch.ones(ROWS, ROWS, dtype=torch.bool), float("nan")),
        torch.arange(ROWS),
    ),
    "all masked": lambda m, x, y: (m(x) @ m(y).T - math.inf).logsumexp((0, 1)).nan_to_num(),
    "a softmax of one number": lambda m, x, y: F.log_softmax(m(x).sum(), dim=0),
    "nothing to compare": lambda m, x, y: F.mse_loss(m(x), m(y)) + m(x)[:0].log_softmax(1).sum(),
    "powers of large numbers": lambda m, x, y: ((m(x) - m(y)).pow(2).sum(1) + 1e30).pow(9.0).mean(),
    "divided by zero": lambda m, x, y: F.mse_loss(m(x), m(y)) / 0.0,
    "bounds that are tensors": lambda m, x, y: torch.clamp(
        F.pairwise_distance(m(x), m(y)), min=torch.tensor(0.1)
    ).mean(),
    "in place": lambda m, x, y: (m(x) - m(y)).pow_(2).mul_(3.0).sum(1).sqrt_().mean(),
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_losses_do_no_harm(name: str) -> None:
    torch.manual_seed(0)
    expected, model = network(), network()
    model.load_state_dict(expected.state_dict())
    torch.manual_seed(1)
    STRANGE[name](expected, *views()).backward()
    torch.manual_seed(1)
    with Watch({"model": model}) as watch:
        STRANGE[name](model, *views()).backward()
        torch.optim.SGD(model.parameters(), 0.1).step()
    assert [notice for notice in watch.recording.notices if notice.about == "inspector"] == []
    for one, other in zip(expected.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=0, atol=0, equal_nan=True)
    assert len(watch.recording.objectives) == 1


def test_a_gradient_that_is_handed_in_is_no_loss() -> None:
    torch.manual_seed(0)
    model = network()
    with Watch({"model": model}) as watch:
        rows = model(views()[0])
        rows.backward(gradient=torch.ones_like(rows))
        torch.optim.SGD(model.parameters(), 0.1).step()
    (objective,) = watch.recording.objectives
    assert objective.collapsed is None
    assert objective.others == ("`a gradient that was handed in`",)


class Witness:
    """Lives as long as the node it is noted at."""


def test_no_graph_is_kept_alive() -> None:
    torch.manual_seed(0)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    with Watch({"model": model}):
        for name in ("clip", "triplet_by_hand", "contrastive"):
            loss = LOSSES[name](model, *views())
            witness = Witness()
            node: Any = loss.grad_fn
            node.metadata["witness"] = witness
            loss.backward()
            optimizer.step()
            alive = weakref.ref(witness)
            del loss, node, witness
            gc.collect()
            assert alive() is None


def test_a_loss_is_not_looked_into_between_looks() -> None:
    looked = {one.step for one in watched(LOSSES["clip"], steps=40)}
    assert set(range(8)) <= looked
    assert len(looked) < 30
