"""Small trainings in the ways people write them: what one step does, and where its mistake is.

A comment ``# met`` marks the line where the operands meet, ``# born`` the line that made them one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Body = Callable[[nn.Module, Tensor, Tensor, dict[str, Any]], Tensor]


@dataclass(frozen=True)
class Program:
    """One step of a training: ``body(model, view1, view2, memory) -> loss``.

    ``behind`` is the relation that explains ``kind``, where there is one.
    """

    body: Body
    kind: str = ""
    first: int = 0
    behind: str = ""
    models: Callable[[nn.Module], Any] = field(default=lambda model: model)


SICK: dict[str, Program] = {}
HEALTHY: dict[str, Program] = {}


def sick(kind: str, first: int = 0, behind: str = "") -> Callable[[Body], Body]:
    def add(body: Body) -> Body:
        SICK[body.__name__] = Program(body, kind, first, behind)
        return body

    return add


def healthy(body: Body) -> Body:
    HEALTHY[body.__name__] = Program(body)
    return body


class Pull(nn.Module):
    """A loss as people write them: a module of their own."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (1 - F.cosine_similarity(a, b)).mean()


def pull(a: Tensor, b: Tensor) -> Tensor:
    similarity = F.cosine_similarity(a, b)
    return (1 - similarity).mean()


@sick("same-object")
def one_name_twice(model, x, _y, _memory):
    z = model(x)
    return (1 - F.cosine_similarity(z, z)).mean()  # met


@sick("same-object")
def second_name(model, x, _y, _memory):
    anchor = model(x)
    positive = anchor  # born
    return F.cosine_similarity(
        x1=anchor,
        x2=positive,
    ).mean()


@sick("same-object")
def tuple_assignment(model, x, _y, _memory):
    z = model(x)
    left, right = z, z  # born
    return F.mse_loss(left, right)  # met


@sick("same-object")
def chained_assignment(model, x, _y, _memory):
    left = right = model(x)  # born
    return F.smooth_l1_loss(left, right)  # met


@sick("same-object")
def passed_twice_to_a_module(model, x, _y, _memory):
    z = model(x)
    return Pull()(z, z)  # born


@sick("same-object")
def passed_twice_to_a_function(model, x, _y, _memory):
    z1 = model(x)
    z2 = z1  # born
    return pull(b=z2, a=z1)


@sick("same-object")
def attribute(model, x, _y, memory):
    holder = memory.setdefault("holder", nn.Module())
    holder.left = model(x)
    holder.right = holder.left  # born
    return F.pairwise_distance(holder.left, holder.right).mean()  # met


@sick("same-object")
def no_op_cast(model, x, _y, _memory):
    z = model(x)
    same = z.float()  # born
    return nn.CosineSimilarity()(z, same).mean()  # met


@sick("same-object")
def triplet_of_two(model, x, y, _memory):
    a = model(x)
    p = a  # born
    n = model(y)
    return F.triplet_margin_loss(a, p, n)  # met


@sick("shared-storage")
def full_slice(model, x, _y, _memory):
    z = model(x)
    other = z[:]  # born
    return F.l1_loss(z, other)  # met


@sick("shared-storage")
def chunk_taken_twice(model, x, y, _memory):
    z = model(torch.cat([x, y]))
    left = z.chunk(2)[0]
    right = z.chunk(2)[0]  # born
    return pull(left, right)


@sick("shared-storage")
def numpy_and_back(model, x, _y, _memory):
    z = model(x)
    back = torch.from_numpy(z.detach().numpy())
    return (1 - F.cosine_similarity(z, back)).mean()  # met


@sick("detached")
def detached(model, x, _y, _memory):
    z1 = model(x)
    z2 = z1.detach()  # born
    return (1 - F.cosine_similarity(z1, z2)).mean()  # met


@sick("detached")
def detached_copy(model, x, _y, _memory):
    z1 = model(x)
    z2 = z1.detach().clone()  # born
    return F.huber_loss(z1, z2)  # met


@sick("detached")
def data_attribute(model, x, _y, _memory):
    z = model(x)
    return F.l1_loss(z, z.data)  # met


@sick("detached")
def recomputed_without_gradient(model, x, _y, _memory):
    online = model(x)
    with torch.no_grad():
        target = model(x)
    return F.mse_loss(online, target)  # met


@sick("detached")
def through_a_list(model, x, _y, _memory):
    online = model(x)
    target = torch.tensor(online.tolist())
    return F.mse_loss(online, target)  # met


@sick("equal")
def clone(model, x, _y, _memory):
    z = model(x)
    twin = z.clone()  # born
    return nn.CosineEmbeddingLoss()(z, twin, torch.ones(len(z)))  # met


@sick("equal", behind="same-input")
def same_input_twice(model, x, _y, _memory):
    return F.mse_loss(model(x), model(x))  # met


@sick("equal", behind="same-input")
def comprehension(model, x, _y, _memory):
    left, right = [model(view) for view in (x, x)]
    return torch.dist(left, right)  # met


@sick("scalar-multiple")
def scaled(model, x, _y, _memory):
    z = model(x)
    other = 3 * z  # born
    return -F.cosine_similarity(z, other).mean()  # met


@sick("scalar-multiple")
def negated_and_normalised(model, x, _y, _memory):
    z = model(x)
    other = F.normalize(z)  # born
    return F.cosine_similarity(z, other).mean()  # met


@sick("affine")
def scaled_and_shifted(model, x, _y, _memory):
    z = model(x)
    other = 1 - 2 * z  # born
    return F.mse_loss(z, other)  # met


@sick("affine")
def normalised_by_layer(model, x, _y, _memory):
    z = model(x)
    target = F.layer_norm(z.detach(), (16,))  # born
    return F.smooth_l1_loss(z, target)  # met


@sick("affine")
def mean_of_the_batch_taken_off(model, x, _y, _memory):
    z = model(x)
    centred = z - z.mean(0)  # born
    return F.l1_loss(z, centred)  # met


@sick("stale", first=1)
def last_batch(model, x, _y, memory):
    z = model(x)
    past = memory.get("past", torch.randn(8, 16))
    loss = (1 - F.cosine_similarity(z, past)).mean()  # met
    memory["past"] = z.detach()  # born
    return loss


@sick("stale", first=1)
def first_batch_for_ever(model, x, _y, memory):
    z = model(x)
    if "anchor" not in memory:
        memory["anchor"] = z.detach().clone()  # born
        return z.pow(2).mean()
    return F.mse_loss(z, memory["anchor"])  # met


@sick("detached")
def cut_two_lines_before_it_is_normalised(model, x, _y, _memory):
    online = model(x)
    target = online.detach()  # born
    return F.mse_loss(F.normalize(online), F.normalize(target))  # met


@sick("detached")
def mean_of_tokens(model, x, _y, _memory):
    pooled = model(x)[:, None].expand(-1, 3, -1).mean(dim=1)
    target = pooled.detach()  # born
    return F.mse_loss(pooled, target)  # met


@sick("stale", first=1)
def last_batch_in_a_buffer(model, x, _y, memory):
    store = memory.setdefault("store", torch.zeros(8, 16))
    z = model(x)
    loss = F.mse_loss(z, store.clone())  # met
    store.copy_(z.detach())
    return loss


@sick("stale", first=1)
def last_batch_through_numpy(model, x, _y, memory):
    z = model(x)
    loss = z.pow(2).mean()
    if "past" in memory:
        loss = -F.cosine_similarity(z, torch.tensor(memory["past"])).mean()  # met
    memory["past"] = z.detach().numpy().copy()
    return loss


@healthy
def two_views(model, x, y, _memory):
    return (1 - F.cosine_similarity(model(x), model(y))).mean()


@healthy
def halves_of_one_batch(model, x, y, _memory):
    left, right = model(torch.cat([x, y])).chunk(2)
    return pull(left, right)


@healthy
def all_pairs(model, x, _y, _memory):
    z = model(x)
    table = F.cosine_similarity(z[:, None], z[None], dim=-1)
    return table.mean() + (z @ z.T).mean() + torch.cdist(z, z).mean()


@healthy
def stop_gradient_of_the_other_view(model, x, y, _memory):
    z1, z2 = model(x), model(y)
    one = F.cosine_similarity(z1, z2.detach()).mean()
    return -one - F.cosine_similarity(z2, z1.detach()).mean()


@healthy
def neighbours_in_time(model, x, _y, _memory):
    z = model(x)
    return F.mse_loss(z[:-1], z[1:]) + F.mse_loss(z[::2], z[1::2])


@healthy
def teacher_equal_to_its_student_at_first(model, x, _y, memory):
    teacher = memory.setdefault("teacher", copy.deepcopy(model))
    with torch.no_grad():
        target = teacher(x)
        for slow, fast in zip(teacher.parameters(), model.parameters(), strict=True):
            slow.lerp_(fast, 0.01)
    return F.mse_loss(model(x), target) + model(x).pow(2).mean()


@healthy
def teacher_during_a_warm_up_at_rate_zero(model, x, _y, memory):
    teacher = memory.setdefault("teacher", copy.deepcopy(model))
    memory["optimizer"].param_groups[0]["lr"] = 0.0
    with torch.no_grad():
        target = teacher(x)
    return F.mse_loss(model(x), target)


@healthy
def own_past_for_the_same_inputs(model, _x, _y, memory):
    x = torch.arange(160.0).reshape(8, 20) / 160
    z = model(x)
    target = memory.get("past", torch.zeros(8, 16))
    memory["past"] = z.detach()
    return F.mse_loss(z, target)


@healthy
def fixed_anchors(model, x, _y, memory):
    anchors = memory.setdefault("anchors", torch.randn(8, 16))
    return F.mse_loss(model(x), anchors)


@healthy
def shrink_to_zero(model, x, _y, _memory):
    z = model(x)
    return F.mse_loss(z, torch.zeros_like(z))


@healthy
def reconstruction(model, x, _y, _memory):
    return F.mse_loss(model(x), x[:, :16])


@healthy
def normalised_targets_of_another_view(model, x, y, _memory):
    """As in data2vec: what is predicted is normalised, but of another view."""
    target = F.layer_norm(model(y).detach(), (16,))
    return F.mse_loss(model(x), target)


@healthy
def drawn_to_the_middle(model, x, _y, _memory):
    z = model(x)
    return F.mse_loss(z, z.mean(0, keepdim=True).expand_as(z))


@healthy
def queue_of_negatives(model, x, y, memory):
    queue = memory.setdefault("queue", torch.randn(32, 16))
    q, k = model(x), model(y).detach()
    loss = -F.cosine_similarity(q, k).mean() + torch.logsumexp(q @ queue.T, 1).mean()
    memory["queue"] = torch.cat([k, queue])[:32]
    return loss


@healthy
def collapsed_model(model, x, y, _memory):
    """Everything is equal to everything: that is collapse, and no alias."""
    with torch.no_grad():
        model[-1].weight.zero_()
    return F.mse_loss(model(x), model(y)) + model(x).pow(2).mean()


@healthy
def nearly_collapsed_model(model, x, y, _memory):
    with torch.no_grad():
        model[-1].weight.mul_(1e-7)
    return (1 - F.cosine_similarity(model(x), model(y))).mean()


@healthy
def neighbour_from_a_queue(model, x, y, memory):
    """As in NNCLR: the target is a row of some earlier step, chosen because it is near."""
    queue = memory.setdefault("queue", torch.randn(32, 16))
    z, key = model(x), model(y).detach()
    nearest = queue[(z.detach() @ queue.T).argmax(1)]
    memory["queue"] = torch.cat([key, queue])[:32]
    return -F.cosine_similarity(z, nearest).mean()


@healthy
def own_past_for_other_views_of_the_same_samples(model, _x, _y, memory):
    samples = memory.setdefault("samples", torch.randn(16, 20))
    z = model(samples + 0.1 * torch.randn(16, 20))
    target = memory.get("past", torch.zeros(16, 16))
    memory["past"] = z.detach()
    return F.mse_loss(z, target)


@healthy
def drift_that_is_only_looked_at(model, x, _y, _memory):
    z = model(x)
    with torch.no_grad():
        again = model(x)
        F.cosine_similarity(again, model(x))
    return z.pow(2).mean()


@healthy
def two_methods_of_one_name(model, x, y, _memory):
    def one(z):
        past = z  # an alias in another scope
        return past.sum() * 0

    z, past = model(x), model(y)
    return F.mse_loss(z, past) + one(z)
