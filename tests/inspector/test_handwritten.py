"""Comparisons that are written by hand are seen for what they are, and nothing else is."""

from __future__ import annotations

import gc
import sysconfig
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.inspector.byhand.contractions import contraction, sums_features
from collapse_doctor.inspector.byhand.terms import MOST_REMEMBERED, Fleeting
from collapse_doctor.inspector.watch import Watch
from tests.inspector.by_hand import HEALTHY, SICK
from tests.inspector.test_programs import marked, related, train


@pytest.mark.parametrize("name", SICK)
def test_alias_in_a_comparison_by_hand(name: str) -> None:
    program = SICK[name]
    found = related(train(program))
    assert {relation.kind for c in found for relation in c.relations} == {program.kind}
    assert sorted({c.step for c in found}) == list(range(program.first, 4))
    met, born = marked(program, "met"), marked(program, "born")
    if met is not None:
        assert {c.site.line for c in found} == {met}
    if born is not None:
        assert [birth.line for birth in found[0].births] == [born]


@pytest.mark.parametrize(
    ("name", "made"), [("returned_twice", "return z, z"), ("returned_under_two_names", "other = z")]
)
def test_alias_that_is_born_in_another_function(name: str, made: str) -> None:
    (birth,) = related(train(SICK[name]))[0].births
    assert birth.source == made


@pytest.mark.parametrize("name", HEALTHY)
def test_look_alikes_by_hand_are_not_related(name: str) -> None:
    assert related(train(HEALTHY[name], steps=6)) == []


def test_what_is_equal_at_first_only_is_no_finding() -> None:
    """The policy that acted is the one that learns, before its first update."""
    torch.manual_seed(0)
    model = nn.Linear(20, 16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    states = torch.randn(8, 20)
    with Inspector(model) as inspector:
        old = model(states).detach()
        for _ in range(4):
            new = model(states)
            loss = (new - old).pow(2).mean() + model(torch.randn(8, 20)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert [c.relations != () for c in inspector.recording.comparisons] == [True] + 3 * [False]
    assert not [f for f in inspector.diagnose().findings if f.code.startswith("CD1")]


A, B, LONG = torch.randn(3, 8, 5)[0], torch.randn(8, 5), torch.randn(6, 5)


@pytest.mark.parametrize(
    ("name", "args", "kind"),
    [
        ("einsum", ("bd,bd->b", A, B), "paired"),
        ("einsum", ("bd,bd->", A, B), "paired"),
        ("einsum", ("bd,bd", [A, B]), "paired"),
        ("einsum", ("...d, ...d -> ...", A, B), "paired"),
        ("einsum", ("bd,bd->d", A, B), None),  # a covariance's diagonal
        ("einsum", ("bd,bd->bd", A, B), None),
        ("einsum", ("bd,be->de", A, B), None),
        ("einsum", ("id,jd->ij", A, LONG), "table"),
        ("einsum", ("nc,ck->nk", A, B.T), "table"),
        ("einsum", ("bd,bd,bd->b", A, B, A), None),
        ("tensordot", (A, B, 2), "paired"),
        ("tensordot", (A, LONG, ([1], [1])), "table"),
        ("tensordot", (A, B.T, 1), None),
        ("dot", (A[0], B[0]), "paired"),
        ("inner", (A, LONG), "table"),
        ("linear", (A, LONG), "table"),
        ("linear", (A, nn.Parameter(LONG)), None),  # a layer
        ("linear", (A, LONG, torch.zeros(len(LONG))), None),
        ("bmm", (A[:, None], B[:, :, None]), "paired"),
        ("bmm", (A[None], LONG.T[None]), None),
        ("matmul", (A, LONG.T), "table"),
        ("vecdot", (A, B), "paired"),
        ("vecdot", (A, B[0]), None),
    ],
)
def test_which_rows_meet_in_a_product(name: str, args: tuple[Any, ...], kind: str | None) -> None:
    found = contraction(name, args, {})
    assert (found.kind if found is not None else None) == kind


@pytest.mark.parametrize(
    ("dims", "order", "expected"),
    [(None, 2, -1), (1, 2, -1), (-1, 3, -1), ((0, 1), 2, -1), (0, 2, None), (1, 3, None),
     (1, 4, 1), ((0, 2), 3, None), ([], 2, -1), (0, 1, -1)],
)  # fmt: skip
def test_which_sums_are_over_features(dims: Any, order: int, expected: int | None) -> None:
    assert sums_features(dims, order) == expected


def test_what_was_in_between_is_forgotten_with_its_tensor() -> None:
    trail: Fleeting[str] = Fleeting()
    tensors = [torch.zeros(1) for _ in range(MOST_REMEMBERED + 1)]
    for tensor in tensors:
        trail.put(tensor, "something")
    assert trail.of(tensors[0]) is None, "the oldest"
    assert trail.of(tensors[1]) == "something"
    tensors.clear()
    del tensor
    gc.collect()
    assert len(trail) == 0


def step(
    watch_of: nn.Module, loss_of: Callable[[Tensor], Tensor], kept: list[Tensor]
) -> list[StorageWeakRef]:
    """Train one step, keep what was in between, and return weak references to what it was of."""
    optimizer = torch.optim.SGD(watch_of.parameters(), lr=0.1)
    z = watch_of(torch.randn(8, 20))
    other = z.detach() * 1.5
    gap, table = z - other, z @ other.T
    loss = loss_of(gap) + torch.diag(table).sum()
    loss.backward()
    optimizer.step()
    kept += [gap.detach(), gap, table]
    return [StorageWeakRef(t.untyped_storage()) for t in (z, other)]


def test_nothing_in_between_outlives_its_step() -> None:
    model = nn.Linear(20, 16)
    kept: list[Tensor] = []
    with Watch({"model": model}):
        told = step(model, lambda gap: gap.pow(2).sum(), kept)
        left = step(model, lambda gap: gap.sum(), kept)  # that never was a distance
        gc.collect()
        assert not [reference for reference in told + left if not reference.expired()]


LIBRARY = """
from torch.nn import functional as F

def contrast(left, right):
    length = (left * left).sum(1) + (left - left).pow(2).sum(1)
    twin = left
    product = (left * twin).sum(1).mean() + (left - left.detach()).pow(2).mean()
    logits = F.normalize(left) @ F.normalize(right).T
    return F.cross_entropy(logits / 0.1, labels) + length.mean() + product
"""


@pytest.mark.parametrize("is_alias", [True, False])
def test_inside_a_library_only_values_count(is_alias: bool) -> None:
    space: dict[str, Any] = {"__name__": "somelib.losses", "labels": torch.arange(8)}
    file = f"{sysconfig.get_paths()['purelib']}/somelib/losses.py"
    exec(compile(LIBRARY, file, "exec"), space)
    model = nn.Linear(20, 16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Watch({"model": model}) as watch:
        for _ in range(3):
            x = torch.randn(8, 20)
            left = model(x)
            right = left.clone() if is_alias else model(x + torch.randn(8, 20))
            loss = space["contrast"](left, right)  # here
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found = related(watch.recording)
    kinds = {(r.kind, c.function) for c in found for r in c.relations}
    assert kinds == ({("equal", "F.cross_entropy of (a @ b.T)")} if is_alias else set())
    assert all(c.site.source.endswith("# here") for c in found)


def test_a_memory_that_begins_with_the_present_batch() -> None:
    """A bank that the batch is put into before it is compared holds nothing else at first."""
    model = nn.Linear(20, 16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    bank: list[Tensor] = []
    with Watch({"model": model}) as watch:
        for _ in range(3):
            z = model(torch.randn(8, 20))
            bank.append(z.detach())
            rows = torch.cat([z, torch.cat(bank)])
            (rows @ rows.T).logsumexp(1).mean().backward()
            optimizer.step()
    assert related(watch.recording) == []


def test_operands_by_hand_are_named_as_written() -> None:
    (first, *_) = related(train(SICK["batched_operator"]))
    assert [operand.expression for operand in first.operands] == ["a", "b"]
    assert [operand.shape for operand in first.operands] == [(8, 16), (8, 16)]
    assert first.function == "matmul"
    (first, *_) = related(train(SICK["diagonal_of_distances"]))
    assert [operand.expression for operand in first.operands] == ["a", "p"]
    assert first.function == "cdist(a, b).diagonal"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        (
            "temperature_before_what_has_no_name",
            ("F.normalize(z, dim=-1)", "F.normalize(key, dim=-1)"),
        ),
        ("temperature_on_both_sides", ("F.normalize(z)", "F.normalize(copy)")),
        ("temperature_on_one_side", ("scale * image", "text")),
    ],
)
def test_a_temperature_is_no_part_of_an_operand(name: str, names: tuple[str, str]) -> None:
    (first, *_) = related(train(SICK[name]))
    assert tuple(operand.expression for operand in first.operands) == names


def test_a_product_within_a_model_is_seen_and_gates_are_not_recorded() -> None:
    class Siamese(nn.Module):
        def __init__(self, twin: bool) -> None:
            super().__init__()
            self.inner, self.twin = nn.Linear(20, 16), twin

        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            a = self.inner(x) * torch.sigmoid(self.inner(x))
            a.sum()
            b = a if self.twin else self.inner(y)
            product: Tensor = (a * b).sum(-1)
            return product

    for twin in (True, False):
        model = Siamese(twin)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        with Watch({"model": model}) as watch:
            for _ in range(3):
                F.softplus(-model(torch.randn(8, 20), torch.randn(8, 20))).mean().backward()
                optimizer.step()
        assert len(watch.recording.comparisons) == (3 if twin else 0)
        assert len(related(watch.recording)) == (3 if twin else 0)
