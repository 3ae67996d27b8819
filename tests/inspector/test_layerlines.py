"""The line that drew the weights, or chose the activations, where a source has one such only."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from collapse_doctor.inspector.source.layerlines import drawn_at, files_of, squashed_at
from collapse_doctor.recording.observations import CallSite

ONE = """\
def init(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight, std=2.0)
        nn.init.normal_(m.bias)
        nn.init.zeros_(m.bias)
"""
BY_METHOD = """\
for p in net.parameters():
    p.data.uniform_(-3, 3)
"""
SCALED = """\
ema.data.mul_(0.9)
net.out.weight.data.mul_(0.01)
"""
TWO = """\
nn.init.xavier_uniform_(net.one.weight)
nn.init.xavier_uniform_(net.other.weight)
"""
ONE_IN_A_LOOP = """\
nn.init.xavier_uniform_(net.one.weight)
for layer in net.deep:
    nn.init.orthogonal_(layer.weight, 3.0)
"""
NONE = "nn.init.zeros_(net.weight)\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [(ONE, 3), (BY_METHOD, 2), (SCALED, 2), (TWO, None), (ONE_IN_A_LOOP, 3), (NONE, None)],
)
def test_the_line_that_drew_the_weights(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "model.py"
    path.write_text(text)
    found = drawn_at((str(path),))
    assert (found.line if found else None) == line


SQUASHED = """\
self.gate = nn.Linear(3, 3)
layers = [layer for _ in range(9) for layer in (nn.Linear(3, 3), nn.Sigmoid())]
"""
CALLED = """\
def forward(self, x):
    x = F.relu(self.one(x))
    for layer in self.layers:
        x = torch.tanh(layer(x))
    return torch.sigmoid(x)
"""


@pytest.mark.parametrize(("text", "line"), [(SQUASHED, 2), (CALLED, 4), (ONE, None)])
def test_the_line_of_a_sigmoid(tmp_path: Path, text: str, line: int | None) -> None:
    path = tmp_path / "model.py"
    path.write_text(text)
    found = squashed_at((str(path),))
    assert (found.line if found else None) == line


def test_several_files_are_one_source(tmp_path: Path) -> None:
    one, other = tmp_path / "model.py", tmp_path / "train.py"
    one.write_text(ONE)
    other.write_text("loss.backward()\n")
    found = drawn_at((str(one), str(other)))
    assert found is not None
    assert found.source == "nn.init.normal_(m.weight, std=2.0)"
    third = tmp_path / "other.py"
    third.write_text(BY_METHOD)
    assert drawn_at((str(third), str(one))) == CallSite(  # that in a loop
        str(third), 2, source="p.data.uniform_(-3, 3)"
    )


class Own(nn.Module):
    pass


def test_the_files_of_a_model_are_those_of_its_own_classes() -> None:
    model = nn.Sequential(nn.Linear(2, 2), Own())
    assert files_of(model, CallSite("train.py", 3)) == ("train.py", __file__)
    assert files_of(nn.Linear(2, 2), None) == ()
