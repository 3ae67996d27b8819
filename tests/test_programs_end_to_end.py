"""From a training to its diagnosis: the alias is named, and look-alikes are not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from tests.inspector.programs import HEALTHY, SICK, Body

CODES = {
    "same-object": "CD101",
    "shared-storage": "CD102",
    "detached": "CD103",
    "equal": "CD104",
    "scalar-multiple": "CD105",
    "stale": "CD106",
    "affine": "CD105",
    "same-input": "CD107",
}


def diagnose(body: Body, steps: int) -> Diagnosis:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 16))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    memory: dict[str, Any] = {"optimizer": optimizer}
    with Inspector(model) as inspector:
        for _ in range(steps):
            view1 = torch.randn(16, 20)[:8]
            view2 = view1 + 0.1 * torch.randn(8, 20)
            loss = body(model, view1, view2, memory)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


def aliases(diagnosis: Diagnosis) -> set[str]:
    return {finding.code for finding in diagnosis.findings if finding.code.startswith("CD1")}


@pytest.mark.parametrize("name", SICK)
def test_the_alias_is_named_within_three_steps(name: str) -> None:
    kinds = (kind for kind in (SICK[name].kind, SICK[name].behind) if kind)
    assert aliases(diagnose(SICK[name].body, steps=4)) == {CODES[kind] for kind in kinds}


@pytest.mark.parametrize("name", HEALTHY)
def test_look_alikes_are_not_named(name: str) -> None:
    assert aliases(diagnose(HEALTHY[name].body, steps=25)) == set()


def queue_of_whole_batches(model: nn.Module, x: Any, y: Any, memory: dict[str, Any]) -> Any:
    """At the second step the queue holds one batch only, and its rows are all of the first."""
    batches = memory.setdefault("batches", [])
    z = model(x)
    loss = z.pow(2).mean()
    if batches:
        bank = torch.cat(batches)
        loss = loss - F.cosine_similarity(z, bank[torch.randint(len(bank), (8,))]).mean()
    batches.append(model(y).detach())
    return loss


def pairs_of_all_with_all(model: nn.Module, x: Any, _y: Any, _memory: dict[str, Any]) -> Any:
    """A loop over all pairs meets each row with itself as well."""
    z = model(x)
    loss = z.pow(2).mean()
    for a in range(4):
        for b in range(4):
            loss = loss + F.cosine_similarity(z[a], z[b], dim=0)
    return loss


def old_policy_at_first(model: nn.Module, x: Any, _y: Any, memory: dict[str, Any]) -> Any:
    """Every fourth step the old output is that of the present weights, and then no more."""
    if memory.get("age", 4) == 4:
        memory |= {"age": 0, "x": x, "old": model(x).detach()}
    memory["age"] += 1
    return F.mse_loss(model(memory["x"]), memory["old"]) + model(x).pow(2).mean()


def matrix_of_a_last_batch_of_one(model: nn.Module, x: Any, _y: Any, memory: dict[str, Any]) -> Any:
    memory["step"] = memory.get("step", 0) + 1
    z = model(x[: 1 if memory["step"] % 5 == 0 else 8])
    return F.cosine_similarity(z[:, None], z[None], dim=-1).mean()


@pytest.mark.parametrize(
    "body",
    [
        queue_of_whole_batches,
        pairs_of_all_with_all,
        old_policy_at_first,
        matrix_of_a_last_batch_of_one,
    ],
)
def test_what_happens_now_and_then_is_no_alias_in_the_code(body: Body) -> None:
    assert aliases(diagnose(body, steps=25)) == set()
