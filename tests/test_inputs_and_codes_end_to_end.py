"""From a training, or a file, to its diagnosis: inputs, code books, copies and precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector, analyze
from collapse_doctor.findings import Severity

CODES = {"CD305", "CD403", "CD501", "CD502"}


def alarms(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return the findings above info by their codes."""
    return {f.code: f for f in diagnosis.findings if f.severity is not Severity.INFO}


def contrast(model: nn.Module, batches: Iterator[Tensor], *, noise: float = 0.1) -> Diagnosis:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Inspector(model) as inspector:
        for x in batches:
            z1, z2 = model(x), model(x + noise * torch.randn_like(x) if noise else x)
            logits = F.normalize(z1.float(), dim=1) @ F.normalize(z2.float(), dim=1).T
            loss = F.cross_entropy(logits / 0.2, torch.arange(len(x)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, 32))


def drawn(steps: int = 24, rows: int = 48) -> Iterator[Tensor]:
    for _ in range(steps):
        yield torch.randn(rows, 20)


def test_a_row_repeated_from_a_step_on_is_named_with_that_step() -> None:
    batches = (x if step < 6 else torch.zeros_like(x) for step, x in enumerate(drawn()))
    finding = alarms(contrast(network(), batches, noise=0.0))["CD501"]
    assert finding.where.step == 6
    assert "0" in finding.message


def test_one_picture_for_every_index_is_named_and_explains_what_follows() -> None:
    one = torch.randn(1, 20)
    diagnosis = contrast(network(), (one.repeat(48, 1) for _ in range(24)), noise=0.0)
    assert diagnosis.primary is not None
    assert diagnosis.primary.code == "CD501"


def test_inputs_in_a_mapping_are_seen() -> None:
    class Texts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.out = nn.Embedding(50, 16), nn.Linear(16, 16)

        def forward(self, batch: dict[str, Tensor]) -> Tensor:
            out: Tensor = self.out(self.table(batch["input_ids"]).mean(1))
            return out

    model = Texts()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Inspector(model) as inspector:
        for _ in range(10):
            ids = torch.randint(1, 50, (32, 8)).clamp(max=1)
            z = model({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
            optimizer.zero_grad()
            (z - torch.randn_like(z)).square().mean().backward()
            optimizer.step()
    finding = alarms(inspector.diagnose())["CD501"]
    assert "input_ids" in finding.message


@pytest.mark.parametrize("batches", [drawn, lambda: iter([torch.randn(48, 20)] * 40)])
def test_varied_batches_and_one_batch_again_are_silent(
    batches: Callable[[], Iterator[Tensor]],
) -> None:
    assert not CODES & alarms(contrast(network(), batches())).keys()


def test_inputs_are_not_kept_alive_and_take_no_gradient() -> None:
    model, x = network(), torch.randn(16, 20, requires_grad=True)
    with Inspector(model) as inspector:
        model(x).sum().backward()
    (intake,) = inspector.recording.intakes
    assert (intake.rows, intake.distinct, intake.varied) == (16, 16, True)
    assert x.grad is not None


class Folded(nn.Module):
    """A table of which the ids reach a few rows only."""

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.kinds, self.table, self.out = kinds, nn.Embedding(400, 32), nn.Linear(32, 32)

    def forward(self, ids: Tensor) -> Tensor:
        out: Tensor = self.out(self.table(ids % self.kinds))
        return out


@pytest.mark.parametrize(("kinds", "found"), [(3, True), (400, False)])
def test_ids_folded_to_a_few(kinds: int, found: bool) -> None:
    torch.manual_seed(0)
    model, others = Folded(kinds), nn.Embedding(400, 32)
    optimizer = torch.optim.Adam([*model.parameters(), *others.parameters()], lr=1e-2)
    with Inspector(model) as inspector:
        for _ in range(20):
            ids = torch.randint(0, 400, (80,))
            scores = F.normalize(model(ids), dim=1) @ F.normalize(others(ids), dim=1).T
            optimizer.zero_grad()
            F.cross_entropy(scores / 0.1, torch.arange(80)).backward()
            optimizer.step()
    assert ("CD305" in alarms(inspector.diagnose())) is found


@pytest.mark.parametrize("repeat", [True, False])
def test_rows_that_stand_for_others(repeat: bool) -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, x: Tensor) -> Tensor:
            z: Tensor = self.net(x)
            return torch.cat([z[: len(z) // 2]] * 2) if repeat else z

    model, head = Half(), nn.Linear(32, 4)
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=1e-3)
    with Inspector(model) as inspector:
        for x in drawn():
            optimizer.zero_grad()
            F.cross_entropy(head(model(x)), (x[:, 0] > 0).long()).backward()
            optimizer.step()
    assert ("CD502" in alarms(inspector.diagnose())) is repeat


@pytest.mark.parametrize(("offset", "found"), [(12.0, True), (0.0, False)])
def test_a_bfloat16_model_far_from_the_origin(offset: float, found: bool) -> None:
    model = network().bfloat16()
    with torch.no_grad():
        model.get_parameter("2.bias").add_(offset)
    diagnosis = contrast(model, (x.bfloat16() * 0.3 for x in drawn()))
    assert ("CD403" in alarms(diagnosis)) is found


def test_an_eps_larger_than_the_rows() -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    with Inspector(model) as inspector:
        for x in drawn():
            scores = F.cosine_similarity(model(x), model(x + 0.1), dim=1, eps=100.0)
            optimizer.zero_grad()
            (1 - scores).mean().backward()
            optimizer.step()
    assert alarms(inspector.diagnose())["CD403"].evidence["median_length"].bound == 100.0


def test_files(tmp_path: Path) -> None:
    torch.manual_seed(0)
    healthy = torch.randn(400, 64)
    rows = {
        "healthy": (healthy, set()),
        "half.healthy": (healthy.half(), set()),
        "few": (healthy[:3][torch.randint(0, 3, (400,))], {"CD305"}),
        "twice": (healthy[:200].repeat(2, 1), {"CD502"}),
        "rounded": ((1.5 + 0.016 * healthy).bfloat16(), {"CD403"}),
    }
    for name, (values, expected) in rows.items():
        torch.save(values, tmp_path / f"{name}.pt")
        diagnosis = analyze(tmp_path / f"{name}.pt")
        assert alarms(diagnosis).keys() & CODES == expected, name
        assert "CD501" in {skipped.code for skipped in diagnosis.skipped}
