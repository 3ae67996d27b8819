"""Nothing the Inspector does while a training runs waits for the device."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.pacing import later
from tests.inspector.elsewhere import Elsewhere, pretend
from tests.inspector.side_by_side import notices

STEPS = 40


def tower(dropout: float = 0.2) -> Any:
    layers = nn.Linear(12, 24), nn.ReLU(), nn.Dropout(dropout), nn.BatchNorm1d(24)
    return nn.Sequential(*layers, nn.Linear(24, 16))


@dataclass
class Towers:
    """Two towers, and what a step of their training computes from two views."""

    loss: Callable[[Any, Any, Tensor, Tensor], Tensor]
    finding: str = ""
    rate: float = 1e-2
    one_teaches: bool = False


def healthy(left, right, x, y):
    z1, z2 = left(x), right(y)
    similarity = F.normalize(z1) @ F.normalize(z2).T
    pairs = F.cross_entropy(similarity / 0.2, torch.arange(len(x)))
    return pairs - F.cosine_similarity(z1, z2).mean()


def alias(left, right, x, y):
    z1 = left(x)
    z2 = z1
    return (1 - F.cosine_similarity(z1, z2)).mean() + right(y).pow(2).mean()


def copied(left, right, x, y):
    z1 = left(x)
    target = z1.detach().clone()
    return F.mse_loss(z1, target) + healthy(left, right, x, y)


def taught(left, right, x, _y):
    with torch.no_grad():
        target = right(x)
    return F.mse_loss(left(x), target)


def collapsing(left, right, x, y):
    return (1 - F.cosine_similarity(left(x), right(y))).mean()


TRAININGS = {
    "healthy": Towers(healthy),
    "alias": Towers(alias, "CD101"),
    "detached copy": Towers(copied, "CD103"),
    "teacher in a warm-up": Towers(taught, rate=0.0, one_teaches=True),
    "collapse": Towers(collapsing, "CD306", rate=0.1),
}


def train(towers: Towers, device: Elsewhere | None = None, steps: int = STEPS) -> Inspector:
    torch.manual_seed(0)
    plain = 0.0 if towers.one_teaches else 0.2
    left, right = tower(plain), tower(plain)
    if towers.one_teaches:
        right = copy.deepcopy(left).requires_grad_(False)
    moving = [p for model in (left, right) for p in model.parameters() if p.requires_grad]
    rate = torch.tensor(towers.rate)
    optimizer = torch.optim.Adam(moving, lr=rate, foreach=False)
    device = device or Elsewhere()
    device.runs = True
    with Inspector({"left": left, "right": right}, every=1) as inspector:
        for device.step in range(steps):
            x, y = torch.randn(2, 32, 12)
            loss = towers.loss(left, right, x, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            labels = torch.randint(0, 4, (32,))
            inspector.step(loss=loss, labels=list(labels) if device.step % 2 else labels)
            for told in (loss.detach(), labels):  # theirs to write into, before it came over
                told.zero_()
        device.runs = False
    return inspector


@pytest.mark.parametrize("name", TRAININGS)
def test_no_value_is_read_while_it_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    towers = TRAININGS[name]
    ordinary = train(towers)
    device = pretend(monkeypatch)
    watched = train(towers, device)
    assert device.breaches == []
    assert not [n for n in notices(watched, "inspector") if "switched itself off" in n.text]
    assert device.sent > 3 * STEPS, "callbacks did not run"
    assert same_recording(watched, ordinary)
    found = watched.diagnose().findings
    assert found == ordinary.diagnose().findings
    codes = {finding.code for finding in found}
    assert towers.finding in codes if towers.finding else not any(c[:3] == "CD1" for c in codes)


def same_recording(one: Inspector, other: Inspector) -> bool:
    """Hold two recordings against each other, but for times and the order of arrival."""
    left, right = one.recording, other.recording
    assert left.manifest.models == right.manifest.models
    measured = [{(m.model, m.layer, m.step): m for m in r.measures} for r in (left, right)]
    assert measured[0].keys() == measured[1].keys()
    for place, measure in measured[0].items():
        assert measure.values == pytest.approx(measured[1][place].values, rel=1e-6, nan_ok=True)
    assert left.losses == right.losses
    assert left.labels == right.labels
    met = [sorted(r.comparisons, key=lambda c: (c.step, c.function)) for r in (left, right)]
    assert met[0] == met[1]
    assert set(left.uses) == set(right.uses)
    return True


# On a GPU


class Conv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU()
        )
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(self.body(x[:, None, :, None] * x[:, None, None]).mean((2, 3)))


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(12, 2, 24, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(12, 16)

    def forward(self, x):
        return self.head(self.encoder(x[:, None] * x[:, :, None]).mean(1))


def classified(model, x, _y, labels):
    return F.cross_entropy(model(x), labels)


def contrasted(model, x, y, _labels):
    z1, z2 = model(x), model(y)
    return -F.cosine_similarity(z1, z2).mean() + (F.normalize(z1) @ F.normalize(z2).T).exp().mean()


def paired(towers, x, y, labels):
    rows = iter((towers["left"](x), towers["right"](y)))
    return contrasted(lambda _view: next(rows), x, y, labels)


def cut(model, x, y, labels):
    z = model(x)
    target = z.detach()
    return contrasted(model, x, y, labels) + F.mse_loss(z, target)


ON_A_GPU = {
    "conv net": (Conv, classified),
    "transformer": (Transformer, contrasted),
    "transformer with a detached copy": (Transformer, cut),
    "two towers": (lambda: nn.ModuleDict({"left": tower(), "right": tower()}), paired),
}


def train_on(device: str, name: str) -> Inspector:
    """Train with mixed precision and a gradient scaler."""
    torch.manual_seed(0)
    make, loss_of = ON_A_GPU[name]
    model = make().to(device)
    rate = torch.tensor(1e-3, device=device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, capturable=device == "cuda")
    scaler = torch.amp.GradScaler(device)
    draws = torch.Generator().manual_seed(0)
    watched = dict(model.items()) if isinstance(model, nn.ModuleDict) else model
    with Inspector(watched, every=2) as inspector:
        for _ in range(STEPS):
            x = torch.randn(32, 12, generator=draws)
            views = (x.to(device), (x + torch.randn(32, 12, generator=draws) / 4).to(device))
            labels = (x[:, :2] > 0).long().mv(torch.tensor([1, 2])).to(device)
            with torch.autocast(device, torch.bfloat16):
                loss = loss_of(model, *views, labels)
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            inspector.step(loss=loss, labels=labels)
    return inspector


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU: it must not be waited for")
@pytest.mark.parametrize("name", ON_A_GPU)
def test_a_gpu_is_not_waited_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at in our callbacks only: a gradient scaler itself reads whether all is finite."""
    on_the_host = train_on("cpu", name)
    enter, leave = Aside.__enter__, Aside.__exit__

    def entered(self: Aside) -> None:
        enter(self)
        torch.cuda.set_sync_debug_mode("error")

    def left(self: Aside, *error: Any) -> None:
        torch.cuda.set_sync_debug_mode("default")
        leave(self, *error)

    monkeypatch.setattr(Aside, "__enter__", entered)
    monkeypatch.setattr(Aside, "__exit__", left)
    watched = train_on("cuda", name)
    assert not [n for n in notices(watched, "inspector") if "switched itself off" in n.text]
    models = [inspector.recording.manifest.models for inspector in (on_the_host, watched)]
    assert models[0] == models[1]
    codes = [[f.code for f in i.diagnose().findings] for i in (on_the_host, watched)]
    assert codes[0] == codes[1]
    assert ("CD103" in codes[1]) == ("detached" in name)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs: one is not the current")
def test_what_another_gpu_sends_has_arrived_when_it_says_so() -> None:
    far = torch.zeros(1 << 24, device="cuda:1")
    for _ in range(200):
        far += 1
    sent = later.send([far[:1000].clone(), torch.ones(3)])
    values, here = sent.read()
    assert values.tolist() == [200.0] * 1000
    assert here.tolist() == [1.0] * 3
