"""From a training to its diagnosis: shapes and dimensions that are mistaken are named."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from tests.inspector.shape_programs import (
    ALONG,
    CLASSES,
    INNOCENT,
    ROWS,
    SPREAD,
    WIDTH,
    Body,
    Given,
)


def diagnose(body: Body, steps: int = 4, rows: int = ROWS) -> Diagnosis:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, WIDTH))
    head, logits = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, CLASSES)
    classifier = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, CLASSES))
    modules = nn.ModuleList([model, head, logits, classifier])
    optimizer = torch.optim.SGD(modules.parameters(), lr=0.01)
    memory = {"classifier": classifier}
    with Inspector({"model": model, "classifier": classifier}) as inspector:
        for _ in range(steps):
            view1, view2 = torch.randn(2, rows, 20)
            y = torch.randint(0, 2, (rows, 1)).float()
            classes = torch.randint(0, CLASSES, (rows,))
            loss = body(Given(model, head, logits, view1, view2, y, classes, memory))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not [n for n in inspector.recording.notices if n.about == "inspector"]
    return inspector.diagnose()


def shapes(diagnosis: Diagnosis) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for finding in diagnosis.findings:
        if finding.code in ("CD205", "CD206"):
            found.setdefault(finding.code, finding.where.line)
    return found


def marked(body: Body) -> int | None:
    """Return the line that makes a column, if it is marked as such, else the one that meets it."""
    lines, first = inspect.getsourcelines(body)
    known = {line.rpartition("# ")[2].strip(): first + n for n, line in enumerate(lines)}
    return known.get("made", known.get("here"))


@pytest.mark.parametrize("name", SPREAD)
def test_all_pairs_where_pairs_were_meant(name: str) -> None:
    found = shapes(diagnose(SPREAD[name]))
    assert found == {"CD205": marked(SPREAD[name])}


@pytest.mark.parametrize("name", ALONG)
def test_work_along_the_batch_where_rows_were_meant(name: str) -> None:
    found = shapes(diagnose(ALONG[name]))
    assert list(found) == ["CD206"]
    assert marked(ALONG[name]) in (None, found["CD206"])


@pytest.mark.parametrize("name", INNOCENT)
def test_look_alikes_are_silent(name: str) -> None:
    assert shapes(diagnose(INNOCENT[name], steps=6)) == {}


class Inside(nn.Module):
    """A model that makes its mistake itself."""

    def __init__(self, last: Callable[[Any], Any], out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, out))
        self.last = last

    def forward(self, x: Any) -> Any:
        return self.last(self.body(x))


def contrast(model: Any, view1: Any, view2: Any) -> Any:
    return F.cross_entropy(model(view1) @ model(view2).T / 0.2, torch.arange(len(view1)))


def classify(model: Any, view1: Any, _view2: Any) -> Any:
    return F.nll_loss(model(view1), torch.arange(len(view1)) % 5)


def watched(
    model: nn.Module, loss: Callable[..., Any], rows: int = ROWS, steps: int = 4
) -> Diagnosis:
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with Inspector(model) as inspector:
        for _ in range(steps):
            optimizer.zero_grad()
            loss(model, *torch.randn(2, rows, 20)).backward()
            optimizer.step()
    assert not [n for n in inspector.recording.notices if n.about == "inspector"]
    return inspector.diagnose()


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        (lambda z: F.normalize(z, dim=0), contrast),
        (lambda z: z / z.norm(dim=0), contrast),
        (nn.LogSoftmax(dim=0), classify),
        (lambda z: torch.softmax(z, 0).clamp(min=1e-9).log(), classify),
    ],
)
def test_what_a_model_does_inside_is_named_as_well(last: Any, loss: Any) -> None:
    assert list(shapes(watched(Inside(last, 5), loss))) == ["CD206"]


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        (lambda z: F.normalize(z, dim=1), contrast),
        (lambda z: z - z.mean(0), contrast),
        (nn.BatchNorm1d(5), contrast),
        (nn.LogSoftmax(dim=1), classify),
        (lambda z: z * F.softmax(z, dim=0), contrast),
        (lambda z: F.normalize(z, dim=0), lambda m, x, y: (m(x).T @ m(y)).pow(2).mean()),
    ],
)
def test_what_a_model_may_do_inside_is_not(last: Any, loss: Any) -> None:
    assert shapes(watched(Inside(last, 5), loss)) == {}


def test_as_many_rows_as_columns() -> None:
    square = watched(Inside(lambda z: F.normalize(z, dim=0), ROWS), contrast)
    assert list(shapes(square)) == ["CD206"]
    similarities = Inside(lambda z: F.log_softmax(z @ z.T, dim=0), 5)
    assert shapes(watched(similarities, lambda m, x, y: -m(x).diagonal().mean())) == {}


@pytest.mark.parametrize("name", ["regression_by_hand", "contrastive_by_hand"])
def test_one_row_cannot_tell(name: str) -> None:
    assert shapes(diagnose(SPREAD[name], rows=1)) == {}


def test_the_remedy_names_the_tensor_and_the_shape() -> None:
    (found,) = [
        f for f in diagnose(SPREAD["margin_of_one_kept_dimension"]).findings if f.code == "CD205"
    ]
    assert "`negative.squeeze(1)` or `negative.view(-1)`" in found.remedy
    assert "`positive` (12,) and `negative` (12, 1) broadcast to (12, 12)" in found.message
    assert found.evidence["pairs"].value == 144


def test_the_numbers_prove_the_dimension() -> None:
    (found,) = [
        f for f in diagnose(ALONG["normalized_along_the_batch"]).findings if f.code == "CD206"
    ]
    lengths = {name: float(e.value) for name, e in found.evidence.items() if "length" in name}
    assert lengths["smallest_column_length"] == pytest.approx(1.0, abs=1e-6)
    assert lengths["largest_column_length"] == pytest.approx(1.0, abs=1e-6)
    assert lengths["largest_row_length"] - lengths["smallest_row_length"] > 0.1
    assert found.where.model == "model"
    assert [place.note for place in found.related] == ["rows are compared here"]


class Pooled(nn.Module):
    """Words of a row are averaged with weights that are made of them."""

    def __init__(self, pool: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.inner, self.score, self.outer = nn.Linear(4, 16), nn.Linear(16, 1), nn.Linear(16, 5)
        self.pool = pool

    def forward(self, x: Any) -> Any:
        words = torch.tanh(self.inner(x.view(-1, 5, 4)))
        return self.outer(self.pool(self.score(words), words))


def over_rows(score: Any, words: Any) -> Any:
    weights = score.squeeze(-1).softmax(0)
    return (weights.unsqueeze(-1) * words).sum(1)


def over_rows_by_matrices(score: Any, words: Any) -> Any:
    weights = torch.softmax(score, dim=0)
    return (weights.view(-1, 1, 5) @ words).squeeze(1)


def over_rows_by_einsum(score: Any, words: Any) -> Any:
    return torch.einsum("bt,btd->bd", score[..., 0].softmax(0), words)


@pytest.mark.parametrize("pool", [over_rows, over_rows_by_matrices, over_rows_by_einsum])
def test_weights_that_sum_to_one_over_the_batch(pool: Any) -> None:
    diagnosis = watched(Pooled(pool), contrast)
    (finding,) = [f for f in diagnosis.findings if f.code == "CD206"]
    lines, first = inspect.getsourcelines(pool)
    place = next(n for n, line in enumerate(lines) if "softmax" in line)
    assert (finding.where.line, finding.where.step) == (first + place, 0)
    assert "each row is then averaged with them" in finding.message
    assert "largest_row_sum" in finding.evidence


def over_words(score: Any, words: Any) -> Any:
    return (score.softmax(1) * words).sum(1)


def time_first(score: Any, words: Any) -> Any:
    return (score.transpose(0, 1).softmax(0) * words.transpose(0, 1)).sum(0)


def of_the_whole_batch(score: Any, words: Any) -> Any:
    common = (score.softmax(0) * words).sum(0)
    return words.mean(1) - common.mean(0)


def both_ways(score: Any, words: Any) -> Any:
    scores = score.squeeze(-1)
    weights = scores.softmax(0) * scores.softmax(1)
    weights = weights / weights.sum(1, keepdim=True)
    return (weights.unsqueeze(-1) * words).sum(1)


def divided_again(score: Any, words: Any) -> Any:
    weights = score.squeeze(-1).softmax(0)
    return ((weights / weights.sum(1, keepdim=True)).unsqueeze(-1) * words).sum(1)


@pytest.mark.parametrize(
    "pool", [over_words, time_first, of_the_whole_batch, both_ways, divided_again]
)
def test_weights_that_are_meant_so(pool: Any) -> None:
    assert shapes(watched(Pooled(pool), contrast, steps=6)) == {}


class Attending(nn.Module):
    """Words of a row look at one another."""

    def __init__(self, attend: Callable[..., Any]) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(4, 18), nn.Linear(6, 5)
        self.attend = attend

    def forward(self, x: Any) -> Any:
        q, k, v = torch.tanh(self.inner(x.view(-1, 5, 4))).chunk(3, dim=-1)
        return self.outer(self.attend(q, k, v).mean(1))


def heads(x: Any) -> Any:
    return x.unflatten(-1, (2, 3)).transpose(1, 2)


def over_rows_in_heads(q: Any, k: Any, v: Any) -> Any:
    weights = (heads(q) @ heads(k).mT / 3**0.5).softmax(dim=0)
    return (F.dropout(weights, 0.0) @ heads(v)).transpose(1, 2).flatten(2)


def over_rows_in_one_head(q: Any, k: Any, v: Any) -> Any:
    return torch.bmm(F.softmax(torch.bmm(q, k.mT), dim=0), v)


def over_rows_by_letters(q: Any, k: Any, v: Any) -> Any:
    weights = torch.softmax(torch.einsum("bqd,bkd->bqk", q, k), 0)
    return torch.einsum("bqk,bkd->bqd", weights, v)


@pytest.mark.parametrize(
    "attend", [over_rows_in_heads, over_rows_in_one_head, over_rows_by_letters]
)
def test_attention_that_sums_to_one_over_the_batch(attend: Any) -> None:
    diagnosis = watched(Attending(attend), contrast)
    (finding,) = [f for f in diagnosis.findings if f.code == "CD206"]
    lines, first = inspect.getsourcelines(attend)
    place = next(n for n, line in enumerate(lines) if "softmax" in line)
    assert (finding.where.line, finding.where.step) == (first + place, 0)
    assert "not the 5 places of each row" in finding.message
    assert finding.remedy is not None
    assert "dim=-1" in finding.remedy


def over_keys(q: Any, k: Any, v: Any) -> Any:
    return (heads(q) @ heads(k).mT).softmax(-1).matmul(heads(v)).transpose(1, 2).flatten(2)


def over_queries(q: Any, k: Any, v: Any) -> Any:
    """Slots compete for words, and are normalised once more."""
    shares = (q @ k.mT).softmax(1)
    return (shares / shares.sum(-1, keepdim=True)) @ v


def over_heads_in_front(q: Any, k: Any, v: Any) -> Any:
    """Two heads in front of the rows share each word."""
    parts = [part.unflatten(-1, (2, 3)).movedim(2, 0) for part in (q, k, v)]
    scores = torch.einsum("hbqd,hbkd->hbqk", parts[0], parts[1])
    return torch.einsum("hbqk,hbkd->hbqd", scores.softmax(0), parts[2]).movedim(0, 2).flatten(2)


def added_up_over_rows(q: Any, k: Any, v: Any) -> Any:
    """What sums to 1 over the rows is added up over the rows, as a memory of the batch."""
    weights = torch.einsum("bqd,bkd->bqk", q, k).softmax(0)
    memory = torch.einsum("bqk,bkd->qd", weights, v)
    return v + memory


@pytest.mark.parametrize(
    "attend", [over_keys, over_queries, over_heads_in_front, added_up_over_rows]
)
def test_attention_that_is_meant_so(attend: Any) -> None:
    assert shapes(watched(Attending(attend), contrast, steps=6)) == {}
