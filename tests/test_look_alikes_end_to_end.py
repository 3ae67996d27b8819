"""Healthy trainings that look like the mistakes we look for: none of them raises an alarm.

Each is a small real training, in the way the method is commonly written. Nothing above info may
be found, whatever the rules.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Severity

ROWS, WIDTH, STEPS = 48, 24, 40
TEMPERATURE = 0.2


class Setting:
    """What a training has at hand: a model, an optimizer over all it made, and data."""

    def __init__(self) -> None:
        self.draw = torch.Generator().manual_seed(1)
        self.centres = torch.randn(12, WIDTH, generator=self.draw)
        self.model: Any = network()
        self.watched: Any = self.model
        self.modules: list[nn.Module] = [self.model]
        self.memory: dict[str, Any] = {}
        self.parameters: list[Tensor] = []

    def batch(self, rows: int = ROWS) -> tuple[Tensor, Tensor]:
        """Return inputs in twelve loose groups, and the group of each."""
        labels = torch.randint(0, 12, (rows,), generator=self.draw)
        noise = torch.randn(rows, WIDTH, generator=self.draw)
        return self.centres[labels] + noise, labels

    def view(self, x: Tensor) -> Tensor:
        return x + 0.3 * torch.randn(x.shape, generator=self.draw)

    def own(self, name: str, make: Callable[[], Any]) -> Any:
        """Return something made once and trained along, if it can be."""
        if name not in self.memory:
            self.memory[name] = make()
        return self.memory[name]


def network(dropout: float = 0.0, out: int = 16) -> nn.Sequential:
    return nn.Sequential(nn.Linear(WIDTH, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, out))


def contrast(z1: Tensor, z2: Tensor) -> Any:
    logits = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T / TEMPERATURE
    return F.cross_entropy(logits, torch.arange(len(z1)))


Step = Callable[[Setting], Any]
TRAININGS: dict[str, tuple[Step, Callable[[Setting], None]]] = {}


def healthy(prepare: Callable[[Setting], None] = lambda setting: None) -> Callable[[Step], Step]:
    def add(step: Step) -> Step:
        TRAININGS[step.__name__] = step, prepare
        return step

    return add


def with_dropout(setting: Setting) -> None:
    setting.model = setting.watched = network(dropout=0.2)
    setting.modules = [setting.model]


def with_predictor(setting: Setting) -> None:
    setting.memory["predictor"] = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))
    setting.modules.append(setting.memory["predictor"])


def with_teacher(setting: Setting) -> None:
    with_predictor(setting)
    teacher = copy.deepcopy(setting.model)
    setting.memory["teacher"] = teacher
    setting.watched = {"student": setting.model, "teacher": teacher}


@healthy()
def two_views(s: Setting) -> Any:
    x, _ = s.batch()
    z1, z2 = s.model(s.view(x)), s.model(s.view(x))
    return contrast(z1, z2) + contrast(z2, z1)


@healthy()
def halves_of_one_batch(s: Setting) -> Any:
    x, _ = s.batch()
    z1, z2 = s.model(torch.cat([s.view(x), s.view(x)])).chunk(2)
    return contrast(z1, z2)


@healthy()
def all_pairs_of_one_batch(s: Setting) -> Any:
    """NT-Xent over 2n rows: the matrix of a batch with itself, its diagonal masked."""
    x, _ = s.batch()
    z = F.normalize(s.model(torch.cat([s.view(x), s.view(x)])), dim=1)
    similar = F.cosine_similarity(z[:, None], z[None], dim=-1) / TEMPERATURE
    similar = similar.masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(similar, torch.arange(len(z)).roll(len(x)))


@healthy()
def alignment_and_uniformity(s: Setting) -> Any:
    x, _ = s.batch()
    z1, z2 = (F.normalize(s.model(s.view(x)), dim=1) for _ in range(2))
    spread = torch.pdist(z1).pow(2).mul(-2).exp().mean().log()
    spread = spread + torch.cdist(z2, z2).pow(2).mul(-2).exp().mean().log()
    return F.mse_loss(z1, z2) + spread


@healthy()
def variance_and_covariance(s: Setting) -> Any:
    """VICReg."""
    x, _ = s.batch()
    z1, z2 = s.model(s.view(x)), s.model(s.view(x))
    loss = 25 * F.mse_loss(z1, z2)
    for z in (z1, z2):
        z = z - z.mean(0)
        matrix = z.T @ z / (len(z) - 1)
        loss = loss + 25 * F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()
        loss = loss + (matrix - matrix.diag().diag()).pow(2).sum() / z.shape[1]
    return loss


@healthy()
def cross_correlation(s: Setting) -> Any:
    """Barlow Twins."""
    x, _ = s.batch()
    z1, z2 = (F.batch_norm(s.model(s.view(x)), None, None, training=True) for _ in range(2))
    matrix = z1.T @ z2 / len(z1)
    return (matrix - torch.eye(16)).pow(2).mul(0.05 + 0.95 * torch.eye(16)).sum()


@healthy(with_predictor)
def symmetric_stop_gradient(s: Setting) -> Any:
    """SimSiam, with what keeps a short training from depending on its predictor."""
    x, _ = s.batch()
    z1, z2 = s.model(s.view(x)), s.model(s.view(x))
    p1, p2 = s.memory["predictor"](z1), s.memory["predictor"](z2)
    one = F.cosine_similarity(p1, z2.detach(), dim=-1).mean()
    other = F.cosine_similarity(p2, z1.detach(), dim=-1).mean()
    return contrast(z1, z2) - (one + other) / 2


@healthy(with_teacher)
def moving_average_teacher(s: Setting) -> Any:
    """BYOL's way: equal to its student in the first step."""
    x, _ = s.batch()
    teacher = s.memory["teacher"]
    with torch.no_grad():
        target = teacher(s.view(x))
        for slow, fast in zip(teacher.parameters(), s.model.parameters(), strict=True):
            slow.lerp_(fast, 0.01)
    z = s.model(s.view(x))
    return F.mse_loss(F.normalize(s.memory["predictor"](z)), F.normalize(target)) + contrast(
        z, target
    )


@healthy(with_teacher)
def self_distillation_of_one_view(s: Setting) -> Any:
    """Student and teacher see the same input; they are equal until the first step is taken."""
    x, _ = s.batch()
    with torch.no_grad():
        target = s.memory["teacher"](x)
    z = s.model(x)
    return F.mse_loss(z, target) + contrast(z, s.model(s.view(x)))


@healthy()
def queue_of_keys(s: Setting) -> Any:
    """MoCo."""
    x, _ = s.batch()
    queue = s.memory.get("queue", F.normalize(torch.randn(128, 16, generator=s.draw)))
    q, k = F.normalize(s.model(s.view(x))), F.normalize(s.model(s.view(x))).detach()
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.T], dim=1) / TEMPERATURE
    s.memory["queue"] = torch.cat([k, queue])[:128]
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))


@healthy()
def gathered_from_all_processes(s: Setting) -> Any:
    """What all_gather gives has no gradient; the own part is put in its place."""
    x, _ = s.batch()
    z1, z2 = F.normalize(s.model(s.view(x))), F.normalize(s.model(s.view(x)))
    others = F.normalize(s.model(s.batch()[0])).detach()
    gathered = [z2.detach().clone(), others]
    gathered[0] = z2
    return F.cross_entropy(z1 @ torch.cat(gathered).T / TEMPERATURE, torch.arange(len(x)))


@healthy(with_dropout)
def cached_gradients(s: Setting) -> Any:
    """GradCache: embed without a graph, take the loss, run again with the same random numbers."""
    x, _ = s.batch()
    states, cached = [], []
    for view in (s.view(x), s.view(x)):
        states.append((torch.get_rng_state(), view))
        with torch.no_grad():
            cached.append(s.model(view).detach().requires_grad_())
    loss = contrast(*cached)
    loss.backward()
    total = loss.detach()
    for (state, view), rows in zip(states, cached, strict=True):
        with torch.random.fork_rng():
            torch.set_rng_state(state)
            surrogate = torch.dot(s.model(view).flatten(), rows.grad.flatten())
        total = total + surrogate - surrogate.detach()
    return total


@healthy(with_dropout)
def same_input_other_dropout(s: Setting) -> Any:
    """SimCSE."""
    x, _ = s.batch()
    return contrast(s.model(x), s.model(x))


@healthy()
def one_batch_for_ever(s: Setting) -> Any:
    """To see whether the loss can become zero at all, as everybody does first."""
    x, y = s.own("batch", lambda: (s.batch()[0], s.batch()[0]))
    return contrast(s.model(x), s.model(x + 0.1 * y))


@healthy()
def duplicates_and_padding(s: Setting) -> Any:
    x, _ = s.batch()
    x[40:44] = x[0]  # one sample four times more
    x[44:] = 0.0
    return contrast(s.model(s.view(x)), s.model(s.view(x)))


@healthy()
def evaluation_in_between(s: Setting) -> Any:
    x, _ = s.batch()
    held_out = s.own("held out", lambda: s.batch()[0])
    s.model.eval()
    with torch.no_grad():
        now = s.model(held_out)
        s.memory["drift"] = F.cosine_similarity(now, s.memory.get("before", now)).mean()
        s.memory["same"] = F.mse_loss(s.model(held_out), now)
        s.memory["before"] = now
    s.model.train()
    return contrast(s.model(s.view(x)), s.model(s.view(x)))


@healthy()
def mixed_precision(s: Setting) -> Any:
    x, _ = s.batch()
    with torch.autocast("cpu", torch.bfloat16):
        z1, z2 = s.model(s.view(x)), s.model(s.view(x))
    z1, z2 = z1.float(), z2.float()
    return contrast(z1, z2) + (1 - F.cosine_similarity(z1, z2.to(z1.dtype))).mean()


@healthy()
def computed_anew_in_backward(s: Setting) -> Any:
    x, _ = s.batch()
    x = x.requires_grad_()
    z1, z2 = (checkpoint(s.model, v, use_reentrant=False) for v in (s.view(x), s.view(x)))
    return contrast(z1, z2) + (1 - F.cosine_similarity(z1, z2)).mean()


def with_table(setting: Setting) -> None:
    setting.memory["table"] = nn.Embedding(12, 16)
    setting.modules.append(setting.memory["table"])


@healthy(with_table)
def table_of_labels(s: Setting) -> Any:
    """Each row is drawn to the learned vector of its class: many rows share one target."""
    x, labels = s.batch()
    z, table = s.model(x), s.memory["table"]
    near = F.cosine_similarity(z, table(labels))
    logits = F.normalize(z) @ F.normalize(table.weight).T / TEMPERATURE
    return (1 - near).mean() + F.cross_entropy(logits, labels)


class Language(nn.Module):
    """Tokens in, tokens out, through one table."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(40, 16)
        self.body = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16))

    def forward(self, ids: Tensor) -> Tensor:
        hidden: Tensor = self.body(self.table(ids))
        return hidden @ self.table.weight.T


def with_language(setting: Setting) -> None:
    setting.model = setting.watched = Language()
    setting.modules = [setting.model]


@healthy(with_language)
def tied_weights(s: Setting) -> Any:
    ids = torch.randint(0, 40, (ROWS,), generator=s.draw)
    return F.cross_entropy(s.model(ids), (ids * 7 + 3) % 40)


def with_towers(setting: Setting) -> None:
    frozen = network().requires_grad_(False)
    setting.memory["frozen"] = frozen
    setting.watched = {"text": setting.model, "image": frozen}


@healthy(with_towers)
def frozen_tower(s: Setting) -> Any:
    """LiT: one tower learns to meet the other, which rests."""
    x, _ = s.batch()
    with torch.no_grad():
        image = s.memory["frozen"](s.view(x))
    text = s.model(s.view(x))
    return contrast(text, image) + contrast(image, text)


@healthy()
def negatives_from_the_batch(s: Setting) -> Any:
    x, _ = s.batch()
    anchor, positive = s.model(s.view(x)), s.model(s.view(x))
    return F.triplet_margin_loss(anchor, positive, positive.roll(1, 0)) + contrast(anchor, positive)


@healthy()
def hardest_negatives(s: Setting) -> Any:
    x, labels = s.batch()
    z = F.normalize(s.model(s.view(x)))
    distance = torch.cdist(z, z)
    same = labels[:, None] == labels[None]
    far = (distance - 1e3 * ~same).argmax(1)
    near = (distance + 1e3 * same).argmin(1)
    return F.triplet_margin_loss(z, z[far], z[near], margin=0.5)


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def alarms(name: str, *, micro: int = 1, warm: int = 0) -> Mapping[str, str]:
    """Train and return what was found above info, by its code."""
    torch.manual_seed(0)
    step, prepare = TRAININGS[name]
    setting = Setting()
    prepare(setting)
    parameters = [p for module in setting.modules for p in module.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=3e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min(1.0, n / warm) if warm else 1.0
    )
    with one_thread(), Inspector(setting.watched) as inspector:
        for _ in range(STEPS):
            optimizer.zero_grad()
            for _ in range(micro):
                (step(setting) / micro).backward()
            optimizer.step()
            if warm:
                schedule.step()
    diagnosis = inspector.diagnose()
    assert not [n for n in inspector.recording.notices if n.about == "inspector"]
    return {f.code: f.message for f in diagnosis.findings if f.severity is not Severity.INFO}


@pytest.mark.parametrize("name", TRAININGS)
def test_no_alarm(name: str) -> None:
    assert alarms(name) == {}


@pytest.mark.parametrize("name", ["two_views", "same_input_other_dropout", "table_of_labels"])
def test_no_alarm_while_gradients_are_accumulated(name: str) -> None:
    assert alarms(name, micro=3) == {}


@pytest.mark.parametrize(
    "name", ["moving_average_teacher", "self_distillation_of_one_view", "one_batch_for_ever"]
)
def test_no_alarm_in_a_warm_up_from_zero(name: str) -> None:
    assert alarms(name, warm=STEPS // 2) == {}
