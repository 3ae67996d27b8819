"""Lines that change a number, replace a module, sum over neighbours or saturate a loss."""

from __future__ import annotations

from pathlib import Path

import pytest

from collapse_doctor.inspector.source.faultlines import replaced_at
from collapse_doctor.inspector.source.layerlines import gathered_at, saturated_at
from collapse_doctor.inspector.source.moving import moved_at
from collapse_doctor.recording.observations import CallSite


def written(folder: Path, text: str) -> str:
    path = folder / "program.py"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("s = a @ b.T / tau\ntau = 0.5\ntau = tau * 0.9\n", 3),
        ("s = scores * self.sharp\nmodel.sharp *= 2\n", 2),
        ("loss = w * term\nw = ramp(step)\n", 2),
        ("loss = (\n    ramp(step) * term\n)\n", None),  # it is made where it is used
        ("s = a @ b.T / tau\ntau = 0.5\n", None),
    ],
)
def test_what_changes_a_factor(tmp_path: Path, text: str, line: int | None) -> None:
    found = moved_at(CallSite(written(tmp_path, text), 1))
    assert (found.line if found else None) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("model.encoder = copy.deepcopy(best)\n", 1),
        ("setattr(model, 'encoder', best)\n", 1),
        ("model._modules['encoder'] = best\n", 1),
        ("class M:\n    def __init__(self):\n        self.encoder = Net()\n", None),
        ("model.encoder = a\nmodel.encoder = b\n", None),
        ("model.other = Net()\n", None),
    ],
)
def test_what_replaces_a_module(tmp_path: Path, text: str, line: int | None) -> None:
    found = replaced_at((written(tmp_path, text),), ("encoder.a.weight", "encoder.b.bias"))
    assert (found.line if found else None) == line


@pytest.mark.parametrize(
    ("forward", "found"),
    [
        ("return adj @ self.lin(h)", True),
        ("return h.index_add(0, dst, self.lin(h))", True),
        ("return adj @ self.lin(h) / adj.sum(1, keepdim=True)", False),
        ("return self.lin(h)", False),
    ],
)
def test_what_sums_over_neighbours(tmp_path: Path, forward: str, found: bool) -> None:
    text = f"class Layer:\n    def forward(self, h, adj, dst=None):\n        {forward}\n"
    line = gathered_at((written(tmp_path, text),))
    assert (line is not None and line.line == 3) == found


KERNEL = "def rbf(z, gamma=1.0):\n    return torch.exp(-gamma * d(z))\n\n\nk = rbf(z{})\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (KERNEL.format(""), 1),
        (KERNEL.format(", 2.0"), 2),
        ("def forward(self, x):\n    return torch.exp(x)\n", None),
        ("p = torch.sigmoid(99 * s)\n", 1),
    ],
)
def test_what_saturates_a_loss(tmp_path: Path, text: str, line: int | None) -> None:
    found = saturated_at((written(tmp_path, text),))
    assert (found.line if found else None) == line
