"""CD206 where nobody wrote a dimension: cosines of sequences along the second of three."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.inspector.dimensions.features import has_features_last

X = torch.randn(7, 3, 5)
LEARNT = X.clone().requires_grad_()
IDS = torch.randint(0, 10, (7, 3))

LAST: dict[str, Callable[[], Tensor]] = {
    "linear": lambda: nn.Linear(5, 4)(X),
    "linear without bias": lambda: nn.Linear(5, 4, bias=False)(X),
    "activation and dropout": lambda: F.gelu(F.dropout(nn.Linear(5, 4)(X), 0.1)),
    "residual": lambda: nn.Linear(5, 5)(X) + nn.Linear(5, 5)(X),
    "normalized": lambda: F.normalize(nn.Linear(5, 4)(X), dim=-1),
    "some steps": lambda: nn.Linear(5, 4)(X)[1:, :2],
    "rolled": lambda: nn.Linear(5, 4)(X).roll(1, 1),
    "time and batch swapped": lambda: nn.Linear(5, 4)(X).transpose(0, 1),
    "layer norm": lambda: nn.LayerNorm(5)(LEARNT),
    "embedding": lambda: nn.Embedding(10, 4)(IDS),
    "rnn": lambda: nn.RNN(5, 4)(X)[0],
    "gru": lambda: nn.GRU(5, 4, batch_first=True)(X)[0],
    "gru of both directions": lambda: nn.GRU(5, 4, bidirectional=True)(X)[0],
    "lstm": lambda: nn.LSTM(5, 4, 2)(X)[0],
    "lstm of both directions": lambda: nn.LSTM(5, 4, bidirectional=True, batch_first=True)(X)[0],
    "attention": lambda: nn.MultiheadAttention(5, 1)(LEARNT, LEARNT, LEARNT)[0],
}
NOT_LAST: dict[str, Callable[[], Tensor]] = {
    "convolution": lambda: nn.Conv1d(3, 4, 2)(X),
    "turned convolution": lambda: nn.Conv1d(3, 4, 2)(X).transpose(1, 2),
    "batch norm": lambda: nn.BatchNorm1d(3)(LEARNT),
    "turned linear": lambda: nn.Linear(5, 4)(X).permute(0, 2, 1),
    "linear over turned": lambda: nn.Linear(3, 4)(LEARNT.transpose(1, 2)),
    "mixer": lambda: nn.Linear(9, 4)(F.gelu(nn.Linear(3, 9, bias=False)(LEARNT.mT))),
    "unfolded": lambda: nn.Linear(5, 12)(X[:, 0]).view(7, 3, 4),
    "stacked by the user": lambda: torch.stack([nn.Linear(5, 4)(X[:, i]) for i in (0, 1)], 1),
    "rows": lambda: nn.Linear(5, 4)(X[:, 0]),
    "given": lambda: X,
}


@pytest.mark.parametrize("name", LAST)
def test_features_are_known_to_be_last(name: str) -> None:
    assert has_features_last(LAST[name]())


@pytest.mark.parametrize("name", NOT_LAST)
def test_features_are_not_known_to_be_last(name: str) -> None:
    assert not has_features_last(NOT_LAST[name]())


class Steps(nn.Module):
    """Of (time, batch, 5) it makes (time, batch, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(5, 8)
        self.out = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        states: Tensor = self.out(self.rnn(x)[0])
        return states


class Maps(nn.Module):
    """Of (batch, length, 5) it makes maps (batch, 8, length)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(5, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        maps: Tensor = self.conv(x.transpose(1, 2))
        return maps


def train(model: nn.Module, similarity: Callable[[Tensor, Tensor], Any]) -> Diagnosis:
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    with Inspector(model) as inspector:
        for _ in range(10):
            x = torch.randn(6, 12, 5)
            one, two = model(x + 0.1 * torch.randn_like(x)), model(x + 0.1 * torch.randn_like(x))
            optimizer.zero_grad()
            (1 - similarity(one, two).mean() + similarity(one, two.roll(1, 0)).mean()).backward()
            optimizer.step()
    return inspector.diagnose()


def shapes_found(diagnosis: Diagnosis) -> list[int | None]:
    return [finding.where.line for finding in diagnosis.findings if finding.code == "CD206"]


def by_function(one: Tensor, two: Tensor) -> Tensor:
    return F.cosine_similarity(one, two)


MODULE = nn.CosineSimilarity()


def by_module(one: Tensor, two: Tensor) -> Any:
    return MODULE(one, two)


def by_written(one: Tensor, two: Tensor) -> Tensor:
    return F.cosine_similarity(one, two, dim=1)


def by_both(one: Tensor, two: Tensor) -> Tensor:
    features = F.cosine_similarity(one, two, dim=-1).mean()
    return features + F.cosine_similarity(one, two).mean()


def by_both_in_turn(one: Tensor, two: Tensor) -> Tensor:
    default = F.cosine_similarity(one, two).mean()
    return default + F.cosine_similarity(one, two, dim=2).mean()


def by_correlation(one: Tensor, two: Tensor) -> Tensor:
    return F.cosine_similarity(one - one.mean(1, True), two - two.mean(1, True))


@pytest.mark.parametrize("similarity", [by_function, by_module])
def test_a_default_nobody_wrote_is_told(similarity: Callable[[Tensor, Tensor], Any]) -> None:
    diagnosis = train(Steps(), similarity)
    line = similarity.__code__.co_firstlineno + 1
    assert shapes_found(diagnosis) == [line]
    finding = next(one for one in diagnosis.findings if one.code == "CD206")
    assert finding.where.step == 0
    assert "(6, 12, 8) along its default, dimension 1, of size 12" in finding.message
    assert finding.evidence["features"].value == 8


@pytest.mark.parametrize("similarity", [by_written, by_both, by_both_in_turn, by_correlation])
def test_what_was_meant_is_not_told(similarity: Callable[[Tensor, Tensor], Any]) -> None:
    assert shapes_found(train(Steps(), similarity)) == []


def test_maps_have_their_channels_there() -> None:
    assert shapes_found(train(Maps(), by_function)) == []
