"""What is judged when there is time is what would have been judged at once, and told in order."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector
from collapse_doctor.inspector import watch
from collapse_doctor.inspector.senses import Senses
from collapse_doctor.recording.memory import Recording

STEPS = 60


def _trained(monkeypatch: pytest.MonkeyPatch, *, postpones: bool) -> Recording:
    """Train with all that is compared: aliases, a table, a kept batch, columns, a layer's units."""

    def senses(*given: Any, **named: Any) -> Senses:
        return Senses(*given, **{**named, "postpones": postpones})

    monkeypatch.setattr(watch, "Senses", senses)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 6))
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    with Inspector(model) as inspector:
        kept = model(torch.randn(12, 8)).detach().clone()
        for _ in range(STEPS):
            x = torch.randn(12, 8)
            a, b = model(x), model(x + 0.1 * torch.randn(12, 8))
            alias = a.detach()
            table = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T / 0.5
            loss = F.cross_entropy(table, torch.arange(12))
            loss = loss + F.mse_loss(a, alias) + F.mse_loss(b, kept)
            loss = loss + 1 - F.cosine_similarity(F.normalize(a, dim=0), b).mean()
            kept = torch.from_numpy(b.detach().numpy().copy())  # as from a disk: no way leads back
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.recording


@pytest.mark.parametrize("what", ["comparisons", "shapes", "intakes", "activations", "updates"])
def test_what_was_put_off_is_what_would_have_been_told_at_once(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings = [_trained(monkeypatch, postpones=put_off) for put_off in (True, False)]
    later, at_once = (sorted(map(repr, getattr(recording, what))) for recording in recordings)
    assert later == at_once
    assert later


def test_comparisons_are_told_in_the_order_of_their_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    comparisons = _trained(monkeypatch, postpones=True).comparisons
    kinds = {relation.kind for comparison in comparisons for relation in comparison.relations}
    assert {"detached", "stale"} <= kinds, "one is judged by what is known then, one is not"
    steps = [comparison.step for comparison in comparisons]
    assert steps == sorted(steps)
    assert len({*steps}) > 8
