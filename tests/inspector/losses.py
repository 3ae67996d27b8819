"""Losses in the ways people write them, as functions of a model, two views, and labels.

Each is run on healthy rows, where its value at collapse is read from its graph, and then with a
model that gives one vector for everything, where PyTorch itself says what that value is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

ROWS = 12

LossOf = Callable[[Any, Tensor, Tensor], Tensor]
LOSSES: dict[str, LossOf] = {}


def loss(function: LossOf) -> LossOf:
    LOSSES[function.__name__] = function
    return function


def unit(z: Tensor) -> Tensor:
    return F.normalize(z, dim=1)


def same() -> Tensor:
    """Which pairs belong together: a third does not."""
    return (torch.arange(ROWS) % 3 > 0).float()


def places() -> Tensor:
    return torch.arange(ROWS)


@loss
def pull_by_cosine(m, x, y):
    return (1 - F.cosine_similarity(m(x), m(y))).mean()


@loss
def pull_by_mse(m, x, y):
    return F.mse_loss(m(x), m(y))


@loss
def pull_by_hand(m, x, y):
    return (m(x) - m(y)).pow(2).sum(dim=1).mean()


@loss
def pull_by_absolute_difference(m, x, y):
    return torch.abs(m(x) - m(y)).sum(-1).mean()


@loss
def byol(m, x, y):
    return (2 - 2 * (unit(m(x)) * unit(m(y)).detach()).sum(dim=-1)).mean()


@loss
def simsiam(m, x, y):
    z1, z2 = m(x), m(y)
    one, other = F.cosine_similarity(z1, z2.detach()), F.cosine_similarity(z2, z1.detach())
    return -(one.mean() + other.mean()) * 0.5


@loss
def mean_of_norms(m, x, y):
    return torch.linalg.vector_norm(m(x) - m(y), dim=1).mean()


@loss
def triplet(m, x, y):
    return F.triplet_margin_loss(m(x), m(y), m(y.roll(1, 0)), margin=0.3, eps=0.0)


@loss
def triplet_of_cosines(m, x, y):
    def distance(a, b):
        return 1 - F.cosine_similarity(a, b)

    z1, z2, z3 = m(x), m(y), m(y.roll(1, 0))
    return F.triplet_margin_with_distance_loss(z1, z2, z3, distance_function=distance, margin=0.4)


@loss
def triplet_by_hand(m, x, y):
    near, far = F.pairwise_distance(m(x), m(y)), F.pairwise_distance(m(x), m(y.roll(1, 0)))
    return F.relu(near - far + 0.2).mean()


@loss
def triplet_summed(m, x, y):
    z1, z2 = m(x), m(y)
    near, far = (z1 - z2).norm(dim=1), (z1 - z2.roll(1, 0)).norm(dim=1)
    return torch.clamp(0.5 + near - far, min=0).sum()


@loss
def soft_margin_triplet(m, x, y):
    near, far = F.pairwise_distance(m(x), m(y)), F.pairwise_distance(m(x), m(y.roll(1, 0)))
    return F.softplus(near - far).mean()


@loss
def batch_hard_triplet(m, x, y):
    distances = torch.cdist(m(x), m(x))
    same = (torch.arange(ROWS)[:, None] - torch.arange(ROWS)[None, :]) % 3 == 0
    near = (distances * same.float()).max(dim=1).values
    far = (distances + distances.max() * same.float()).min(dim=1).values
    return F.relu(near - far + 0.7).mean()


@loss
def ranking(m, x, y):
    near, far = F.cosine_similarity(m(x), m(y)), F.cosine_similarity(m(x), m(y.roll(1, 0)))
    return F.margin_ranking_loss(near, far, torch.ones(ROWS), margin=0.1)


@loss
def cosine_embedding(m, x, y):
    return F.cosine_embedding_loss(m(x), m(y), 2 * same() - 1, margin=0.1)


@loss
def cosine_embedding_of_positives(m, x, y):
    return F.cosine_embedding_loss(m(x), m(y), torch.ones(ROWS))


@loss
def contrastive(m, x, y):
    distance, target = F.pairwise_distance(m(x), m(y)), same()
    apart = torch.clamp(2.0 - distance, min=0.0).pow(2)
    return torch.mean(target * distance.pow(2) + (1 - target) * apart)


@loss
def clip(m, x, y):
    logits = 14.0 * unit(m(x)) @ unit(m(y)).t()
    return (F.cross_entropy(logits, places()) + F.cross_entropy(logits.t(), places())) / 2


@loss
def info_nce_with_smoothing(m, x, y):
    logits = unit(m(x)) @ unit(m(y)).T / 0.1
    return F.cross_entropy(logits, places(), label_smoothing=0.1)


@loss
def info_nce_summed(m, x, y):
    return F.cross_entropy(m(x) @ m(y).T, places(), reduction="sum")


@loss
def info_nce_of_logarithms(m, x, y):
    return -F.log_softmax(unit(m(x)) @ unit(m(y)).T / 0.1, dim=1).diag().mean()


@loss
def info_nce_by_hand(m, x, y):
    scores = unit(m(x)) @ unit(m(y)).T / 0.2
    return (torch.logsumexp(scores, dim=1) - torch.diagonal(scores)).mean()


@loss
def info_nce_by_nll(m, x, y):
    scores = unit(m(x)) @ unit(m(y)).T / 0.2
    return F.nll_loss(F.log_softmax(scores, dim=1), places())


@loss
def nt_xent(m, x, y):
    z = unit(torch.cat([m(x), m(y)]))
    scores = (z @ z.T / 0.5).masked_fill(torch.eye(2 * ROWS, dtype=torch.bool), -1e9)
    return F.cross_entropy(scores, torch.cat([places() + ROWS, places()]))


@loss
def moco(m, x, y):
    q, k = unit(m(x)), unit(m(y)).detach()
    queue = unit(m(torch.ones(1, x.shape[1]))).detach().expand(40, -1)
    near = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
    far = torch.einsum("nc,kc->nk", q, queue)
    logits = torch.cat([near, far], dim=1) / 0.07
    return F.cross_entropy(logits, torch.zeros(ROWS, dtype=torch.long))


@loss
def siamese_binary(m, x, y):
    scores = F.pairwise_distance(m(x), m(y), eps=0.0)
    return F.binary_cross_entropy_with_logits(scores, same())


@loss
def vicreg(m, x, y):
    z1, z2 = m(x), m(y)
    apart = sum(F.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean() for z in (z1, z2)) / 2
    return 25 * F.mse_loss(z1, z2) + 25 * apart


@loss
def accumulated(m, x, y):
    logits = unit(m(x)) @ unit(m(y)).T / 0.1
    return F.cross_entropy(logits, places()) / 4


@loss
def weighted_terms(m, x, y):
    z1, z2 = m(x), m(y)
    total = 0.3 * F.mse_loss(z1, z2)
    total += 0.7 * F.cross_entropy(unit(z1) @ unit(z2).T, places())
    return total
