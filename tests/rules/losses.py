"""Small trainings whose loss only pulls together, and those that look so and do not.

Each is one step: a function of a setting, which has a model, views of a batch, and what it made.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS, WIDTH, OUT = 32, 20, 16


def network(out: int = OUT) -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, 48), nn.ReLU(), nn.Linear(48, out))


class Setting:
    """What a training has at hand; all that is made by :meth:`own` before it begins is trained."""

    def __init__(self) -> None:
        self.draw = torch.Generator().manual_seed(1)
        self.model: nn.Module = network()
        self.memory: dict[str, Any] = {}
        self.step = 0

    @property
    def watched(self) -> Any:
        return self.memory.get("watched", self.model)

    def own(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self.memory:
            self.memory[name] = make()
        return self.memory[name]

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return two views and labels."""
        x = torch.randn(ROWS, WIDTH, generator=self.draw)
        noise = 0.3 * torch.randn(2, ROWS, WIDTH, generator=self.draw)
        return x + noise[0], x + noise[1], (x[:, 0] > 0).long()


Step = Callable[[Setting], Tensor]
SICK: dict[str, Step] = {}
HEALTHY: dict[str, Step] = {}


def sick(step: Step) -> Step:
    SICK[step.__name__] = step
    return step


def healthy(step: Step) -> Step:
    HEALTHY[step.__name__] = step
    return step


def unit(z: Tensor) -> Tensor:
    return F.normalize(z, dim=1)


def predictor() -> nn.Sequential:
    return nn.Sequential(nn.Linear(OUT, 8), nn.ReLU(), nn.Linear(8, OUT))


def slow(s: Setting, online: nn.Module) -> Any:
    """Return a copy of a network that follows it slowly."""
    teacher = s.own("teacher", lambda: copy.deepcopy(online).requires_grad_(False))
    with torch.no_grad():
        for own, other in zip(teacher.parameters(), online.parameters(), strict=True):
            own.mul_(0.9).add_(other, alpha=0.1)
    return teacher


def info_nce(a: Tensor, b: Tensor) -> Tensor:
    return F.cross_entropy(unit(a) @ unit(b).T / 0.2, torch.arange(len(a)))


# Only pulls


@sick
def one_less_cosine(s):
    x, y, _ = s.batch()
    return (1 - F.cosine_similarity(s.model(x), s.model(y))).mean()


@sick
def mean_squared_difference(s):
    x, y, _ = s.batch()
    return nn.MSELoss()(s.model(x), s.model(y))


@sick
def squared_distance_by_hand(s):
    x, y, _ = s.batch()
    z1, z2 = unit(s.model(x)), unit(s.model(y))
    return torch.sum((z1 - z2) ** 2, dim=1).mean()


@sick
def negative_product_by_hand(s):
    x, y, _ = s.batch()
    z1, z2 = s.model(torch.cat([x, y])).chunk(2)
    z1, z2 = z1 / z1.norm(dim=1, keepdim=True), z2 / z2.norm(dim=1, keepdim=True)
    return -(z1 * z2).sum(dim=-1).mean()


@sick
def simsiam_without_stop_gradient(s):
    x, y, _ = s.batch()
    head = s.own("head", predictor)
    z1, z2 = s.model(x), s.model(y)
    loss = -F.cosine_similarity(head(z1), z2).mean() - F.cosine_similarity(head(z2), z1).mean()
    return loss / 2


@sick
def stop_gradient_without_predictor(s):
    x, y, _ = s.batch()
    z1, z2 = s.model(x), s.model(y)
    return -F.cosine_similarity(z1, z2.detach()).mean() / 2


@sick
def stop_gradient_by_hand_without_predictor(s):
    x, y, _ = s.batch()
    z1, z2 = unit(s.model(x)), unit(s.model(y))
    target = z2.detach()
    return (z1 - target).pow(2).sum(1).mean()


@sick
def one_projector_for_both(s):
    x, y, _ = s.batch()
    head = s.own("head", predictor)
    return F.pairwise_distance(head(s.model(x)), head(s.model(y))).mean()


@sick
def cosine_embedding_loss_of_positives(s):
    x, y, _ = s.batch()
    return F.cosine_embedding_loss(s.model(x), s.model(y), torch.ones(ROWS))


@sick
def hinged_distance(s):
    x, y, _ = s.batch()
    return F.relu(F.pairwise_distance(s.model(x), s.model(y)) - 0.01).mean()


@sick
def terms_in_a_list(s):
    x, y, _ = s.batch()
    z1, z2 = s.model(x), s.model(y)
    terms = [F.l1_loss(z1, z2), 0.1 * F.smooth_l1_loss(z1, z2)]
    return torch.stack(terms).sum()


# Keeps apart


@healthy
def simsiam(s):
    x, y, _ = s.batch()
    head = s.own("head", predictor)
    z1, z2 = s.model(x), s.model(y)
    one = F.cosine_similarity(head(z1), z2.detach())
    other = F.cosine_similarity(head(z2), z1.detach())
    return -(one.mean() + other.mean()) / 2


@healthy
def simsiam_by_hand(s):
    x, y, _ = s.batch()
    head = s.own("head", predictor)
    z1, z2 = s.model(x), s.model(y)
    p, z = unit(head(z1)), unit(z2).detach()
    return -(p * z).sum(dim=1).mean()


@healthy
def byol(s):
    x, y, _ = s.batch()
    head, teacher = s.own("head", predictor), slow(s, s.model)
    with torch.no_grad():
        target = teacher(y)
    return (2 - 2 * F.cosine_similarity(head(s.model(x)), target)).mean()


@healthy
def target_without_gradient(s):
    x, y, _ = s.batch()
    with torch.no_grad():  # by its own weights: these are too few steps to tell
        target = s.model(y)
    return 0.01 * F.mse_loss(s.model(x), target)


@healthy
def slow_teacher_that_is_watched(s):
    x, y, _ = s.batch()
    teacher = slow(s, s.model)
    s.memory["watched"] = {"student": s.model, "teacher": teacher}
    return F.mse_loss(s.model(x), teacher(y).detach())


@healthy
def trainable_teacher_that_is_watched(s):
    x, y, _ = s.batch()
    (teacher,) = s.own("Teacher", lambda: [network()])  # of no optimizer: it rests
    s.memory["watched"] = {"student": s.model, "teacher": teacher}
    return F.mse_loss(s.model(x), teacher(y))


@healthy
def vicreg(s):
    x, y, _ = s.batch()
    z1, z2 = s.model(x), s.model(y)
    apart = F.relu(1 - torch.sqrt(z1.var(0) + 1e-4)).mean()
    apart = apart + F.relu(1 - torch.sqrt(z2.var(0) + 1e-4)).mean()
    return F.mse_loss(z1, z2) + apart


@healthy
def barlow_twins(s):
    x, y, _ = s.batch()
    z1, z2 = s.model(x), s.model(y)
    z1, z2 = (z1 - z1.mean(0)) / z1.std(0), (z2 - z2.mean(0)) / z2.std(0)
    c = z1.T @ z2 / ROWS
    return (c.diagonal() - 1).pow(2).sum() + 0.005 * (c - torch.diag(c.diagonal())).pow(2).sum()


class Whitened(nn.Module):
    """Whitens over the batch what a network gives."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network(8)

    def forward(self, x: Tensor) -> Tensor:
        z = self.net(x)
        z = z - z.mean(0)
        root = torch.linalg.cholesky(z.T @ z / len(z) + 1e-3 * torch.eye(8))
        rows: Tensor = torch.linalg.solve_triangular(root, z.T, upper=False).T
        return rows


@healthy
def w_mse(s):
    s.model = s.own("whitened", Whitened)
    x, y, _ = s.batch()
    return F.mse_loss(s.model(x), s.model(y))


@healthy
def w_mse_outside_the_model(s):
    x, y, _ = s.batch()
    z = s.model(torch.cat([x, y]))[:, :8]
    z = z - z.mean(0)
    root = torch.linalg.cholesky(z.T @ z / len(z) + 1e-3 * torch.eye(8))
    one, other = torch.linalg.solve_triangular(root, z.T, upper=False).T.chunk(2)
    return F.mse_loss(one, other)


@healthy
def dino(s):
    x, y, _ = s.batch()
    centre = s.own("centre", lambda: torch.zeros(OUT))
    teacher = slow(s, s.model)(y)
    centre.mul_(0.9).add_(teacher.mean(0), alpha=0.1)
    target = F.softmax((teacher - centre) / 0.04, dim=-1)
    return -(target * F.log_softmax(s.model(x) / 0.1, dim=-1)).sum(-1).mean()


@healthy
def info_nce_and_a_pull(s):
    x, y, _ = s.batch()
    z1, z2 = s.model(x), s.model(y)
    return info_nce(z1, z2) + F.mse_loss(z1, z2)


@healthy
def uniformity(s):
    x, y, _ = s.batch()
    z1, z2 = unit(s.model(x)), unit(s.model(y))
    apart = torch.pdist(z1).pow(2).mul(-2).exp().mean().log()
    return (z1 - z2).norm(dim=1).pow(2).mean() + apart


@healthy
def positives_and_negatives_in_turn(s):
    x, y, _ = s.batch()
    z1, z2 = s.model(x), s.model(y)
    if s.step % 2:
        return (1 - F.cosine_similarity(z1, z2)).mean()
    return F.relu(F.cosine_similarity(z1, z2.roll(1, 0)) - 0.2).mean()


@healthy
def contrastive_by_label(s):
    x, y, labels = s.batch()
    d = F.pairwise_distance(s.model(x), s.model(y.roll(1, 0)))
    same = (labels == labels.roll(1, 0)).float()
    return (same * d**2 + (1 - same) * F.relu(1 - d) ** 2).mean()


@healthy
def triplet(s):
    x, y, _ = s.batch()
    return nn.TripletMarginLoss()(s.model(x), s.model(y), s.model(y.roll(1, 0)))


@healthy
def cosine_fitted_to_labels(s):
    x, y, labels = s.batch()
    return F.mse_loss(F.cosine_similarity(s.model(x), s.model(y.roll(1, 0))), labels.float())


@healthy
def autoencoder_with_consistency(s):
    x, y, _ = s.batch()
    decoder = s.own("decoder", lambda: nn.Linear(OUT, WIDTH))
    z1, z2 = s.model(x), s.model(y)
    return F.mse_loss(decoder(z1), x) + F.mse_loss(z1, z2)


@healthy
def autoencoder_in_a_backward_of_its_own(s):
    x, y, _ = s.batch()
    decoder = s.own("decoder", lambda: nn.Linear(OUT, WIDTH))
    F.mse_loss(decoder(s.model(x)), x).backward()
    return F.mse_loss(s.model(x), s.model(y))


@healthy
def classifier_with_consistency(s):
    x, y, labels = s.batch()
    head = s.own("classes", lambda: nn.Linear(OUT, 2))
    z1, z2 = s.model(x), s.model(y)
    return F.cross_entropy(head(z1), labels) + F.mse_loss(z1, z2)


@healthy
def r_drop(s):
    x, y, labels = s.batch()
    a, b = s.model(x), s.model(y)
    apart = F.kl_div(F.log_softmax(a, -1), F.softmax(b, -1), reduction="batchmean")
    return F.cross_entropy(a, labels) + apart


@healthy
def distillation(s):
    x, _, _ = s.batch()
    teacher = s.own("fixed", lambda: network().requires_grad_(False))
    return F.mse_loss(s.model(x), teacher(x))


@healthy
def regression(s):
    x, _, _ = s.batch()
    return F.mse_loss(s.model(x), x[:, :OUT].sin())


@healthy
def arc_face(s):
    x, _, labels = s.batch()
    weights = s.own("weights", lambda: nn.Parameter(torch.randn(2, OUT)))
    return F.cross_entropy(16 * F.linear(unit(s.model(x)), unit(weights)), labels)


@healthy
def centre_loss(s):
    x, _, labels = s.batch()
    centres = s.own("centres", lambda: nn.Parameter(torch.randn(2, OUT)))
    head = s.own("classes", lambda: nn.Linear(OUT, 2))
    z = s.model(x)
    return F.cross_entropy(head(z), labels) + 0.01 * (z - centres[labels]).pow(2).sum(1).mean()


@healthy
def value_of_the_next_state(s):
    x, y, _ = s.batch()
    reward = y[:, :1]
    return F.mse_loss(s.model(x), reward + 0.9 * s.model(y).detach())


@healthy
def temporal_ensemble(s):
    x, _, labels = s.batch()
    x = s.own("x", lambda: x)
    before = s.memory.get("before")
    z = s.model(x)
    s.memory["before"] = z.detach()
    return F.mse_loss(z, before) if before is not None else F.cross_entropy(z, labels)


@healthy
def weights_that_are_kept_orthogonal(s):
    layer = nn.Linear(WIDTH, OUT)
    s.model = s.own("orthogonal", lambda: nn.utils.parametrizations.orthogonal(layer))
    x, y, _ = s.batch()
    return F.mse_loss(s.model(x), s.model(y))


@healthy
def batch_norm_of_a_projector(s):
    x, y, _ = s.batch()
    layers = nn.Linear(OUT, OUT), nn.BatchNorm1d(OUT, affine=False)
    head = s.own("head", lambda: nn.Sequential(*layers))
    return F.mse_loss(head(s.model(x)), head(s.model(y)))


@healthy
def link_prediction(s):
    x, y, _ = s.batch()
    z1, z2 = s.model(x), s.model(y)
    near, far = (z1 * z2).sum(1), (z1 * z2.roll(1, 0)).sum(1)
    return -F.logsigmoid(near).mean() - F.logsigmoid(-far).mean()


@healthy
def swav(s):
    x, y, _ = s.batch()
    prototypes = s.own("prototypes", lambda: nn.Linear(OUT, 10, bias=False))
    with torch.no_grad():
        codes = torch.exp(prototypes(unit(s.model(y))) / 0.05)
        for _ in range(3):
            codes = codes / codes.sum(0, keepdim=True)
            codes = codes / codes.sum(1, keepdim=True)
    scores = F.log_softmax(prototypes(unit(s.model(x))) / 0.1, dim=1)
    return -(codes * scores).sum(1).mean()


@healthy
def variance_by_determinant(s):
    x, y, _ = s.batch()
    z1, z2 = s.model(x), s.model(y)
    return F.mse_loss(z1, z2) - torch.logdet(z1.T @ z1 / ROWS + 0.1 * torch.eye(OUT))


@healthy
def labels_every_fifth_step(s):
    x, y, labels = s.batch()
    head = s.own("classes", lambda: nn.Linear(OUT, 2))
    z1, z2 = s.model(x), s.model(y)
    return F.mse_loss(z1, z2) if s.step % 5 else F.cross_entropy(head(z1), labels)


@healthy
def batch_norm_at_the_end(s):
    s.model = s.own("normed", lambda: nn.Sequential(network(), nn.BatchNorm1d(OUT, affine=False)))
    x, y, _ = s.batch()
    return F.mse_loss(s.model(x), s.model(y))
