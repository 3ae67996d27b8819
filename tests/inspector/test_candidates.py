"""Negatives that are the positive: scores of one anchor that lie side by side, and are one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector

ROWS = 12
Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def first_of(scores: Tensor) -> Tensor:
    return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))


def cosines(query: Tensor, key: Tensor, others: Tensor) -> Tensor:
    positive = F.cosine_similarity(query, key, dim=-1).unsqueeze(-1)
    negative = F.cosine_similarity(query.unsqueeze(1), others, dim=-1)
    return first_of(torch.cat([positive, negative], -1) / 0.1)


def products(query: Tensor, key: Tensor, others: Tensor) -> Tensor:
    positive = (query * key).sum(-1, keepdim=True)
    negative = (query[:, None] * others).sum(dim=-1)
    scores = torch.cat((positive, negative), dim=1)
    return (scores.logsumexp(1) - scores[:, 0]).mean()


def by_einsum(query: Tensor, key: Tensor, others: Tensor) -> Tensor:
    positive = torch.einsum("nd,nd->n", query, key)
    negative = torch.einsum("nd,nkd->nk", query, others)
    return -torch.cat([positive[:, None], negative], 1).log_softmax(1)[:, 0].mean()


def by_batches(query: Tensor, key: Tensor, others: Tensor) -> Tensor:
    positive = torch.bmm(key.unsqueeze(1), query.unsqueeze(2)).squeeze(2)
    negative = (others @ query.unsqueeze(2)).squeeze(2)
    return first_of(torch.cat([positive, negative], dim=1))


def by_margin(query: Tensor, key: Tensor, others: Tensor) -> Tensor:
    positive, negative = (query * key).sum(-1), (query * others[:, 0]).sum(-1)
    return F.relu(1 + (negative - positive)).mean()


WAYS: list[Loss] = [cosines, products, by_einsum, by_batches, by_margin]


def own(key: Tensor) -> Tensor:
    place = torch.arange(len(key)).repeat_interleave(4)  # the line
    return key[place].view(len(key), 4, -1)


def spread(key: Tensor) -> Tensor:
    return key[:, None].expand(-1, 4, -1)


def drawn(key: Tensor) -> Tensor:
    return key[torch.randint(0, len(key), (len(key), 4))]


def mostly_own(key: Tensor) -> Tensor:
    return torch.cat([own(key)[:, :3], key.roll(1, 0)[:, None]], 1)


def train(loss_of: Callable[[Tensor, Tensor], Tensor], *, rows: int = ROWS) -> Diagnosis:
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 8))
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    with Inspector(model) as inspector:
        for _ in range(12):
            x = torch.randn(rows, 6).expand(ROWS, -1)
            query, key = model(x + 0.1 * torch.randn(rows, 6)), model(x)
            optimizer.zero_grad()
            loss_of(query, key).backward()
            optimizer.step()
    return inspector.diagnose()


def aliases(diagnosis: Diagnosis) -> list[tuple[str, int | None]]:
    wanted = ("CD101", "CD102", "CD104")
    return [(f.code, f.where.line) for f in diagnosis.findings if f.code in wanted]


@pytest.mark.parametrize("way", WAYS)
def test_negatives_that_are_the_positive_are_told_where_they_are_taken(way: Loss) -> None:
    diagnosis = train(lambda query, key: way(query, key, own(key)))
    assert aliases(diagnosis)[:1] == [("CD104", own.__code__.co_firstlineno + 1)]
    finding = next(one for one in diagnosis.findings if one.code == "CD104")
    assert finding.where.step == 0
    assert "`key" in finding.message
    assert "one positive and its negatives" in finding.message


def test_views_of_the_positive_are_one_memory() -> None:
    diagnosis = train(lambda query, key: cosines(query, key, spread(key)))
    assert [code for code, _ in aliases(diagnosis)] == ["CD102"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("taken", [drawn, mostly_own])
def test_some_that_are_the_positive_are_none(way: Loss, taken: Callable[[Tensor], Tensor]) -> None:
    if taken is mostly_own and way is by_margin:
        pytest.skip("its one negative is the first, which is the positive")
    assert aliases(train(lambda query, key: way(query, key, taken(key)))) == []


def test_a_batch_of_one_row_makes_all_equal() -> None:
    diagnosis = train(lambda query, key: cosines(query, key, drawn(key)), rows=1)
    assert "CD104" not in {code for code, _ in aliases(diagnosis)}


def test_a_score_against_what_is_cut_of_itself_is_none() -> None:
    def loss_of(query: Tensor, key: Tensor) -> Tensor:
        score = (query * key).sum(-1)
        other = (query * key.clone().detach()).sum(-1)
        return (score - other).mean() + F.relu(score - score.detach() + 1).mean()

    diagnosis = train(loss_of)
    told = [f.message for f in diagnosis.findings if "its negatives" in f.message]
    assert told == []


def test_scores_of_several_anchors_are_no_candidates() -> None:
    def loss_of(query: Tensor, key: Tensor) -> Tensor:
        both = [F.cosine_similarity(query, key), F.cosine_similarity(key, query)]
        return -torch.stack(both, -1).logsumexp(-1).mean()

    assert [f for f in train(loss_of).findings if "its negatives" in f.message] == []
