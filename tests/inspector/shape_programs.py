"""One step of small trainings whose shapes or dimensions are mistaken, or only look like it.

Each is given the watched encoder, a head that gives one number a row, two views, and the label of
each pair as data sets give it: ``(n, 1)``. A comment ``# here`` marks the line to be named.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS, WIDTH, CLASSES = 12, 16, 5


@dataclass
class Given:
    """What one step has at hand."""

    model: Any
    head: Any
    logits: Any
    view1: Tensor
    view2: Tensor
    y: Tensor
    classes: Tensor
    memory: dict[str, Any]

    @property
    def z1(self) -> Any:
        return self.model(self.view1)

    @property
    def z2(self) -> Any:
        return self.model(self.view2)


Body = Callable[[Given], Any]
SPREAD: dict[str, Body] = {}
ALONG: dict[str, Body] = {}
INNOCENT: dict[str, Body] = {}


def listed(table: dict[str, Body]) -> Callable[[Body], Body]:
    def add(body: Body) -> Body:
        table[body.__name__] = body
        return body

    return add


spread, along, innocent = listed(SPREAD), listed(ALONG), listed(INNOCENT)


def spreading_loss(g: Given) -> Any:
    """Keep the embedding from collapsing, so that nothing else is found."""
    z = F.normalize(g.z1, dim=1)
    return torch.pdist(z).pow(2).mul(-2).exp().mean()


# All pairs where pairs were meant


@spread
def regression_by_function(g: Given) -> Any:
    score = g.head(g.z1).squeeze(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return F.mse_loss(score, g.y)  # here


@spread
def regression_of_a_column(g: Given) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return nn.SmoothL1Loss()(g.head(g.z1), g.y[:, 0])  # here


@spread
def regression_by_hand(g: Given) -> Any:
    target = g.y.view(-1)
    return (g.head(g.z1) - target).pow(2).mean()  # here


@spread
def contrastive_by_hand(g: Given) -> Any:
    d = F.pairwise_distance(g.z1, g.z2)
    near = g.y * d.pow(2)  # here
    return (near + (1 - g.y) * F.relu(1 - d).pow(2)).mean()


@spread
def contrastive_of_unsqueezed_labels(g: Given) -> Any:
    label = g.y.squeeze(1).unsqueeze(1)  # made
    d = (g.z1 - g.z2).norm(dim=1)
    pull = (1 - label) * torch.square(d)  # here
    push = label * torch.clamp(2.0 - d, min=0.0) ** 2
    return 0.5 * torch.mean(pull + push)


@spread
def contrastive_of_labels_unsqueezed_inline(g: Given) -> Any:
    label = g.y[:, 0]
    d = F.pairwise_distance(g.z1, g.z2)
    near = label.unsqueeze(1) * d.pow(2)  # here
    return (near + (1 - label.unsqueeze(1)) * F.relu(1 - d).pow(2)).mean()


@spread
def cosine_against_labels(g: Given) -> Any:
    s = F.cosine_similarity(g.z1, g.z2)
    return torch.mean((s - g.y) ** 2)  # here


@spread
def weights_of_a_column(g: Given) -> Any:
    each = (g.z1 - g.z2).pow(2).sum(1)
    return (g.y.abs() * each).sum() / len(each)  # here


@spread
def margin_of_one_kept_dimension(g: Given) -> Any:
    positive = F.pairwise_distance(g.z1, g.z2)
    negative = F.pairwise_distance(g.z1, g.z2.roll(1, 0), keepdim=True)  # made
    return F.relu(positive - negative + 1.0).mean()  # here


@spread
def rewards_in_a_column(g: Given) -> Any:
    """What is given is all pairs already, before a value of each row is held against it."""
    goal = g.y + 0.9 * g.classes.float()  # here
    return (goal - g.head(g.z1).squeeze(1)).square().mean()


@spread
def rewards_in_a_column_and_a_loss_of_torch(g: Given) -> Any:
    goal = g.classes.float() - g.y  # here
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return F.smooth_l1_loss(g.head(g.z1).squeeze(1), goal)


@spread
def chosen_by_labels(g: Given) -> Any:
    d = F.pairwise_distance(g.z1, g.z2)
    return torch.where(g.y > 0.5, d, F.relu(1 - d)).mean()  # here


@spread
def cosine_of_one_step_sequences(g: Given) -> Any:
    sequence = g.memory.setdefault("rnn", nn.GRU(WIDTH, WIDTH, batch_first=True))
    one, _ = sequence(g.z1[:, None])  # made
    return 1 - F.cosine_similarity(one, g.z2, dim=-1).mean()  # here


@spread
def labels_on_a_matrix(g: Given) -> Any:
    d = torch.cdist(g.z1, g.z2)
    y = g.y[:, 0]
    return (y * d.pow(2) + (1 - y) * F.relu(1 - d).pow(2)).mean()  # here


@spread
def matrix_against_labels(g: Given) -> Any:
    scores = F.normalize(g.z1) @ F.normalize(g.z2).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return F.mse_loss(scores, g.y[:, 0])  # here


@spread
def chosen_along_a_matrix(g: Given) -> Any:
    d = torch.cdist(g.z1, g.z2)
    return torch.where(g.y[:, 0] == 1, d.pow(2), F.relu(1 - d).pow(2)).mean()  # here


@spread
def triplets_of_matrices(g: Given) -> Any:
    anchor, positive, negative = g.z1, g.z2, g.z2.roll(1, 0)
    near, far = torch.cdist(anchor, positive), torch.cdist(anchor, negative)  # here
    return F.relu(near - far + 0.5).mean()


@spread
def centres_of_labels_from_a_table(g: Given) -> Any:
    table = g.memory.setdefault("table", nn.Embedding(CLASSES, WIDTH))
    own = table(g.classes)
    return F.pairwise_distance(g.z1.unsqueeze(1), own).pow(2).mean()  # here


@spread
def centres_of_labels_by_hand(g: Given) -> Any:
    centres = g.memory.setdefault("centres", torch.randn(CLASSES, WIDTH))
    own = centres[g.classes]
    return (g.z1[:, None] - own).pow(2).sum(-1).mean()  # here


@spread
def bpr_of_products(g: Given) -> Any:
    user = g.z1
    gap = user @ g.z2.T - user @ g.model(g.view2.roll(1, 0)).T  # here
    return -F.logsigmoid(gap).mean()


@spread
def focal_weight_of_a_column(g: Given) -> Any:
    logits = g.logits(g.z1)
    each = F.cross_entropy(logits, g.classes, reduction="none")
    sure = logits.softmax(1).gather(1, g.classes[:, None])  # made
    return ((1 - sure) ** 2 * each).mean()  # here


# Along the batch where rows were meant


@along
def normalized_along_the_batch(g: Given) -> Any:
    a, b = F.normalize(g.z1, dim=0), F.normalize(g.z2, dim=0)  # here
    return F.cross_entropy(a @ b.T / 0.2, torch.arange(ROWS))


@along
def divided_by_lengths_of_columns(g: Given) -> Any:
    z1, z2 = g.z1, g.z2
    a = z1 / z1.norm(dim=0, keepdim=True)  # here
    b = z2 / z2.norm(dim=0, keepdim=True)
    return (1 - F.cosine_similarity(a, b)).mean()


@along
def divided_by_the_length_of_all(g: Given) -> Any:
    z1, z2 = g.z1, g.z2
    a = z1 / z1.norm()  # here
    return F.cross_entropy(a @ (z2 / z2.norm()).T / 0.2, torch.arange(ROWS))


@along
def cosine_along_the_batch(g: Given) -> Any:
    return 1 - F.cosine_similarity(g.z1, g.z2, dim=0).mean()  # here


@along
def cosine_module_along_the_batch(g: Given) -> Any:
    s = nn.CosineSimilarity(dim=0)(F.normalize(g.z1), F.normalize(g.z2))  # here
    return (1 - s).mean()


@along
def distance_along_the_batch(g: Given) -> Any:
    a, p = g.z1, g.z2
    near = (a - p).norm(dim=0)  # here
    far = torch.norm(a - p.roll(1, 0), dim=0)
    return F.relu(near - far + 1.0).mean()


@along
def distance_by_hand_along_the_batch(g: Given) -> Any:
    near = (g.z1 - g.z2).pow(2).sum(0).sqrt()
    return F.relu(near - 1.0).mean()


@along
def cosine_by_hand_along_the_batch(g: Given) -> Any:
    a, b = g.z1, g.z2
    s = (a * b).sum(dim=0) / (a.norm(dim=0) * b.norm(dim=0))  # here
    return (1 - s).mean()


@along
def log_softmax_along_the_batch(g: Given) -> Any:
    return F.nll_loss(F.log_softmax(g.memory["classifier"](g.view1), dim=0), g.classes)  # here


@along
def softmax_module_along_the_batch(g: Given) -> Any:
    p = nn.Softmax(dim=0)(g.memory["classifier"](g.view1))  # here
    return F.nll_loss(torch.log(p), g.classes)


@along
def cross_entropy_by_hand(g: Given) -> Any:
    logs = g.memory["classifier"](g.view1).log_softmax(0)  # here
    return -(F.one_hot(g.classes, CLASSES).float() * logs).sum(1).mean()


@along
def distilled_along_the_batch(g: Given) -> Any:
    student = F.log_softmax(g.memory["classifier"](g.view1), dim=0)  # here
    teacher = torch.softmax(g.memory["classifier"](g.view2).detach(), dim=1)
    return F.kl_div(student, teacher, reduction="batchmean")


@along
def layer_norm_of_all(g: Given) -> Any:
    z = g.z1
    a = F.layer_norm(z, z.shape)  # here
    return (1 - F.cosine_similarity(a, g.z2)).mean()


@along
def positions_soft_maxed_along_the_first(g: Given) -> Any:
    """Three dimensions and none named: PyTorch takes the first."""
    logits = g.memory["classifier"](g.view1.view(4, 3, 20))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = F.softmax(logits)  # here
    return F.nll_loss(p.log().view(-1, CLASSES), g.classes)


@along
def picked_along_the_batch(g: Given) -> Any:
    logs = torch.log_softmax(g.memory["classifier"](g.view1), 0)  # here
    return -logs[range(ROWS), g.classes].mean() - logs.gather(1, g.classes[:, None]).mean()


@along
def products_of_what_was_normalized_along_the_batch(g: Given) -> Any:
    a, b = F.normalize(g.z1, dim=0), F.normalize(g.z2, dim=0)  # here
    return (1 - (a * b).sum(dim=1)).mean()


@along
def halves_compared_along_the_batch(g: Given) -> Any:
    a, b = g.model(torch.cat([g.view1, g.view2])).chunk(2)
    return 1 - F.cosine_similarity(a, b, dim=0).mean()  # here


# What only looks like it


@innocent
def wanted_margins_of_every_two(g: Given) -> Any:
    score, grade = g.head(g.z1).squeeze(1), g.classes.float()[:, None]
    wanted = grade - grade.squeeze(1)
    return (wanted - (score[:, None] - score[None])).square().mean()


@innocent
def given_pairs_that_nothing_of_a_row_meets(g: Given) -> Any:
    near = (g.y - g.classes.float()).abs().neg().exp()
    return (near * torch.cdist(g.z1, g.z2)).mean() + near.mean()


@innocent
def given_pairs_less_a_number_of_each_row(g: Given) -> Any:
    """A cost of every two; what learns is taken off as a column, and as a row."""
    cost = (g.y - torch.randn(ROWS)).abs()
    f = g.head(g.z1)
    return F.softplus(f + f.T - cost).mean() - f.mean()


@along
def scaled_after_it_was_normalized(g: Given) -> Any:
    scale = g.memory.setdefault("scale", torch.tensor(2.3, requires_grad=True))
    one, other = F.normalize(g.z1, dim=0), F.normalize(g.z2, dim=0)  # here
    return F.cross_entropy(scale.exp() * one @ other.T, torch.arange(ROWS))


@along
def targets_of_a_teacher_over_the_batch(g: Given) -> Any:
    with torch.no_grad():
        goal = (g.z2 / 0.04).softmax(0)  # here
    return -(goal * F.log_softmax(g.z1, dim=1)).sum(1).mean()


@along
def soft_labels_over_the_batch(g: Given) -> Any:
    goal = torch.softmax(g.z2.detach(), dim=0)  # here
    return F.cross_entropy(g.z1, goal)


@along
def views_normalized_along_the_views(g: Given) -> Any:
    both = torch.stack([g.view1, g.view2], dim=1)
    z = F.normalize(g.model(both))  # here
    return F.cross_entropy(z[:, 0] @ z[:, 1].T / 0.2, torch.arange(ROWS))


@along
def views_divided_by_lengths_along_the_batch(g: Given) -> Any:
    z = g.model(torch.stack([g.view1, g.view2], dim=1))
    z = z / z.norm(dim=0, keepdim=True)  # here
    one, other = z.unbind(1)
    return (1 - F.cosine_similarity(one, other)).mean() + (one @ other.T).exp().mean()


@innocent
def targets_that_sum_to_one_again(g: Given) -> Any:
    with torch.no_grad():
        goal = F.softmax(g.z2, dim=0)
        goal = goal / goal.sum(1, keepdim=True)
    return -(goal * F.log_softmax(g.z1, dim=1)).sum(1).mean()


@innocent
def channels_first_normalized(g: Given) -> Any:
    z = g.model(torch.stack([g.view1, g.view2], dim=1)).transpose(1, 2)
    z = F.normalize(z, dim=1)
    return F.cross_entropy(z[..., 0] @ z[..., 1].T / 0.2, torch.arange(ROWS))


@innocent
def views_normalized_one_by_one(g: Given) -> Any:
    z = g.model(torch.stack([g.view1, g.view2], dim=1))
    z = F.normalize(z / z.norm(dim=0, keepdim=True), dim=-1)
    both = z.transpose(0, 1).flatten(0, 1)
    return (both @ both.T).exp().mean()


@innocent
def distances_to_all_centres(g: Given) -> Any:
    centres = g.memory.setdefault("proxies", torch.randn(ROWS, WIDTH, requires_grad=True))
    d = (g.z1[:, None] - centres).pow(2).sum(-1)
    return F.cross_entropy(-d, torch.arange(ROWS)) + 0.1 * d.mean()


@innocent
def candidates_in_the_batch_from_a_table(g: Given) -> Any:
    table = g.memory.setdefault("items", nn.Embedding(CLASSES, WIDTH))
    scores = (g.z1.unsqueeze(1) * table(g.classes)).sum(-1)
    return F.cross_entropy(scores, torch.arange(ROWS))


@innocent
def outer_difference_of_scores(g: Given) -> Any:
    s = g.head(g.z1).squeeze(1)
    return F.softplus(s[:, None] - s[None, :]).mean()


@innocent
def outer_difference_with_one_none(g: Given) -> Any:
    s, t = g.head(g.z1).squeeze(1), g.head(g.z2).squeeze(1)
    return F.logsigmoid(s.unsqueeze(1) - t).mean() + (s - s.view(-1, 1)).pow(2).mean()


@innocent
def areas_under_curves(g: Given) -> Any:
    s = g.head(g.z1).view(-1)
    above, below = s[: ROWS // 2], s[ROWS // 2 :]
    return (1 - (above.unsqueeze(1) - below)).pow(2).mean()


@innocent
def maximum_mean_discrepancy(g: Given) -> Any:
    x, y = g.z1, g.z2
    x2, y2 = x.pow(2).sum(1, keepdim=True), y.pow(2).sum(1)
    one = torch.exp(-torch.addmm(x2 + y2, x, y.T, alpha=-2)).mean()
    other = x2 + y2
    other.addmm_(x, y.T, alpha=-2)
    return one + other.mean()


@innocent
def ordinal_thresholds(g: Given) -> Any:
    """As many thresholds as rows: they belong to classes, not to rows."""
    cut = g.memory.setdefault("cut", torch.zeros(ROWS, requires_grad=True))
    levels = (torch.arange(ROWS)[None] < g.classes[:, None]).float()
    return (
        F.binary_cross_entropy_with_logits(g.head(g.z1) + cut, levels)
        + (g.head(g.z2) - cut).pow(2).mean()
    )


@innocent
def one_dimensional_embeddings(g: Given) -> Any:
    s = g.head(g.z1)
    return torch.exp(-(s - s.squeeze(1)).pow(2)).mean() + (s - s[:, 0]).abs().mean()


@innocent
def other_numbers_at_the_same_line(g: Given) -> Any:
    """Now and then there are as many anchors as rows."""
    g.memory["step"] = g.memory.get("step", 0) + 1
    count = ROWS if g.memory["step"] in (1, 3) else 5
    anchors = torch.linspace(0, 1, count).view(-1, 1).clone()
    s = g.head(g.z1).squeeze(1)
    return (s - anchors).pow(2).mean()


@innocent
def ranking_by_labels(g: Given) -> Any:
    s, y = g.head(g.z1), g.y
    wanted = (y - y.T).sign()
    return (wanted * F.softplus(s.T - s)).mean()


@innocent
def bpr(g: Given) -> Any:
    positive, negative = (g.z1 * g.z2).sum(1), (g.z1 * g.z2.roll(1, 0)).sum(1)
    return -F.logsigmoid(positive - negative).mean()


@innocent
def distances_from_squares(g: Given) -> Any:
    """As nearest neighbours and vector quantisation are written: (n, 1) + (n,) - 2 (n, n)."""
    x, y = g.z1, g.z2
    d = x.pow(2).sum(1, keepdim=True) + y.pow(2).sum(1) - 2 * x @ y.T
    return d.clamp(min=0).mean() + torch.exp(-d).mean()


@innocent
def kernel_of_two_batches(g: Given) -> Any:
    d = (g.z1[:, None] - g.z2[None]).pow(2).sum(-1)
    return torch.exp(-d / 2).mean()


@innocent
def all_pairs_by_cosine(g: Given) -> Any:
    z = g.z1
    s = F.cosine_similarity(z[:, None], g.z2[None], dim=-1) + F.cosine_similarity(
        z.unsqueeze(1), g.z2, dim=-1
    )
    return s.logsumexp(1).mean() + s.mean()


@innocent
def centre_and_weights(g: Given) -> Any:
    z, centre = g.z1, g.memory.setdefault("centre", torch.randn(1, WIDTH))
    return (g.y * (z - centre) * (z - centre[0])).mean() + F.mse_loss(z * g.y, g.z2)


@innocent
def equal_labels_as_a_mask(g: Given) -> Any:
    labels = g.classes.view(-1, 1)
    mask = (labels == labels.T).float()
    d = torch.cdist(g.z1, g.z2)
    return (mask * d.pow(2) + (1 - mask) * F.relu(1 - d).pow(2)).mean()


@innocent
def weights_of_candidates(g: Given) -> Any:
    d = torch.cdist(g.z1, g.z2)
    weight = g.y[:, 0]
    corrected = -d - weight.clamp(min=0.1).log()
    return (weight * d).mean() + F.cross_entropy(corrected, torch.arange(ROWS))


@innocent
def regression_of_fitting_shapes(g: Given) -> Any:
    s = g.head(g.z1)
    one = F.mse_loss(s, g.y) + F.smooth_l1_loss(s.squeeze(1), g.y.squeeze(1))
    return one + (s - g.y).pow(2).mean() + (s.view(-1) - g.y.view(-1)).abs().mean()


@innocent
def quantiles(g: Given) -> Any:
    """QR-DQN: every quantile is held against every target."""
    quantile, target = g.z1[:, :8], g.z2[:, :8].detach()
    u = target.unsqueeze(1) - quantile.unsqueeze(2)
    tau = (torch.arange(8) + 0.5) / 8
    return ((tau.view(1, -1, 1) - (u < 0).float()).abs() * u.abs()).sum(1).mean()


@innocent
def soft_thresholds(g: Given) -> Any:
    """As many thresholds as rows, all of them for all rows."""
    s, t = g.head(g.z1).squeeze(1), torch.linspace(-1, 1, ROWS)
    return torch.sigmoid(s - t[:, None]).mean() + torch.sigmoid(s[:, None] - t).mean()


@innocent
def valid_candidates(g: Given) -> Any:
    d = torch.cdist(g.z1, g.z2)
    return (
        torch.where(g.y[:, 0] == 1, d, torch.zeros_like(d)).mean()
        + torch.where(g.y[:, 0] == 1, d, 0.0).mean()
    )


@innocent
def relations_distilled(g: Given) -> Any:
    """Matrices are held against each other entry by entry, as those of student and teacher are."""
    a, b = g.z1, g.z2
    one, other = torch.cdist(a, b), torch.cdist(g.z1.detach(), g.z2.detach())
    masked = F.relu(one - torch.cdist(a, g.z2) + 1) * (1 - torch.eye(ROWS))
    return (one - other).abs().mean() + F.smooth_l1_loss(one, other) + masked.mean()


@innocent
def energy_distance(g: Given) -> Any:
    x, y = g.z1, g.z2
    between, within = torch.cdist(x, y), torch.cdist(x, g.z1)  # drawn anew
    return (between - within).mean()


@innocent
def hardest_in_the_batch(g: Given) -> Any:
    a, p = g.z1, g.z2
    d = torch.cdist(a, p)
    far = (d + 1e3 * torch.eye(ROWS)).min(1).values
    every = F.relu(d.diagonal()[:, None] - d + 0.5) * (1 - torch.eye(ROWS))
    return F.relu(d.diag() - far + 0.5).mean() + every.mean()


@innocent
def one_condition_for_a_matrix(g: Given) -> Any:
    d = torch.cdist(g.z1, g.z2)
    return torch.where(g.y.sum() > -1, d, F.relu(1 - d)).mean()


@innocent
def kernel_regression(g: Given) -> Any:
    weight = torch.exp(-torch.cdist(g.z1, g.z2))
    target = g.y[:, 0]
    return ((weight * target).sum(1) / weight.sum(1) - target).pow(2).mean()


@innocent
def a_distance_metric_beside(g: Given) -> Any:
    with torch.no_grad():
        g.memory["drift"] = (g.head(g.z1) - g.y[:, 0]).abs().mean()
        g.memory["columns"] = F.cosine_similarity(g.z1, g.z2, dim=0).mean()
    return spreading_loss(g)


@innocent
def cross_correlation(g: Given) -> Any:
    """Barlow Twins: normalised along the batch, and multiplied along it."""
    a = F.normalize(g.z1 - g.z1.mean(0), dim=0)
    b = F.normalize(g.z2, dim=0)
    matrix = a.T @ b
    return (matrix - torch.eye(WIDTH)).pow(2).mean() + (F.normalize(g.z1, dim=0) * b).sum(0).mean()


@innocent
def correlation_of_columns(g: Given) -> Any:
    a, b = g.z1 - g.z1.mean(0), g.z2 - g.z2.mean(0)
    return (1 - F.cosine_similarity(a, b, dim=0)).pow(2).mean()


@innocent
def deviations_by_hand(g: Given) -> Any:
    z = g.z1
    mean = z.mean(0, keepdim=True).expand(ROWS, WIDTH)
    spread = (z - mean).pow(2).sum(0).sqrt() + (z - mean).norm(dim=0)
    return spread.mean() + ((g.z1 - g.z2) ** 2).mean(0).sqrt().mean()


@innocent
def samples_and_classes_distilled(g: Given) -> Any:
    one, other = g.memory["classifier"](g.view1), g.memory["classifier"](g.view2).detach()
    rows = F.kl_div(
        F.log_softmax(one / 2, dim=1), F.softmax(other / 2, dim=1), reduction="batchmean"
    )
    columns = F.log_softmax(one / 2, dim=0), F.softmax(other / 2, dim=0)
    return rows + F.kl_div(*columns, reduction="batchmean")


@innocent
def rows_and_columns_aligned(g: Given) -> Any:
    a, b = g.z1, g.z2
    rows, columns = F.cosine_similarity(a, b, dim=1), F.cosine_similarity(a, b, dim=0)
    return 2 - rows.mean() - columns.mean()


@innocent
def batch_statistics(g: Given) -> Any:
    z = g.z1
    spread = F.relu(1 - (z - z.mean(0)).norm(dim=0) / ROWS**0.5).mean()
    pull = ((z - g.z2) ** 2).mean(0).sum() + (z * g.z2).sum(0).mean()
    return spread + pull + F.mse_loss(z, g.z2)


@innocent
def standardized(g: Given) -> Any:
    a, b = (F.batch_norm(z, None, None, training=True) / ROWS**0.5 for z in (g.z1, g.z2))
    return F.mse_loss(a, b)


@innocent
def features_first(g: Given) -> Any:
    a, b = g.z1.T, g.z2.T
    similar = F.cosine_similarity(a, b, dim=0)
    return (1 - similar).mean() + (F.normalize(a, dim=0).T @ F.normalize(b, dim=0)).pow(2).mean()


@innocent
def pairs_of_single_vectors(g: Given) -> Any:
    a, b = g.z1, g.z2
    apart = sum((1 - F.cosine_similarity(u, v, dim=0) for u, v in zip(a, b, strict=True)))
    first, last = g.model[0].weight[:16, :16], g.model[2].weight[:16, :16]
    return apart + F.cosine_similarity(first.flatten(), last.flatten(), dim=0)


@innocent
def both_directions(g: Given) -> Any:
    """CLIP."""
    s = F.normalize(g.z1) @ F.normalize(g.z2).T / 0.2
    rows, columns = F.log_softmax(s, dim=1), F.log_softmax(s, dim=0)
    labels = torch.arange(ROWS)
    return -(rows.diag() + columns.diag()).mean() + F.nll_loss(columns.T, labels)


@innocent
def codes_by_sinkhorn(g: Given) -> Any:
    """SwAV, with the network's scores of prototypes."""
    one, other = g.memory["classifier"](g.view1), g.memory["classifier"](g.view2)
    with torch.no_grad():
        q = torch.exp(other / 0.5)
        for _ in range(3):
            q = q / q.sum(0, keepdim=True)
            q = q / q.sum(1, keepdim=True)
    return -(q * F.log_softmax(one / 0.1, dim=1)).sum(1).mean()


@innocent
def softmax_over_samples(g: Given) -> Any:
    """Importance weights, and attention over time in front."""
    weight = F.softmax(g.head(g.z1), dim=0) * F.softmax(g.head(g.z1).squeeze(1), dim=0)[:, None]
    sequence = g.z1.view(4, 3, WIDTH)
    pooled = (F.softmax(g.head(sequence), dim=0) * sequence).sum(0)
    return (weight * g.z2).sum() + pooled.pow(2).mean()


@innocent
def prototypes(g: Given) -> Any:
    table = g.memory.setdefault("table", torch.randn(CLASSES, WIDTH))
    centred = F.normalize(table, dim=0)
    return F.cross_entropy(g.z1 @ centred.T, g.classes)


@innocent
def expert_choice(g: Given) -> Any:
    """Each expert takes its tokens: probabilities over the batch, on purpose."""
    shares = F.softmax(g.memory["classifier"](g.view1), dim=0)
    taken = shares.topk(3, dim=0).values
    return (shares.sum(1) * g.z1.pow(2).sum(1)).mean() + taken.pow(2).mean()


# Formulas by which one of two applies


@spread
def huber_by_hand(g: Given) -> Any:
    error = g.head(g.z1).squeeze(1) - g.y  # here
    loss = torch.where(error.abs() < 1, error**2 / 2, error.abs() - 0.5).mean()
    return loss + spreading_loss(g)


@spread
def pinball_by_hand(g: Given) -> Any:
    error = g.y - g.head(g.z1)[:, 0]  # here
    return torch.where(error.ge(0), 0.9 * error, -0.1 * error).sum() + spreading_loss(g)


@innocent
def huber_of_one_shape(g: Given) -> Any:
    error = g.head(g.z1) - g.y
    loss = torch.where(error.abs() < 1, error**2 / 2, error.abs() - 0.5).mean()
    return loss + spreading_loss(g)


@innocent
def near_pairs_on_purpose(g: Given) -> Any:
    score = g.head(g.z1).squeeze(1)
    apart = score[:, None] - score[None]
    loss = torch.where(apart.abs() < 0.2, apart, torch.zeros_like(apart)).pow(2).mean()
    return loss + spreading_loss(g)


# One side of all pairs, repeated along the dimension of the comparison


@along
def all_pairs_by_the_default_dimension(g: Given) -> Any:
    scores = F.cosine_similarity(g.z1[:, None], g.z2[None])  # here
    return F.cross_entropy(scores, torch.arange(len(scores)))


@along
def all_pairs_by_a_module(g: Given) -> Any:
    scores = nn.CosineSimilarity(dim=0)(g.z1.unsqueeze(0), g.z2.unsqueeze(1))  # here
    return scores.pow(2).mean()


@innocent
def all_pairs_by_the_last_dimension(g: Given) -> Any:
    scores = F.cosine_similarity(g.z1[:, None], g.z2[None], dim=-1)
    return F.cross_entropy(scores, torch.arange(len(scores)))


@innocent
def words_of_one_row_by_their_places(g: Given) -> Any:
    one, other = (z.reshape(-1, 4, 4) for z in (g.z1, g.z2))
    return F.cosine_similarity(one, other).mean() + spreading_loss(g)
