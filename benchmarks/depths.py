"""What deep networks are born with, and what becomes of it: spread, take-off, silent units.

Run as ``python -m benchmarks.depths``. Plain networks of 3 to 30 layers, graph networks and
attention without residual connections learn digits for some hundred steps. For each it prints the
spread of its outputs at the first step and at the last; the first step looked at from which on it
was three times what it was at first (it has begun to move), and that at which it passed 0.02; the
largest shares of dead units of a ReLU and of numbers at the rails of a sigmoid or tanh over all
looks from the third on; the loss at first and at the end; and what CD311 and CD314 say.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.programs.common import DIGITS, LABELS
from collapse_doctor.diagnosis import diagnose
from collapse_doctor.inspector.watch import Watch
from collapse_doctor.measurements import Measurements, from_recording

WIDTH, OUT, ROWS, NODES = 64, 32, 64, 200
ACTS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def he(weight: Tensor) -> None:
    nn.init.kaiming_normal_(weight, nonlinearity="relu")


def five_times(weight: Tensor) -> None:
    nn.init.xavier_normal_(weight, gain=5.0)


def plain(
    depth: int,
    act: Callable[[], nn.Module],
    *,
    width: int = WIDTH,
    norm: bool = False,
    fill: Callable[[Tensor], Any] | None = None,
) -> nn.Module:
    blocks = []
    for n in range(depth):
        linear = nn.Linear(WIDTH if n == 0 else width, width)
        if fill is not None:
            fill(linear.weight)
            nn.init.zeros_(linear.bias)
        blocks.append(nn.Sequential(linear, *([nn.LayerNorm(width)] if norm else []), act()))
    return nn.Sequential(*blocks, nn.Linear(width, OUT))


class Graph(nn.Module):
    """Each layer averages over the nearest neighbours among a fixed set of digits."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        near = torch.cdist(DIGITS[:NODES], DIGITS[:NODES]).topk(7, largest=False).indices
        edges = torch.zeros(NODES, NODES).scatter_(1, near, 1.0)
        edges = ((edges + edges.T) > 0).float()
        self.average = edges / edges.sum(1, keepdim=True)
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(depth))
        self.out = nn.Linear(WIDTH, OUT)

    def forward(self, x: Tensor) -> Any:
        for layer in self.layers:
            x = F.relu(self.average @ layer(x))
        return self.out(x)


class Attending(nn.Module):
    """Self-attention over the rows of a digit, layer on layer, without residual connections."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.enter = nn.Linear(8, 32)
        self.layers = nn.ModuleList(
            nn.MultiheadAttention(32, 4, batch_first=True) for _ in range(depth)
        )
        self.out = nn.Linear(32, OUT)

    def forward(self, x: Tensor) -> Any:
        x = self.enter(x.view(-1, 8, 8))
        for layer in self.layers:
            x = layer(x, x, x, need_weights=False)[0]
        return self.out(x.mean(1))


def networks() -> Iterator[tuple[str, Callable[[], nn.Module]]]:
    for name, act in ACTS.items():
        for depth in (3, 5, 6, 8, 12, 16, 20, 30):
            yield f"{name} {depth}", partial(plain, depth, act)
    for depth in (3, 8, 16, 30):
        yield f"relu he {depth}", partial(plain, depth, nn.ReLU, fill=he)
        yield f"relu norm {depth}", partial(plain, depth, nn.ReLU, norm=True)
        yield f"tanh 5x {depth}", partial(plain, depth, nn.Tanh, fill=five_times)
    for width in (128, 512):
        yield f"relu 3 wide {width}", partial(plain, 3, nn.ReLU, width=width)
    for depth in (2, 8, 12, 16, 20, 30):
        yield f"graph {depth}", partial(Graph, depth)
        if depth < 20:
            yield f"attention {depth}", partial(Attending, depth)


def train(model: nn.Module, rate: float, steps: int, *, by_class: bool) -> tuple[str, str]:
    head = nn.Linear(OUT, 10)
    optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=rate)
    losses = []
    with Watch({"model": model}) as watch:
        for _ in range(steps):
            loss = _loss(model, head, by_class=by_class)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    measured = from_recording(watch.recording, title="a network")
    found = diagnose(measured, select=("CD311", "CD314")).findings
    first, last = statistics.mean(losses[:5]), statistics.mean(losses[-5:])
    says = " ".join(f"{f.code} ({f.severity.value})" for f in found)
    return f"{_spread(measured)} {_ends(measured)}", f"{first:6.3f} {last:6.3f}  {says}"


def _loss(model: nn.Module, head: nn.Module, *, by_class: bool) -> Any:
    if isinstance(model, Graph):
        return F.cross_entropy(head(model(DIGITS[:NODES])), LABELS[:NODES])
    rows = torch.randint(0, len(DIGITS), (ROWS,))
    if by_class:
        return F.cross_entropy(head(model(DIGITS[rows])), LABELS[rows])
    x = DIGITS[rows]
    one, other = (F.normalize(model(x + 0.2 * torch.randn_like(x))) for _ in range(2))
    return F.cross_entropy(one @ other.T / 0.2, torch.arange(ROWS))


def _spread(measured: Measurements) -> str:
    rows = measured.metrics
    last = measured.layers[-1].layer
    own = rows[rows["layer"].eq(last) & rows["metric"].eq("relative_dispersion")]
    course = own.groupby("step")["value"].median()
    born, now = float(course.iloc[0]), float(course.iloc[-1])
    rise, off = (_first(course, above) for above in (3 * born, max(0.02, 3 * born)))
    return f"{born:8.1e} {now:8.1e} {rise:>5} {off:>5}"


def _first(course: Any, above: float) -> str:
    passed = course[course > above]
    return str(passed.index[0]) if len(passed) else "-"


def _ends(measured: Measurements) -> str:
    later = [one for one in measured.activations if one.step >= 2]
    dead = max((one.stuck or 0.0 for one in later if one.kind == "relu"), default=math.nan)
    rails = max((one.ends or 0.0 for one in later if one.kind != "relu"), default=math.nan)
    stuck = max((one.stuck or 0.0 for one in later if one.kind != "relu"), default=math.nan)
    return f"{dead:5.2f} {rails:5.2f} {stuck:5.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rates", type=float, nargs="*", default=[1e-3])
    parser.add_argument("--networks", default="", help="Only those whose name begins so.")
    options = parser.parse_args()
    print("network        loss      rate   born     end      rise takes-off dead rails stuck  loss")
    for rate in options.rates:
        for name, make in networks():
            if not name.startswith(options.networks):
                continue
            for by_class in (False, True):
                if name.startswith("graph") and not by_class:
                    continue
                torch.manual_seed(0)
                shown, says = train(make(), rate, options.steps, by_class=by_class)
                kind = "class" if by_class else "pairs"
                print(f"{name:14} {kind:6} {rate:7.0e} {shown}  {says}", flush=True)


if __name__ == "__main__":
    main()
