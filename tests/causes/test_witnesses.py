"""What active tests say of the cause of a finding, on hand-made probes and on real trainings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.causes.witnesses import attested
from collapse_doctor.findings import Confidence, Evidence, Finding
from collapse_doctor.recording.observations import Probe


def probe(test: str, arm: str = "", layer: str = "output", **values: Any) -> Probe:
    return Probe(test, "model", layer=layer, arm=arm, rows=65, width=64, values=dict(values))


def drawn(now: float, anew: float, metric: str = "relative_dispersion") -> list[Probe]:
    arms: tuple[tuple[str, Any], ...] = (("trained", {metric: now}), ("drawn", {metric: anew}))
    return [probe("redrawn", arm, **values) for arm, values in arms]


@pytest.fixture
def collapse(finding) -> Finding:
    made: Finding = finding("CD301", 9, layer="output", confidence="medium", cause="the page's")
    return made


@pytest.mark.parametrize(("anew", "says"), [(0.9, "Learnt, not born"), (0.02, "Born, not learnt")])
def test_weights_drawn_anew_tell_learnt_from_born(collapse, anew: float, says: str) -> None:
    found = attested(collapse, drawn(0.01, anew))
    assert found.cause.startswith(says)
    assert found.cause.endswith("the page's")
    assert found.evidence["relative_dispersion_drawn_anew"].value == anew
    assert found.confidence is (Confidence.HIGH if anew > 0.5 else Confidence.MEDIUM)


def test_a_rank_is_held_against_the_rank_of_weights_drawn_anew(finding) -> None:
    lost = finding("CD303", 9, layer="output", severity="warning")
    found = attested(lost, drawn(3.2, 48.0, "effective_rank"))
    assert "the rank in use of the probe is 75 %, against 5 %" in found.cause
    assert found.severity is lost.severity


def test_directions_are_held_against_directions(finding) -> None:
    judged = {"direction_dispersion": Evidence(0.001, 0.02, "<")}
    turned = finding("CD301", 9, layer="output", evidence=judged)
    assert attested(turned, drawn(0.01, 0.9)) == turned, "vectors say nothing of them"
    found = attested(turned, drawn(0.001, 0.9, "direction_dispersion"))
    assert "the spread of directions of the probe is 90 %" in found.cause


def test_noise_tells_a_deaf_model_from_inputs_that_are_alike(collapse) -> None:
    deaf = attested(collapse, [probe("noise", moved=0.001, input=0.9)])
    assert deaf.cause.startswith("The embedding hardly depends on the input")
    assert deaf.confidence is Confidence.HIGH
    alike = attested(collapse, [probe("noise", moved=0.5, input=0.004)])
    assert alike.cause.startswith("The rows of the probe are nearly one vector when they enter")
    assert alike.confidence is Confidence.MEDIUM
    assert attested(collapse, [probe("noise", moved=0.5, input=0.9)]) == collapse


def test_a_way_back_tells_the_loss_from_the_network(finding) -> None:
    stuck = finding("CD201", 0, confidence="medium")
    whole = attested(stuck, [probe("reach", parameters=6, reached=6)])
    assert "What stops it lies behind the embedding" in whole.cause
    assert whole.confidence is Confidence.MEDIUM
    cut = [
        probe("reach", parameters=6, reached=2),
        probe("reach", "output", "first", parameters=2, reached=0),
    ]
    found = attested(stuck, cut)
    assert "reaches 2 of 6 parameters, and none of first." in found.cause
    assert found.confidence is Confidence.HIGH
    none = attested(stuck, [probe("reach", parameters=6, reached=0)])
    assert "it is cut inside" in none.cause


def test_rows_that_mix_in_eval_mode_are_told(finding, collapse) -> None:
    mixed = [probe("neighbours", beside_eval=0.4, beside_train=0.6, order=0.2)]
    assert "Rows of a batch mix" in attested(collapse, mixed).cause
    along = attested(finding("CD206", 0, layer="output", confidence="medium"), mixed)
    assert along.confidence is Confidence.HIGH
    still = [probe("neighbours", beside_eval=1e-6, beside_train=0.6, order=1e-6)]
    assert attested(collapse, still) == collapse, "normalisation by the batch is no mixing"


def test_a_test_of_another_layer_or_model_says_nothing(finding, collapse) -> None:
    two = [p for name in ("output[0]", "output[1]") for p in drawn_of(name)]
    assert attested(collapse, two) == collapse
    assert attested(finding("CD301", 9, layer="output", model="other"), drawn(0.01, 0.9)) == (
        finding("CD301", 9, layer="output", model="other")
    )
    assert attested(finding("CD208", 0), drawn(0.01, 0.9)) == finding("CD208", 0)


def drawn_of(layer: str) -> list[Probe]:
    arms = (("trained", 0.01), ("drawn", 0.9))
    return [probe("redrawn", arm, layer, relative_dispersion=value) for arm, value in arms]


def trained(model: nn.Module, loss_of: Any, steps: int = 80, rate: float = 0.01) -> Diagnosis:
    torch.manual_seed(0)
    data = torch.randn(200, 20)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    with Inspector(model, probe=data[:64]) as inspector:
        for step in range(steps):
            x = data[torch.randperm(200)[:32]]
            loss = loss_of(model(x), model(x + 0.1 * torch.randn_like(x)), step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


def body() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 32))


def pull(a: Tensor, b: Tensor, _step: int) -> Tensor:
    return (1 - F.cosine_similarity(a, b.roll(1, 0))).mean()


def contrast(a: Tensor, b: Tensor, _step: int) -> Tensor:
    scores = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.2
    return F.cross_entropy(scores, torch.arange(len(a)))


def test_a_collapse_that_training_made_is_called_learnt() -> None:
    diagnosis = trained(body(), pull, steps=240)
    assert diagnosis.primary is not None
    assert diagnosis.primary.code == "CD208"
    (lost,) = (finding for finding in diagnosis.findings if finding.code == "CD301")
    assert lost.cause.startswith("Learnt, not born")
    assert lost in diagnosis.following(diagnosis.primary)


def test_a_network_that_was_born_collapsed_is_called_so() -> None:
    torch.manual_seed(0)
    deep = nn.Sequential(*(part for _ in range(40) for part in (nn.Linear(20, 20), nn.ReLU())))
    diagnosis = trained(deep, contrast, steps=220, rate=1e-5)
    lost = [finding for finding in diagnosis.findings if finding.code == "CD301"]
    assert lost, diagnosis.findings
    assert all("Born, not learnt" in finding.cause for finding in lost)


def test_a_gradient_that_is_cut_in_the_loss_is_told_from_one_cut_in_the_model() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net, self.head = body(), nn.Linear(32, 16)

        def forward(self, x: Tensor) -> Any:
            return self.head(self.net(x)).detach()

    weight = nn.Parameter(torch.ones(()))

    def in_the_loss(a: Tensor, b: Tensor, _step: int) -> Tensor:
        return weight * F.mse_loss(a.detach(), b.detach())

    def as_it_is(a: Tensor, b: Tensor, _step: int) -> Tensor:
        return weight * F.mse_loss(a, b)

    (inside,) = (f for f in trained(Cut(), as_it_is, 20).findings if f.code == "CD201")
    assert "it is cut inside" in inside.cause
    (behind,) = (f for f in trained(body(), in_the_loss, 20).findings if f.code == "CD201")
    assert "lies behind the embedding" in behind.cause


def test_a_healthy_training_with_a_probe_stays_silent() -> None:
    torch.manual_seed(0)
    normed = nn.Sequential(
        nn.Linear(20, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 32)
    )
    for model in (body(), normed):
        diagnosis = trained(model, contrast, steps=110)
        assert diagnosis.primary is None, diagnosis.findings
        assert not [s for s in diagnosis.skipped if "failed" in s.reason]
