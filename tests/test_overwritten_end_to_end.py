"""What was written over after it was made is told with the line that wrote; use in place is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.small_trainings import ROWS, WIDTH, codes, finding, marked, network, train, view

Body = Callable[[nn.Module, Tensor, dict[str, Any]], Any]
SICK: dict[str, tuple[Body, Callable[[], nn.Module], set[str]]] = {}
HEALTHY: dict[str, tuple[Body, Callable[[], nn.Module]]] = {}


def sick(*beside: str, model: Callable[[], nn.Module] = network) -> Callable[[Body], Body]:
    def add(body: Body) -> Body:
        SICK[body.__name__] = body, model, {"CD109", *beside}
        return body

    return add


def healthy(model: Callable[[], nn.Module] = network) -> Callable[[Body], Body]:
    def add(body: Body) -> Body:
        HEALTHY[body.__name__] = body, model
        return body

    return add


class Buffered(nn.Module):
    """Returns one buffer, which each forward pass fills anew."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()
        self.buffer = torch.zeros(ROWS, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        self.buffer = self.buffer.detach()
        self.buffer[:] = self.net(x)  # fills
        return self.buffer


class Frozen(nn.Module):
    """A feature extractor as it is used for inference: its output buffer is allocated once."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.weight = torch.randn(20, WIDTH) / 4
        self.scale = nn.Parameter(torch.ones(WIDTH))
        self.out = torch.empty(ROWS, WIDTH)
        self.array = np.empty((ROWS, WIDTH), np.float32)
        self.how = how

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            if self.how == "numpy":
                self.array[...] = (x @ self.weight).numpy()
                return torch.from_numpy(self.array)
            if self.how == "out":
                return torch.mm(x, self.weight, out=self.out)
            self.out.copy_(x @ self.weight)
            return self.out.view(ROWS, WIDTH)


class Slots(nn.Module):
    """Fills the slots of one large buffer in turn: no output is written over while it is used."""

    def __init__(self) -> None:
        super().__init__()
        self.net = network()
        self.ring = torch.zeros(8, ROWS, WIDTH)
        self.next = 0

    def forward(self, x: Tensor) -> Tensor:
        self.ring = self.ring.detach()
        self.next = (self.next + 1) % 8
        self.ring[self.next] = self.net(x)
        return self.ring[self.next]


def extra(model: Any) -> Any:
    """Something that takes a gradient, where the outputs do not."""
    return model.scale.pow(2).sum()


@sick("CD102", model=Buffered)
def one_buffer_returned_twice(model, x, _memory):
    z1 = model(x)
    z2 = model(view(x))
    return (1 - F.cosine_similarity(z1, z2)).mean() + z1.mean()


@sick("CD101", model=lambda: Frozen("out"))
def product_into_a_buffer(model, x, _memory):
    z1 = model(x)
    z2 = model(-x)  # wrote
    return F.mse_loss(z1, z2) + extra(model)


@sick("CD102", model=lambda: Frozen("copy_"))
def new_views_of_one_buffer(model, x, _memory):
    first = model(x)
    second = model(-x)  # wrote
    return F.mse_loss(first, second) + extra(model)


@sick("CD102", model=lambda: Frozen("numpy"))
def numpy_buffer(model, x, _memory):
    z1 = model(x)
    z2 = model(-x)  # wrote
    return F.l1_loss(z1, z2) + extra(model)


@sick("CD102", model=lambda: Frozen("copy_"))
def kept_from_the_last_step(model, x, memory):
    z = model(x)  # wrote
    loss = extra(model)
    if "past" in memory:
        loss = loss + F.mse_loss(z, memory["past"])
    memory["past"] = z.detach()
    return loss


@sick("CD103")
def copied_over(model, x, _memory):
    z1 = model(x).detach()
    z2 = model(view(x))
    z1.copy_(z2.detach())  # wrote
    return F.mse_loss(z1, z2) + z2.mean()


@sick("CD103")
def elements_assigned(model, x, _memory):
    with torch.no_grad():
        z1 = model(x)
    z2 = model(view(x))
    z1[:] = z2.detach()  # wrote
    return (1 - F.cosine_similarity(z1, z2)).mean() + z2.mean()


@sick("CD103")
def kept_before_it_moved(model, x, _memory):
    z = model(x)
    kept = z.detach()
    z = z.add_(1.0)  # wrote
    return F.mse_loss(z, kept) + z.mean()


@sick()
def kept_before_an_activation(model, x, _memory):
    h = model(x)
    kept = h.detach()
    F.relu(h, inplace=True)  # wrote
    return F.mse_loss(model(view(x)), kept) + h.mean()


@sick()
def zeroed_before_it_is_compared(model, x, _memory):
    with torch.no_grad():
        target = model(x)
    kept = target.detach()
    target.zero_()  # wrote
    return F.mse_loss(model(view(x)), kept)


@sick()
def all_pairs_of_one_buffer_of_outputs(model, x, memory):
    store = memory.setdefault("store", torch.empty(ROWS, WIDTH))
    with torch.no_grad():
        store.copy_(model(x))
        keys = store.detach()
        store.copy_(model(view(x)))  # wrote
        others = store.detach()
        memory["logits"] = keys @ others.T
    return model(x).pow(2).mean()


@sick("CD102")
def numpy_array_filled_twice(model, x, _memory):
    array = np.empty((ROWS, WIDTH), np.float32)
    array[:] = model(x).detach().numpy()
    z1 = torch.from_numpy(array)
    array[:] = model(view(x)).detach().numpy()  # wrote
    z2 = torch.from_numpy(array)
    return F.mse_loss(z1, z2) + model(x).mean()


@sick("CD101")
def own_buffer_filled_twice(model, x, memory):
    buffer = memory.setdefault("buffer", torch.empty(ROWS, WIDTH))
    buffer[:] = model(x).detach()
    z1 = buffer
    buffer[:] = model(view(x)).detach()  # wrote
    z2 = buffer
    return F.mse_loss(z1, z2) + model(x).mean()


@healthy(Buffered)
def buffer_used_before_it_is_filled_again(model, x, _memory):
    one = F.mse_loss(model(x), torch.zeros(ROWS, WIDTH)).detach()
    z = model(view(x))
    return F.mse_loss(z, torch.ones(ROWS, WIDTH)) + one


@healthy(Slots)
def slots_of_one_buffer(model, x, _memory):
    z1, z2 = model(x).clone(), model(view(x)).clone()
    return F.mse_loss(z1, z2)


@healthy()
def normalised_in_place(model, x, _memory):
    z1, z2 = model(x), model(view(x)).detach()
    z2 /= z2.norm(dim=1, keepdim=True)
    target = z2.detach()
    return F.mse_loss(F.normalize(z1), target)


@healthy()
def target_kept_and_normalised_in_place(model, x, _memory):
    with torch.no_grad():
        keys = model(view(x))
    target = keys.detach()
    keys.div_(keys.norm(dim=1, keepdim=True))
    return F.mse_loss(F.normalize(model(x)), target)


@healthy()
def activation_and_mask_in_place(model, x, _memory):
    z1, z2 = model(x), model(view(x))
    z1.mul_(torch.rand(ROWS, 1) > 0.1)
    return F.mse_loss(F.relu_(z1), F.leaky_relu(z2, inplace=True))


@healthy()
def queue_in_place(model, x, memory):
    """MoCo: keys are written into a part of the queue."""
    queue = memory.setdefault("queue", torch.randn(WIDTH, 4 * ROWS))
    q, k = model(x), model(view(x)).detach()
    loss = -F.cosine_similarity(q, k).mean() + (q @ queue.clone()).logsumexp(1).mean()
    memory["at"] = at = (memory.get("at", -ROWS) + ROWS) % (4 * ROWS)
    queue[:, at : at + ROWS] = k.T
    return loss


@healthy()
def bank_in_place(model, x, memory):
    bank = memory.setdefault("bank", torch.randn(ROWS, WIDTH))
    z = model(x)
    loss = F.mse_loss(z, bank.clone())
    bank.mul_(0.9).add_(z.detach(), alpha=0.1)
    return loss


@healthy()
def centre_in_place(model, x, memory):
    """DINO: a moving average that began as an output's mean."""
    z1, z2 = model(x), model(view(x))
    centre = memory.setdefault("centre", z2.detach().mean(0, keepdim=True))
    loss = F.mse_loss(z1, (z2 - centre).detach())
    centre.mul_(0.9).add_(z2.detach().mean(0, keepdim=True), alpha=0.1)
    return loss


@healthy()
def mixed_in_place(model, x, _memory):
    """Manifold mixup: some rows take another's place."""
    z1, z2 = model(x), model(view(x))
    some = torch.rand(ROWS) > 0.5
    z1[some] = z2[some].flip(0)
    return F.mse_loss(z1, z2)


@healthy()
def similarities_masked_in_place(model, x, _memory):
    z = F.normalize(model(x))
    similar = z @ z.T
    similar.fill_diagonal_(-9.0)
    similar.masked_fill_(similar > 0.99, 0.0)
    return similar.logsumexp(1).mean() + F.mse_loss(z, F.normalize(model(view(x))))


@healthy()
def copied_before_it_moved(model, x, _memory):
    with torch.no_grad():
        h = model(x)
    kept = h.clone()
    h.zero_()
    return F.mse_loss(model(view(x)), kept)


@healthy()
def emptied_store(model, x, _memory):
    """A store of its own, made in the shape of an output."""
    z = model(x)
    store = z.detach().clone()
    store.zero_()
    return F.mse_loss(z, store)


@healthy()
def weights_copied_in_place(model, x, memory):
    teacher = memory.setdefault("teacher", network())
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), model.parameters(), strict=True):
            slow.copy_(0.5 * slow + 0.5 * fast)
        target = teacher(view(x))
    return F.mse_loss(model(x), target)


def divided(a, b):
    a.div_(a.detach().norm(dim=1, keepdim=True))  # wrote
    return (a * b).sum(1)


def divide_both(a, b):
    for one in (a, b):
        one.div_(one.detach().norm(dim=1, keepdim=True))
    return a, b


def unit_(a):
    a.div_(a.detach().norm(dim=1, keepdim=True))
    return a.norm()


@healthy()
def lent_to_what_gives_it_back(model, x, _memory):
    a, b = divide_both(model(x), model(view(x)))
    return F.mse_loss(a, b)


@healthy()
def lent_to_what_says_so(model, x, _memory):
    a, b = model(x), model(view(x))
    return unit_(a) + F.mse_loss(a, b)


@sick("CD103")
def a_view_of_a_store(model, x, memory):
    store = memory.setdefault("store", torch.randn(ROWS, WIDTH))
    z = model(x)
    before = store.narrow(0, 0, ROWS)
    store[:] = z.detach()  # wrote
    return F.mse_loss(z, before) + z.var()


@healthy()
def a_copy_of_a_store(model, x, memory):
    store = memory.setdefault("store", torch.randn(ROWS, WIDTH))
    z = model(x)
    before = store.clone()
    store[:] = 0.5 * store + 0.5 * z.detach()
    return F.mse_loss(z, before) + z.var()


@sick(model=lambda: nn.ModuleDict({"frozen": Frozen("out"), "net": network()}))
def two_targets_in_one_buffer(model, x, _memory):
    first = model["frozen"](x)
    second = model["frozen"](-x)  # wrote
    return F.mse_loss(model["net"](x), first) + F.mse_loss(model["net"](-x), second)


@healthy(lambda: nn.ModuleDict({"frozen": Frozen("out"), "net": network()}))
def two_targets_one_after_the_other(model, x, _memory):
    first = model["frozen"](x)
    loss = (model["net"](x) - first).abs().sum(1).mean()
    second = model["frozen"](-x)
    return loss + (model["net"](-x) - second).abs().sum(1).mean()


def run(body: Body, watched: Any, steps: int = 4) -> Any:
    memory: dict[str, Any] = {}
    parts = dict(watched.items()) if isinstance(watched, nn.ModuleDict) else watched
    return train(parts, lambda x: body(watched, x, memory), steps=steps)


@pytest.mark.parametrize("name", SICK)
def test_what_was_written_over_is_found_with_its_line(name: str) -> None:
    torch.manual_seed(0)
    body, model, expected = SICK[name]
    diagnosis = run(body, model())
    assert codes(diagnosis) == expected
    found = finding(diagnosis, "CD109")
    inside = body is one_buffer_returned_twice
    where = marked(Buffered.forward, "fills") if inside else marked(body, "wrote")
    assert found.where.line == where
    assert {c for c in found.explains if c.startswith("CD1")} == expected - {"CD109"}


@pytest.mark.parametrize("name", HEALTHY)
def test_what_is_done_in_place_on_purpose_is_silent(name: str) -> None:
    torch.manual_seed(0)
    body, model = HEALTHY[name]
    assert codes(run(body, model(), steps=6)) == set()


def test_an_assignment_is_no_buffer() -> None:
    """Two names for one output of a model that happens to re-use its buffer."""
    torch.manual_seed(0)

    def body(model, x, _memory):
        model(view(x))
        z1 = model(x)
        z2 = z1
        return F.mse_loss(z1, z2) + z1.mean()

    assert codes(run(body, Buffered())) == {"CD101"}


def test_an_array_that_was_filled_once_is_no_more_than_shared() -> None:
    torch.manual_seed(0)

    def body(model, x, _memory):
        array = np.empty((ROWS, WIDTH), np.float32)
        array[:] = model(x).detach().numpy()
        z1 = torch.from_numpy(array)
        z2 = torch.from_numpy(array)
        return F.mse_loss(z1, z2) + model(x).mean()

    assert codes(run(body, network())) == {"CD102"}


def test_a_detached_target_that_nobody_changed_is_no_more_than_that() -> None:
    torch.manual_seed(0)

    def body(model, x, _memory):
        z = model(x)
        z.mul_(0.5)
        target = z.detach()
        return F.mse_loss(z, target) + z.mean()

    assert codes(run(body, network())) == {"CD103"}


def test_a_tensor_that_was_lent() -> None:
    torch.manual_seed(0)

    def body(model, x, _memory):
        anchor, positive = model(x), model(view(x))
        angle = divided(anchor, positive)
        return F.mse_loss(anchor, positive) - angle.mean()

    where = finding(run(body, network()), "CD109").where
    assert where.line == marked(divided, "wrote")
