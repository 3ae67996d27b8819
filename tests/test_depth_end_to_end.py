"""From small trainings to CD311 and CD314: the place is named, and look-alikes are silent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis, Finding

WIDTH = 32


def train(model: nn.Module, steps: int, rate: float = 1e-3, scale: float = 1.0) -> Diagnosis:
    draw = torch.Generator().manual_seed(1)
    centres = torch.randn(6, 20, generator=draw)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    with Inspector(model) as inspector:
        for _ in range(steps):
            labels = torch.randint(0, 6, (48,), generator=draw)
            x = centres[labels] + 0.3 * torch.randn(48, 20, generator=draw)
            loss = F.cross_entropy(model(scale * x), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


def found(diagnosis: Diagnosis) -> dict[str, Finding]:
    return {f.code: f for f in diagnosis.findings if f.code in ("CD311", "CD314")}


class Mixing(nn.Module):
    """A layer that gives each row the mean of all, over the wrong dimension."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(0, keepdim=True).expand_as(x) + 0.0


class Constant(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(20, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mix, self.last = Mixing(), nn.Linear(WIDTH, 6)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(self.second(self.mix(F.elu(self.first(x)))))
        return out


def plain(depth: int, act: Callable[[], nn.Module]) -> nn.Module:
    layers = [nn.Sequential(nn.Linear(WIDTH if n else 20, WIDTH), act()) for n in range(depth)]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 6))


class Functional(nn.Module):
    def __init__(self, act: Callable[[Tensor], Tensor], bias: float = 0.0) -> None:
        super().__init__()
        self.act = act
        self.one, self.two = nn.Linear(20, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, 6)
        nn.init.constant_(self.two.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.one(x))
        x = F.dropout(self.act(self.two(x)), 0.1, self.training)
        out: Tensor = self.out(x)
        return out


class Gated(nn.Module):
    """Gates that are open or shut, and codes that are nearly binary, on purpose."""

    def __init__(self) -> None:
        super().__init__()
        self.value, self.gate = nn.Linear(20, WIDTH), nn.Linear(20, WIDTH)
        self.out = nn.Linear(WIDTH, 6)
        nn.init.normal_(self.gate.weight, std=8.0)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(torch.sigmoid(self.gate(x)) * self.value(x))
        return 9 * out.tanh()


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_rows_that_are_averaged_away_are_found_at_their_layer() -> None:
    finding = found(train(Constant(), 24))["CD311"]
    assert (finding.where.layer, finding.severity) == ("second", "warning")


def test_spread_that_decays_over_the_layers_is_found() -> None:
    diagnosis = train(plain(14, nn.Sigmoid), 205)
    finding = found(diagnosis)["CD311"]
    assert finding.where.layer in {"1.0", "2.0", "3.0", "4.0", "1", "2", "3", "4"}
    assert "Layer by layer" in finding.message


def test_a_gelu_that_lets_nothing_through_is_told_as_the_layer_that_loses_it() -> None:
    finding = found(train(Functional(F.gelu, bias=-20.0), 24))["CD311"]
    assert finding.where.layer == "two"


@pytest.mark.parametrize("inplace", [False, True])
def test_dead_relus_are_found_as_modules(inplace: bool) -> None:
    act, second = nn.ReLU(inplace=inplace), nn.Linear(WIDTH, WIDTH)
    model = nn.Sequential(nn.Linear(20, WIDTH), act, second, act, nn.Linear(WIDTH, 6))
    nn.init.constant_(second.bias, -20.0)
    finding = found(train(model, 20))["CD314"]
    assert finding.where.layer == "1"  # one module at two places has its first name
    assert "(call 2)" in finding.message


def test_dead_relus_are_found_as_functions_and_since_when() -> None:
    finding = found(train(Functional(F.relu, bias=-20.0), 20))["CD314"]
    assert finding.where.source == "x = F.dropout(self.act(self.two(x)), 0.1, self.training)"
    assert finding.where.step == 0


@pytest.mark.parametrize("act", [torch.tanh, torch.sigmoid, Tensor.tanh])
def test_inputs_that_were_not_scaled_saturate_what_they_enter(
    act: Callable[[Tensor], Tensor],
) -> None:
    finding = found(train(Functional(act), 20, scale=300.0))["CD314"]
    assert finding.where.source == "x = self.act(self.one(x))"
    assert "at its rails" in finding.message


@pytest.mark.parametrize(
    "make",
    [
        lambda: Functional(F.relu),
        lambda: Functional(torch.tanh),
        lambda: Functional(F.gelu),
        Gated,
        lambda: plain(5, nn.ReLU),
    ],
)
def test_healthy_networks_are_silent(make: Callable[[], nn.Module]) -> None:
    assert found(train(make(), 40)) == {}


def test_evaluation_and_losses_are_no_activations_of_a_model() -> None:
    model = Functional(torch.tanh)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with Inspector(model) as inspector:
        for _ in range(8):
            x = torch.randn(32, 20)
            with torch.no_grad():
                model(1000 * x)
            loss = F.relu(torch.sigmoid(100 * model(x)) - 2).sum() + model(x).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seen = inspector.diagnose().measurements.activations
    assert {one.kind for one in seen} == {"tanh"}
    assert all(one.ends < 0.1 for one in seen)
