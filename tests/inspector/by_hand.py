"""Comparisons as people write them by hand, with and without a mistake in them.

A comment ``# met`` marks the line where the operands meet, ``# born`` the line that made them one.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from tests.inspector.programs import Body, Program

SICK: dict[str, Program] = {}
HEALTHY: dict[str, Program] = {}


def sick(kind: str, first: int = 0):
    def add(body: Body) -> Body:
        SICK[body.__name__] = Program(body, kind, first)
        return body

    return add


def healthy(body: Body) -> Body:
    HEALTHY[body.__name__] = Program(body)
    return body


# Products


@sick("same-object")
def product_summed(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return -(a * b).sum(-1).mean()  # met


@sick("same-object")
def product_in_steps(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    product = torch.mul(a, b)  # met
    weighted = product / 0.1 * torch.ones(8, 16)
    return -torch.sum(weighted, dim=1).mean()


@sick("same-object")
def product_by_methods(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return -a.mul(b).mean()  # met


@sick("detached")
def normalised_product(model, x, _y, _memory):
    z = model(x)
    target = z.detach()  # born
    p, t = F.normalize(z, dim=1), F.normalize(target, dim=1)
    return -(p * t).sum(dim=1).mean()  # met


@sick("detached")
def product_with_its_own_data(model, x, _y, _memory):
    z = model(x)
    return -(z * z.detach()).sum(1).mean()  # met


@sick("same-object")
def vector_by_vector(model, x, _y, _memory):
    products = []
    for row in model(x):
        other = row  # born
        products.append(torch.dot(row, other))  # met
    return -torch.stack(products).mean()


@sick("same-object")
def vecdot(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return -torch.linalg.vecdot(a, b).mean()  # met


@sick("same-object")
def einsum_of_rows(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return -torch.einsum("bd,bd->b", a, b).mean()  # met


@sick("same-object")
def einsum_of_a_list(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return -torch.einsum("... c, ... c -> ...", [a, b]).mean()  # met


@sick("same-object")
def tensordot(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return -torch.tensordot(a, b, dims=2) / 8  # met


@sick("same-object")
def batched_matrices(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return -torch.bmm(a[:, None], b[:, :, None]).mean()  # met


@sick("same-object")
def batched_operator(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return -(a.unsqueeze(1) @ b.unsqueeze(2)).mean()  # met


# Differences


@sick("same-object")
def difference_squared(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return ((a - b) ** 2).sum(1).mean() + a.sum()  # met


@sick("equal")
def difference_in_steps(model, x, _y, _memory):
    a = model(x)
    b = a.clone()  # born
    gap = a - b  # met
    return (gap.pow(2).sum(1) + 1e-8).sqrt().mean() + a.sum()


@sick("equal")
def difference_by_itself(model, x, _y, _memory):
    a = model(x)
    b = a.clone()  # born
    gap = torch.sub(a, b)  # met
    return (gap * gap).sum() + a.sum()


@sick("detached")
def length_of_a_difference(model, x, _y, _memory):
    a = model(x)
    b = a.detach()  # born
    return torch.linalg.vector_norm(a - b + 1e-6, dim=1).mean()  # met


@sick("same-object")
def distance_in_a_function(model, x, y, _memory):
    def euclid(p, q):
        return (p - q).norm(dim=1)

    anchor, negative = model(x), model(y)
    positive = anchor  # born
    return F.relu(euclid(anchor, positive) - euclid(anchor, negative) + 1).mean() + anchor.sum()


@sick("stale", first=1)
def difference_to_the_last_batch(model, x, _y, memory):
    z = model(x)
    past = memory.get("past", torch.randn(8, 16))
    loss = (z - past).abs().mean()  # met
    memory["past"] = z.detach()  # born
    return loss


# Tables


@sick("same-object")
def diagonal_of_a_table(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    return -torch.diag(a @ b.T).mean()  # met


@sick("same-object")
def diagonal_of_distances(model, x, y, _memory):
    a, n = model(x), model(y)
    p = a  # born
    near, far = torch.cdist(a, p).diagonal(), torch.cdist(a, n).diagonal()  # met
    return F.relu(near - far + 1).mean() + a.sum()


@sick("same-object")
def diagonal_by_einsum(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    table = torch.einsum("id,jd->ij", a, b)  # met
    return -torch.einsum("ii->i", table).mean()


@sick("same-object")
def diagonal_by_places(model, x, _y, _memory):
    a = model(x)
    b = a  # born
    table = torch.mm(a, b.t()) / 0.1  # met
    return -table[torch.arange(8), torch.arange(8)].mean()


@sick("same-object")
def info_nce(model, x, _y, memory):
    scale = memory.setdefault("scale", nn.Parameter(torch.zeros(())))
    a = model(x)
    b = a  # born
    logits = scale.exp() * (a @ b.T)  # met
    labels = torch.arange(8)
    return F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)


@sick("same-object")
def temperature_on_one_side(model, x, _y, _memory):
    scale = torch.tensor(14.3)
    image = model(x)
    text = image
    logits = scale * image @ text.t()  # met
    return F.cross_entropy(logits, torch.arange(8))


@sick("detached")
def info_nce_of_normalised(model, x, _y, _memory):
    z = model(x)
    key = z.detach()  # born
    logits = F.normalize(z) @ F.normalize(key).T / 0.2  # met
    return F.nll_loss(logits.log_softmax(1), torch.arange(8))


@sick("detached")
def temperature_before_what_has_no_name(model, x, _y, _memory):
    z = model(x)
    key = z.detach()  # born
    logits = 20 * F.normalize(z, dim=-1) @ F.normalize(key, dim=-1).T  # met
    return F.cross_entropy(logits, torch.arange(8))


@sick("equal")
def temperature_on_both_sides(model, x, _y, _memory):
    z = model(x)
    copy = z.clone()  # born
    logits = (3 * F.normalize(z)) @ (F.normalize(copy) / 0.2).T  # met
    return F.cross_entropy(logits, torch.arange(8))


@sick("detached")
def table_by_linear(model, x, _y, _memory):
    z = model(x)
    key = z.detach()  # born
    logits = F.linear(F.normalize(z), F.normalize(key)) / 0.1  # met
    return F.cross_entropy(logits, torch.arange(8))


@sick("equal")
def info_nce_in_another_order(model, x, _y, _memory):
    a = model(x)
    order = torch.randperm(8)
    table = a @ a[order].T  # born
    return F.cross_entropy(table, order.argsort())


@sick("equal")
def halves_of_a_joined_batch(model, x, _y, _memory):
    z1 = model(x)
    z2 = z1.clone()  # born
    z = F.normalize(torch.cat([z1, z2]), dim=1)  # met
    table = (z @ z.T / 0.5).masked_fill(torch.eye(16, dtype=torch.bool), -torch.inf)
    return F.cross_entropy(table, torch.arange(16).roll(8))


@sick("equal")
def halves_of_a_table_that_is_masked(model, x, _y, _memory):
    z1 = model(x)
    z2 = z1.clone()  # born
    z = torch.cat([z1, z2], dim=0)  # met
    table = torch.exp(torch.mm(z, z.t().contiguous()) / 0.5)
    others = table.masked_select(~torch.eye(16, dtype=torch.bool)).view(16, -1)
    return others.sum(1).log().mean()


# Distributions


@sick("detached")
def cross_entropy_of_distributions(model, x, _y, _memory):
    student = model(x)
    teacher = student.detach()  # born
    target = F.softmax((teacher - teacher.mean(0, keepdim=True)) / 0.04, dim=-1)
    return -(target * F.log_softmax(student / 0.1, dim=-1)).sum(-1).mean()  # met


@sick("detached")
def divergence_of_distributions(model, x, _y, _memory):
    student = model(x)
    teacher = student.detach().clone()  # born
    return F.kl_div(student.log_softmax(1), teacher.softmax(1), reduction="batchmean")  # met


# Other ways to make one thing two


@sick("same-object")
def one_list_times_two(model, x, _y, _memory):
    views = [model(x)] * 2  # born
    return (1 - F.cosine_similarity(views[0], views[1])).mean()  # met


@sick("same-object")
def entries_of_a_dictionary(model, x, _y, _memory):
    z = model(x)
    out = {"left": z, "right": z}  # born
    return (1 - F.cosine_similarity(out["left"], out["right"])).mean()  # met


@sick("same-object")
def returned_twice(model, x, _y, _memory):
    left, right = views_of(model, x)
    return (1 - F.cosine_similarity(left, right)).mean()  # met


@sick("same-object")
def returned_under_two_names(model, x, _y, _memory):
    left, right = copies_of(model, x)
    return (1 - F.cosine_similarity(left, right)).mean()  # met


def copies_of(model, x):
    z = model(x)
    other = z
    return z, other


def views_of(model, x):
    z = model(x)
    return z, z


@sick("same-object")
def one_or_the_other(model, x, _y, memory):
    z = model(x)
    other = z if memory is not None else x  # born
    return (1 - F.cosine_similarity(z, other)).mean()  # met


@sick("same-object")
def starred(model, x, _y, _memory):
    z = model(x)
    views = [z, z]  # born
    return (1 - F.cosine_similarity(*views)).mean()  # met


@sick("equal")
def both_normalised(model, x, _y, _memory):
    z1 = model(x)
    z2 = z1  # born
    return (F.normalize(z1, dim=1) * F.normalize(z2, dim=1)).sum(1).mean()  # met


@sick("stale", first=1)
def appended_to_a_list(model, x, _y, memory):
    past = memory.setdefault("past", [])
    z = model(x)
    loss = z.pow(2).mean()
    if past:
        loss = loss + (z - torch.from_numpy(past[-1])).pow(2).mean()  # met
    past.append(z.detach().numpy())  # born
    return loss


# What is meant to be one thing, or is none


@healthy
def lengths(model, x, _y, _memory):
    z = model(x)
    norms = (z * z).sum(1) + z.pow(2).sum(1) + torch.einsum("bd,bd->b", z, z)
    table = (z / 0.1) @ z.T
    return norms.mean() + (z[:, None] @ z[:, :, None]).mean() + table.trace()


@healthy
def lengths_by_a_function(model, x, _y, _memory):
    """As in hyperbolic space, where the length is a product with itself."""

    def product(u, v):
        return (u * v).sum(-1) - 2 * u[..., 0] * v[..., 0]

    z = model(x)
    return product(z, z).mean() - product(z, model(x + 1)).mean()


@healthy
def table_of_distances_by_products(model, x, _y, _memory):
    z = model(x)
    table = z @ z.T
    squares = table.diagonal()
    return (squares[:, None] - 2 * table + squares).clamp(0).sqrt().mean()


@healthy
def covariance_and_moments(model, x, _y, _memory):
    z = model(x)
    centred = z - z.mean(0).expand_as(z)
    variance = (centred * centred).mean(0)
    covariance = centred.T @ centred / 7
    normed = centred / (variance + 1e-5).sqrt()
    return covariance.diagonal().sum() + normed.pow(4).mean() + (z * z).mean(0).sum()


@healthy
def cross_correlation(model, x, y, _memory):
    z1, z2 = model(x), model(y)
    table = z1.T @ z2 / 8
    return (table.diagonal() - 1).pow(2).sum() + (z1 * z2).mean(0).sum()


@healthy
def gates(model, x, _y, memory):
    squeeze = memory.setdefault("squeeze", nn.Linear(16, 16))
    z = model(x)
    swish = z * torch.sigmoid(z)
    left, right = z.chunk(2, dim=1)
    excited = swish * torch.sigmoid(squeeze(z))
    gelu = 0.5 * z * (1 + torch.erf(z / 2**0.5))
    return swish.sum() + (left * right.sigmoid()).sum() + excited.mean() + gelu.sum(1).mean()


@healthy
def weights_that_are_computed(model, x, y, memory):
    hyper = memory.setdefault("hyper", nn.Linear(16, 16))
    proxies = memory.setdefault("proxies", nn.Parameter(torch.randn(5, 16)))
    z = model(x)
    mixed = F.linear(z, hyper(z[:8].T @ z).tanh())
    cosines = 16 * F.linear(F.normalize(mixed), F.normalize(proxies))
    flat = F.linear(z, z.new_ones(4, 16), z.new_zeros(4))
    pull = (model(y) - z).pow(2).mean()
    return F.cross_entropy(cosines, torch.arange(8) % 5) + flat.mean() + pull


@healthy
def attention(model, x, _y, memory):
    heads = memory.setdefault("heads", nn.Linear(16, 48))
    query, key, value = heads(model(x)).chunk(3, dim=1)
    weights = torch.softmax(query @ key.T / 4, dim=1)
    return (weights @ value).sum() + (query * key).sum(1).mean()


@healthy
def recurrent_cell(model, x, y, memory):
    cell = memory.setdefault("cell", nn.Linear(32, 64))
    state = memory_cell = torch.zeros(8, 16)
    for view in (x, y):
        gates = cell(torch.cat([model(view), state], dim=1)).chunk(4, dim=1)
        into, keep, out, new = (gate.sigmoid() for gate in gates)
        memory_cell = keep * memory_cell + into * new
        state = out * torch.tanh(memory_cell)
    return (state * into).sum() + state.mean()


@healthy
def reconstruction_and_likelihood(model, x, _y, _memory):
    z = model(x)
    target, scale = x[:, :16], torch.full((8, 16), 0.5)
    likelihood = (z - target) ** 2 / (2 * scale**2) + scale.log()
    return ((z - target) ** 2).mean() + likelihood.sum(1).mean() + (z - target).abs().mean()


@healthy
def reparametrised(model, x, _y, _memory):
    mean, logarithm = model(x).chunk(2, dim=1)
    sample = mean + torch.randn_like(mean) * (0.5 * logarithm).exp()
    divergence = -0.5 * (1 + logarithm - mean**2 - logarithm.exp()).sum(1).mean()
    return (sample * sample).mean() + divergence


@healthy
def straight_through(model, x, _y, memory):
    codes = memory.setdefault("codes", torch.randn(12, 16))
    z = model(x)
    code = codes[torch.cdist(z.detach(), codes).argmin(1)]
    through = z + (code - z).detach()
    return ((code - z) ** 2).mean() + (through * z).sum(1).mean()


@healthy
def decay_and_pull_to_the_start(model, x, _y, memory):
    starts = memory.setdefault("starts", [p.detach().clone() for p in model.parameters()])
    pull = sum(((p - s) ** 2).sum() for p, s in zip(model.parameters(), starts, strict=True))
    decay = sum((p * p).sum() for p in model.parameters())
    unused = memory.setdefault("unused", nn.Parameter(torch.randn(4, 16)))
    start = memory.setdefault("start", unused.detach().clone())
    rest = ((unused - start) ** 2).sum()
    return model(x).pow(2).mean() + 0.1 * pull + 0.1 * decay + rest


@healthy
def penalty_on_gradients(model, x, _y, _memory):
    x = x.requires_grad_()
    z = model(x)
    (slope,) = torch.autograd.grad(z.sum(), x, create_graph=True)
    return ((slope.norm(2, dim=1) - 1) ** 2).mean() + (slope * slope).sum(1).mean()


@healthy
def pull_to_the_unit_sphere(model, x, _y, _memory):
    z = model(x)
    onto = F.normalize(z, dim=1)
    return ((z - onto) ** 2).sum(1).mean() - (z * onto).sum(1).mean()


@healthy
def distillation(model, x, _y, memory):
    teacher = memory.setdefault("teacher", nn.Linear(20, 16))
    with torch.no_grad():
        target = teacher(x)
    z = model(x)
    soft = -(F.softmax(target / 4, 1) * F.log_softmax(z / 4, 1)).sum(1).mean()
    hard = F.kl_div(F.log_softmax(z, 1), F.softmax(target, 1), reduction="sum")
    return soft + hard + (z - target).pow(2).mean() + F.cross_entropy(z, target.softmax(1))


@healthy
def entropy(model, x, _y, _memory):
    z = model(x)
    p = F.softmax(z, dim=1)
    sharpened = F.softmax(z.detach() / 0.5, dim=1)
    sharper = F.kl_div(z.log_softmax(1), sharpened, reduction="sum")
    curvature = F.kl_div(z.log_softmax(1), F.softmax(z.detach(), 1), reduction="sum")
    plain = -(p * F.log_softmax(z, dim=1)).sum(1).mean() - (p * p.log()).sum()
    return plain + sharper + curvature


@healthy
def units_that_are_silent(model, x, y, _memory):
    a, b = F.relu(model(x) - 100), F.relu(model(y) - 100)
    return (a * b).sum(1).mean() + (a - b).pow(2).mean() + model(x).pow(2).mean()


@healthy
def two_views_by_hand(model, x, y, _memory):
    a, b = model(x), model(y)
    table = F.normalize(a) @ F.normalize(b).T
    near = -(a * b.detach()).sum(1).mean() - torch.diag(table).mean()
    z = torch.cat([a, b])
    halves = F.cross_entropy(z @ z.T - 1e9 * torch.eye(16), torch.arange(16).roll(8))
    return near + halves + F.cross_entropy(table / 0.1, torch.arange(8)) + (a - b).norm(dim=1).sum()


@healthy
def loop_over_all_pairs(model, x, y, _memory):
    views = [model(x), model(y), model(x + y)]
    return torch.stack([(a * b).sum(1) for a in views for b in views]).logsumexp(0).mean()


@healthy
def classes_and_what_is_left_out(model, x, _y, memory):
    """Normalised class weights; rows without a label."""
    weights = memory.setdefault("weights", nn.Parameter(torch.randn(5, 16)))
    targets = torch.tensor([0, 1, 2, 3, 4, -100, -100, 0])
    cosines = F.linear(F.normalize(model(x)), F.normalize(weights))
    by_hand = F.normalize(model(x)) @ F.normalize(weights).T
    focal = (1 - by_hand.softmax(1)) ** 2 * by_hand.log_softmax(1)
    return F.cross_entropy(cosines, targets) + F.cross_entropy(by_hand, targets) - focal.mean()


@healthy
def hardest_rows(model, x, y, _memory):
    z, other = model(x), model(y)
    near = (z.detach() @ other.detach().T).argmax(1)
    mask = torch.tensor([1.0, 0, 1, 1, 0, 1, 1, 1])[:, None].expand(8, 16)
    return (z - other[near]).pow(2).sum(1).mean() + (z * mask * other).sum() + (z * mask).sum()


@healthy
def coupling_layer(model, x, y, _memory):
    scale, shift = model(x).chunk(2, dim=1)
    moved = y[:, :8] * scale.exp() + shift
    return (moved * moved).sum(1).mean() - scale.sum(1).mean() + (moved - y[:, :8]).pow(2).mean()


@healthy
def torch_computes_likelihoods(model, x, _y, _memory):
    """A distribution squares the difference of its mode and its mean."""
    z = model(x)
    bell = torch.distributions.Normal(z, torch.ones_like(z))
    return -bell.log_prob(bell.mean).mean() + z.pow(2).mean()
