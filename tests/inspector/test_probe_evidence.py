"""What active tests show of models known to be so: noise, neighbours, reach, weights drawn anew."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from collapse_doctor.api import Inspector
from collapse_doctor.recording.observations import Probe

X = torch.randn(16, 6, generator=torch.Generator().manual_seed(1))


def watched(model: nn.Module, probe: Any = X, *, trained: bool = True) -> Inspector:
    torch.manual_seed(0)
    model.train(trained)
    with Inspector(model, probe=probe) as inspector:
        pass
    return inspector


def shown(inspector: Inspector, test: str) -> list[Probe]:
    return [p for p in inspector.recording.probes if p.test == test and p.layer]


def why_not(inspector: Inspector, test: str) -> str:
    return next(p.reason for p in inspector.recording.probes if p.test == test and not p.layer)


class Constant(nn.Module):
    """Answers every input with its bias, and is told apart from one that merely begins alike."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Any:
        return self.linear(x * 0)


def test_a_model_that_does_not_look_at_its_input_gives_noise_the_same() -> None:
    (dead,) = shown(watched(Constant()), "noise")
    assert dead.values["moved"] == 0
    assert dead.values["relative_dispersion_data"] == 0
    (alive,) = shown(watched(nn.Linear(6, 4)), "noise")
    assert (alive.values["moved"] or 0) > 0.5
    assert (alive.values["input"] or 0) > 0.9


def test_inputs_that_are_all_alike_are_told_from_a_model_that_is() -> None:
    alike = 5 + 1e-3 * X
    (probe,) = shown(watched(nn.Linear(6, 4), alike), "noise")
    assert (probe.values["input"] or 1) < 1e-2
    assert (probe.values["relative_dispersion_data"] or 1) < 1e-2


def test_ids_are_dealt_out_anew_and_masks_stay() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    class Bag(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(50, 4)

        def forward(self, ids: Tensor, attention_mask: Tensor) -> Any:
            seen.append((ids.clone(), attention_mask.clone()))
            return (self.table(ids) * attention_mask[..., None]).sum(1)

    ids = torch.arange(32).reshape(8, 4)
    mask = torch.ones(8, 4).tril(2)
    (probe,) = shown(watched(Bag(), {"ids": ids, "attention_mask": mask}), "noise")
    assert math.isnan(probe.values["input"] or math.nan), "ids are names"
    other = [one for one, _ in seen if sorted(one.flatten()) == sorted(ids.flatten())]
    assert any(not torch.equal(one, ids) for one in other)
    assert all(set(m.unique().tolist()) <= {0.0, 1.0} for _, m in seen)


def test_a_probe_of_flags_alone_has_no_noise() -> None:
    flags = (X > 0).float()
    assert "nothing that noise could stand for" in why_not(watched(nn.Linear(6, 4), flags), "noise")


class AlongBatch(nn.Module):
    """Attention over (B, T, D) by a layer that takes the first dimension for time."""

    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=batch_first)

    def forward(self, x: Tensor) -> Any:
        return self.attention(x, x, x, need_weights=False)[0].mean(1)


@pytest.mark.parametrize("batch_first", [True, False])
def test_attention_along_the_batch_is_seen(batch_first: bool) -> None:
    tokens = torch.randn(12, 5, 6, generator=torch.Generator().manual_seed(2))
    (probe,) = shown(watched(AlongBatch(batch_first=batch_first), tokens), "neighbours")
    moved = probe.values["beside_eval"] or 0
    assert moved < 1e-5 if batch_first else moved > 0.05


def test_normalisation_by_the_batch_counts_in_train_mode_only() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.2))
    (probe,) = shown(watched(model), "neighbours")
    assert (probe.values["beside_train"] or 0) > 0.05
    assert (probe.values["beside_eval"] or 0) < 1e-5
    (still,) = shown(watched(nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.2))), "neighbours")
    assert (still.values["beside_train"] or 0) < 1e-5, "dropout falls on the same places"


def test_a_place_in_the_batch_that_matters_is_seen() -> None:
    class Along(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 8)

        def forward(self, x: Tensor) -> Any:
            return self.gru(x[:, None])[0][:, 0]

    (probe,) = shown(watched(Along()), "neighbours")
    assert (probe.values["order"] or 0) > 0.05
    (each,) = shown(watched(nn.Linear(6, 4)), "neighbours")
    assert (each.values["order"] or 0) < 1e-5


def test_a_few_rows_have_no_neighbours() -> None:
    assert "4 to 1024 rows" in why_not(watched(nn.Linear(6, 4), X[:2]), "neighbours")


class Cut(nn.Module):
    """The first layer is cut off, as by a slip with `detach` or `no_grad`."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.unused = nn.Linear(6, 8), nn.Linear(8, 4), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Any:
        return F.normalize(self.second(F.relu(self.first(x)).detach()), dim=1)


def test_what_no_gradient_reaches_is_named() -> None:
    total, *blocks = shown(watched(Cut()), "reach")
    assert total.values == {"parameters": 6.0, "reached": 2.0, "input": 0.0}
    assert [(one.layer, one.arm, one.values["reached"]) for one in blocks] == [
        ("first", "output", 0.0),
        ("unused", "output", 0.0),
    ]


def test_all_is_reached_where_nothing_is_cut() -> None:
    for model in (
        nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.Linear(8, 4)),
        nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Softmax(dim=1)),
    ):
        total, *blocks = shown(watched(model), "reach")
        assert total.values["reached"] == total.values["parameters"]
        assert total.values["input"] == 1.0
        assert blocks == []


def test_a_model_that_gives_no_gradient_reaches_nothing() -> None:
    class Still(nn.Linear):
        @torch.no_grad()
        def forward(self, x: Tensor) -> Any:
            return super().forward(x)

    total, *_ = shown(watched(Still(6, 4)), "reach")
    assert total.values == {"parameters": 2.0, "reached": 0.0, "input": 0.0}


def test_weights_drawn_anew_tell_what_was_born_from_what_was_learnt() -> None:
    def model() -> nn.Module:
        return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8))

    collapsed = model()
    with torch.no_grad():
        collapsed[3].weight.mul_(1e-6)  # type: ignore[index]
    probes = {p.arm: p for p in shown(watched(collapsed), "redrawn")}
    assert (probes["trained"].values["relative_dispersion"] or 0) < 1e-3
    assert (probes["drawn"].values["relative_dispersion"] or 0) > 0.3
    born = nn.Sequential(*(nn.Linear(6, 6) for _ in range(30)))
    probes = {p.arm: p for p in shown(watched(born), "redrawn")}
    assert (probes["drawn"].values["relative_dispersion"] or 1) < 1e-3


def test_weights_that_cannot_be_drawn_anew_are_named() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.scale = nn.Linear(6, 4), nn.Parameter(torch.ones(4))

        def forward(self, x: Tensor) -> Any:
            return self.linear(x) * self.scale

    assert "the model itself holds parameters" in why_not(watched(Own()), "redrawn")
    parametrised = nn.Sequential(parametrizations.weight_norm(nn.Linear(6, 4)))
    assert "`0` are computed from others" in why_not(watched(parametrised), "redrawn")
