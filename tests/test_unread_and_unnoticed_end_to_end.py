"""What was lost before it was read, changed by an alias, or given back, is told; its kin is not."""

from __future__ import annotations

import collections
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.findings import Severity
from tests.small_trainings import ROWS, WIDTH, codes, finding, marked, network, train, view

Body = Callable[[nn.Module, Tensor, dict[str, Any]], Any]
SICK: dict[str, Body] = {}
HEALTHY: dict[str, Body] = {}

frozen: Any = network().requires_grad_(False)
BUFFER, RING = torch.empty(2 * ROWS, WIDTH), torch.empty(2, ROWS, WIDTH)


def sick(body: Body) -> Body:
    SICK[body.__name__] = body
    return body


def healthy(body: Body) -> Body:
    HEALTHY[body.__name__] = body
    return body


def rows_of(x: Tensor) -> Tensor:
    rows = BUFFER[: len(x)]
    rows.copy_(frozen(x))  # fills rows
    return rows


def part_of(x: Tensor) -> Tensor:
    BUFFER[: len(x)] = frozen(x)  # fills part
    return BUFFER[: len(x)]


def product_of(x: Tensor, out: Tensor = RING[0]) -> Tensor:
    hidden = frozen[:3](x)
    return torch.mm(hidden, frozen[3].weight.T, out=out)  # fills product


def spread(z: Tensor) -> Tensor:
    return F.relu(1 - z.std(0)).mean()


def views_of(x: Tensor) -> list[Tensor]:
    return [view(x), view(-x)]


def distances(preds: list[Tensor], targets: Any) -> Any:
    loss: Any = 0.0
    for pred, target in zip(preds, targets, strict=True):
        loss = loss + F.mse_loss(pred, target)
    return loss


@sick
def views_of_a_buffer(model, x, _memory):
    targets = [rows_of(v) for v in views_of(x)]  # by rows
    return distances([model(v) for v in views_of(x)], targets)


@sick
def parts_joined_again(model, x, _memory):
    keys = torch.cat([part_of(v) for v in views_of(x)])  # by part
    z = torch.cat([model(v) for v in views_of(x)])
    return (1 - F.cosine_similarity(z, F.normalize(keys, dim=1))).mean()


@sick
def softened_late(model, x, _memory):
    kept = tuple(part_of(v) for v in views_of(x))  # by part
    soft = [F.softmax((one - 0.1) / 0.5, dim=1) for one in kept]
    logs = [F.log_softmax(model(v), dim=1) for v in views_of(x)]
    return -sum((a * b).sum(1).mean() for a, b in zip(soft, logs, strict=True))


@sick
def one_object_under_two_names(model, x, _memory):
    one = product_of(x)
    other = product_of(-x)  # by product
    z = model(x)
    return (z - one).pow(2).sum(1).mean() + (model(-x) - other).pow(2).sum(1).mean()


@sick
def one_object_in_a_dict(model, x, _memory):
    views = dict(zip("ab", views_of(x), strict=True))
    wanted = {name: product_of(v) for name, v in views.items()}  # by product
    loss: Any = 0.0
    for name in wanted:
        loss = loss + F.smooth_l1_loss(model(views[name]), wanted[name])
    return loss


@sick
def one_object_stacked(model, x, _memory):
    kept = [product_of(v) for v in views_of(x)]  # by product
    return F.l1_loss(torch.stack([model(v) for v in views_of(x)]), torch.stack(kept))


@sick
def centred_under_another_name(model, x, memory):
    z, other = model(x), model(view(x))
    shown = z.detach()
    shown -= shown.mean(0)  # here
    memory["shown"] = shown
    return F.mse_loss(z, other) + spread(other)


@sick
def masked_in_a_store(model, x, memory):
    z, other = model(x), model(view(x))
    memory["z"] = z.data
    memory["z"][memory["z"] > 0.1] = 0.0  # here
    return (F.normalize(z, dim=1) * F.normalize(other, dim=1)).sum(1).mean()


@sick
def result_of_an_alias(model, x, memory):
    z, other = model(x), model(view(x))
    memory.setdefault("all", []).append(z.data.sub_(z.mean(0)))  # here
    return F.pairwise_distance(z, other).mean() + spread(other)


@sick
def noise_given_back(model, x, _memory):
    clean = model(x)
    noisy = clean.add_(0.1 * torch.randn_like(clean))  # here
    one, other = clean.view(ROWS, 4, -1).mean(1), noisy.view(ROWS, 4, -1).mean(1)
    return F.mse_loss(one, other) + spread(noisy)


@sick
def mask_given_back(model, x, _memory):
    z = model(x)
    views = [z.mul_(torch.rand(ROWS, WIDTH) > 0.2) for _ in range(2)]  # here
    return F.mse_loss(views[0], views[1]) + spread(z)


@healthy
def warmed_up(model, x, _memory):
    _ = rows_of(x)
    target = rows_of(view(x))
    return F.mse_loss(model(x), target) + F.mse_loss(model(view(x)), target)


@healthy
def warmed_up_for_several(model, x, _memory):
    for _ in range(3):
        target = product_of(x)
    preds = [model(v) for v in (x, view(x))]
    return sum(F.mse_loss(pred, target) for pred in preds) + distances(preds, [target] * 2)


@healthy
def halves_warmed_up(model, x, _memory):
    def halves(x):
        rows, z = BUFFER[: len(x)], frozen(x)
        rows[:, :8].copy_(z[:, :8])
        rows[:, 8:].copy_(z[:, 8:])
        return rows

    for _ in range(3):
        target = halves(x)
    return F.mse_loss(model(x), target) + F.mse_loss(model(view(x)), target)


@healthy
def best_of_several(model, x, _memory):
    best = BUFFER[:ROWS]
    for _ in range(4):
        best.copy_(frozen(view(x)))
    return F.mse_loss(model(x), best) + F.mse_loss(model(view(x)), best)


@healthy
def read_before_it_is_filled_again(model, x, _memory):
    soft = [F.softmax(rows_of(v), dim=1) for v in views_of(x)]
    kept = [part_of(v).clone() for v in views_of(x)]
    lists = [torch.tensor(product_of(v).tolist()) for v in views_of(x)]
    preds = [model(v) for v in views_of(x)]
    return distances(preds, soft) + distances(preds, kept) + distances(preds, lists)


@healthy
def slots_of_a_ring(model, x, memory):
    held = memory.setdefault("held", collections.deque(maxlen=2))
    for v in views_of(x) * 2:
        at = memory["at"] = 1 - memory.get("at", 0)
        RING[at] = frozen(v)
        held.append(RING[at])
    return distances([model(v) for v in views_of(x)], held)


@healthy
def only_the_last_is_used(model, x, _memory):
    kept = [rows_of(v) for v in (x, -x, view(x))]
    return F.mse_loss(model(x), kept[-1]) + kept[0].shape[0] * model(x).pow(2).mean()


@healthy
def batches_that_are_passed_over(model, x, _memory):
    """A loader gives out one tensor: some batches are left out, and the rest read in turn."""
    staged, loss = BUFFER[:ROWS], spread(model(x))
    for number in range(4):
        product_of(x + number, staged)
        for batch in (staged,):
            if number:
                soft = batch.softmax(1)
                loss = loss + F.mse_loss(model(x), soft) + F.mse_loss(model(-x), batch + 0.0)
    return loss


@healthy
def emptied_and_summed(model, x, _memory):
    total = BUFFER[:ROWS]
    total.zero_()
    for v in views_of(x):
        total.add_(frozen(v), alpha=0.5)
    return F.mse_loss(model(x), total) + F.mse_loss(model(view(x)), total)


@healthy
def addressed_through_data(model, x, _memory):
    z, other = model(x), model(view(x))
    z.data.clamp_(-2, 2)
    z.detach()[:, 0] = 0.5
    other.data /= 1.1
    raw = other.data
    raw.clamp_(-2, 2)
    with torch.no_grad():
        z.clamp_(-1, 1)
    return F.mse_loss(z, other) + spread(z)


@healthy
def a_copy_is_changed(model, x, memory):
    z, other = model(x), model(view(x))
    shown = z.detach().clone()
    shown.sub_(shown.mean(0))
    memory["shown"] = shown
    return F.mse_loss(z, other) + spread(z)


@healthy
def lengths_of_what_is_compared_by_direction(model, x, memory):
    z, other = model(x), model(view(x))
    unit = z.detach()
    unit /= unit.norm(dim=1, keepdim=True)
    memory["unit"] = unit
    return (1 - F.cosine_similarity(z, other)).mean() + spread(other)


@healthy
def weights_through_data(model, x, memory):
    weight = model[0].weight.data
    weight.div_(weight.norm(dim=1, keepdim=True))
    memory["norms"] = weight.norm(dim=1)
    return F.mse_loss(model(x), model(view(x))) + spread(model(x))


@healthy
def masked_copies_given_back(model, x, _memory):
    def drop(states):
        return states.masked_fill_(torch.rand(states.shape) < 0.2, 0.0)

    z = model(x)
    one, other = drop(z.clone()), drop(z.clone())
    z = F.relu(z, inplace=True)
    return F.mse_loss(one, other) + spread(z)


@sick
def given_back_under_another_name(model, x, _memory):
    def halved(states):
        return states.sub_(states.mean(0))  # here

    with torch.no_grad():
        target = model(view(x))
    unit = halved(target)
    z = model(x)
    return F.mse_loss(z, target) + 0.1 * F.l1_loss(z, unit)


def run(body: Body, steps: int = 4) -> Any:
    torch.manual_seed(0)
    watched = network()
    memory: dict[str, Any] = {}
    return train(watched, lambda x: body(watched, x, memory), steps=steps)


def line_of(body: Body) -> int:
    for fills in (rows_of, part_of, product_of):
        name = fills.__name__.partition("_")[0]
        if f"# by {name}" in inspect.getsource(body):
            return marked(fills, f"fills {name}")
    return marked(body, "here")


@pytest.mark.parametrize("name", SICK)
def test_it_is_found_at_once_with_its_line(name: str) -> None:
    diagnosis = run(SICK[name])
    assert diagnosis.primary is not None
    assert diagnosis.primary.code == "CD109"
    found = finding(diagnosis, "CD109")
    assert (found.where.line, found.where.step) == (line_of(SICK[name]), 0)
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize("name", HEALTHY)
def test_what_looks_like_it_is_silent(name: str) -> None:
    assert codes(run(HEALTHY[name], steps=6)) == set()


def test_a_copy_that_was_changed_stays_a_copy() -> None:
    def body(model, x, _memory):
        z = model(x)
        y = z.clone().clamp_(-100, 100)
        return F.mse_loss(z, y) + spread(z)

    assert codes(run(body)) == {"CD104"}


def test_a_second_name_for_what_was_changed_is_one_tensor() -> None:
    def body(model, x, _memory):
        z = model(x)
        z.clamp_(-3, 3)
        y = z
        return F.mse_loss(z, y) + spread(z)

    assert codes(run(body)) == {"CD101"}
