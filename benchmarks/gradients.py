"""How gradients change over the depth of networks: what is usual, and what no longer trains.

Run as ``python -m benchmarks.gradients``. Networks of 5 to 50 layers learn the classes of small
Gaussian clouds for some steps. For each it prints, from the same observations that the rules
read: the size of the first part's gradient relative to its weights, as a multiple of the last
part's (smallest and largest over the steps looked at); how far the gradient of the whole model
grew at most; the length of the gradient at the first block's output as a multiple of that at the
embedding (smallest and largest); the loss at first and at the end, whether the network learnt,
and what CD203 and CD204 say. It learnt if its loss ended below nine tenths of what it was at first
and of what guessing costs: one that begins at 1e+18 goes down by a tenth without any use.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.diagnosis import diagnose
from collapse_doctor.inspector.watch import Watch
from collapse_doctor.measurements import from_recording
from collapse_doctor.recording.observations import Reach, Update

WIDTH, CLASSES, ROWS = 64, 8, 64
DEPTHS = (5, 10, 20, 30, 50)
RATES = {"SGD": 0.03, "Adam": 1e-3}

Fill = Callable[[Tensor], Any]


def scaled(gain: float) -> Fill:
    """Normal weights of variance gain²/fan_in: 1 is LeCun's, sqrt(2) He's."""
    return lambda w: nn.init.normal_(w, std=gain / w[0].numel() ** 0.5)


INITS: dict[str, Fill | None] = {
    "default": None,
    "lecun": scaled(1.0),
    "he": scaled(2**0.5),
    "std 0.001": lambda w: nn.init.normal_(w, std=0.001),
    "std 1.5": lambda w: nn.init.normal_(w, std=1.5),
}


class Residual(nn.Module):
    def __init__(self, inner: nn.Module, norm: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH) if norm else nn.Identity()
        self.inner = inner

    def forward(self, x: Tensor) -> Any:
        return x + self.inner(self.norm(x))


class Recurrent(nn.Module):
    """One cell over as many steps as there are layers elsewhere; its input comes first."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.enter = nn.Linear(WIDTH, WIDTH)
        self.cell = nn.RNNCell(WIDTH, WIDTH)
        self.steps = steps

    def forward(self, x: Tensor) -> Any:
        h = torch.tanh(self.enter(x))
        silent = torch.zeros_like(x)
        for _ in range(self.steps):
            h = self.cell(silent, h)
        return h


class Channels(nn.Module):
    def __init__(self, stack: nn.Module) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, x: Tensor) -> Any:
        return self.stack(x.view(len(x), 1, 8, 8)).mean((2, 3))


def plain(depth: int, act: Callable[[], nn.Module], norm: bool = False) -> nn.Module:
    def layer() -> nn.Module:
        extra = [nn.LayerNorm(WIDTH)] if norm else []
        return nn.Sequential(nn.Linear(WIDTH, WIDTH), *extra, act())

    return nn.Sequential(*[layer() for _ in range(depth)])


def convolutional(depth: int, norm: bool = False) -> nn.Module:
    def layer(n: int) -> nn.Module:
        extra = [nn.BatchNorm2d(16)] if norm else []
        return nn.Sequential(nn.Conv2d(16 if n else 1, 16, 3, padding=1), *extra, nn.ReLU())

    return Channels(nn.Sequential(*[layer(n) for n in range(depth)]))


def residual(depth: int, norm: bool) -> nn.Module:
    def block() -> nn.Module:
        inner = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH))
        return Residual(inner, norm)

    return nn.Sequential(*[block() for _ in range(depth)])


class Attending(nn.Module):
    def __init__(self, depth: int, first: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True, norm_first=first)
            for _ in range(depth)
        )

    def forward(self, x: Tensor) -> Any:
        x = x.view(len(x), 4, 16)
        for layer in self.layers:
            x = layer(x)
        return x.flatten(1)


NETS: dict[str, Callable[[int], nn.Module]] = {
    "relu": lambda d: plain(d, nn.ReLU),
    "relu norm": lambda d: plain(d, nn.ReLU, norm=True),
    "tanh": lambda d: plain(d, nn.Tanh),
    "gelu": lambda d: plain(d, nn.GELU),
    "sigmoid": lambda d: plain(d, nn.Sigmoid),
    "conv": convolutional,
    "conv norm": lambda d: convolutional(d, norm=True),
    "residual": lambda d: residual(d, norm=False),
    "residual norm": lambda d: residual(d, norm=True),
    "transformer pre": lambda d: Attending(d, first=True),
    "transformer post": lambda d: Attending(d, first=False),
    "recurrent": Recurrent,
}


def filled(model: nn.Module, fill: Fill | None) -> nn.Module:
    for parameter in model.parameters():
        if fill is not None and parameter.dim() > 1:
            fill(parameter.data)
    return model


@dataclass(frozen=True)
class Result:
    low: float
    high: float
    growth: float
    flow: tuple[float, float]
    first: float
    last: float
    says: str

    @property
    def learnt(self) -> bool:
        """Whether the loss ended below nine tenths of its first value, and of that of guessing."""
        return self.last < 0.9 * min(self.first, math.log(CLASSES))


def train(model: nn.Module, kind: str, rate: float, steps: int, seed: int = 0) -> Result:
    draw = torch.Generator().manual_seed(1 + seed)
    centres = torch.randn(CLASSES, WIDTH, generator=draw)
    head = nn.Linear(WIDTH if not isinstance(model, Channels) else 16, CLASSES)
    moved = [*model.parameters(), *head.parameters()]
    optimizer = getattr(torch.optim, kind)(moved, lr=rate)
    losses = []
    with Watch({"model": model}) as watch:
        for _ in range(steps):
            labels = torch.randint(0, CLASSES, (ROWS,), generator=draw)
            x = centres[labels] + 0.5 * torch.randn(ROWS, WIDTH, generator=draw)
            loss = F.cross_entropy(head(model(x)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    updates = tuple(watch.recording.updates)
    ratios = [ratio for ratio in map(ratio_of, updates) if ratio is not None]
    sizes = [size for size in map(size_of, updates) if size]
    growth = max(sizes) / sizes[0] if sizes else float("nan")
    low, high = (min(ratios), max(ratios)) if ratios else (float("nan"),) * 2
    measured = from_recording(watch.recording, title="a network")
    found = diagnose(measured, select=("CD203", "CD204")).findings
    first, last = statistics.mean(losses[:5]), statistics.mean(losses[-5:])
    flows = [f for f in map(flow_of, watch.recording.reaches) if f is not None]
    flow = (min(flows), max(flows)) if flows else (float("nan"),) * 2
    return Result(low, high, growth, flow, first, last, " ".join(f.code for f in found))


def ratio_of(update: Update) -> float | None:
    """Return the first part's gradient relative to its weights, as a multiple of the last's."""
    sizes = [p.gradient / p.weight for p in update.parts if p.gradient and p.weight]
    return sizes[0] / sizes[-1] if len(sizes) > 1 and sizes[-1] else None


def flow_of(reach: Reach) -> float | None:
    """Return the gradient at the first block as a multiple of that at the embedding."""
    sizes = [size for _, size in reach.flow if size is not None]
    return sizes[0] / sizes[-1] if len(sizes) > 1 and sizes[-1] else None


def size_of(update: Update) -> float | None:
    sizes = [p.gradient for p in update.parts]
    return max((size for size in sizes if size is not None), default=None)


def runs(steps: int, optimizers: Sequence[str], seed: int = 0) -> Iterator[str]:
    for optimizer in optimizers:
        rate = RATES[optimizer]
        for name, make in NETS.items():
            for init, fill in INITS.items():
                for depth in DEPTHS:
                    torch.manual_seed(depth + 1000 * seed)
                    result = train(filled(make(depth), fill), optimizer, rate, steps, seed)
                    mark = "learnt" if result.learnt else "-"
                    yield (
                        f"{optimizer:5} {name:17} {init:9} {depth:3}  {result.low:9.2g} "
                        f"{result.high:9.2g} {result.growth:9.2g} {result.flow[0]:9.2g} "
                        f"{result.flow[1]:9.2g}  {result.first:9.3g} "
                        f"{result.last:9.3g}  {mark:6} {result.says}"
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--optimizers", nargs="*", choices=RATES, default=[*RATES])
    parser.add_argument("--seed", type=int, default=0, help="0, as the bounds were chosen on")
    options = parser.parse_args()
    print(
        "optim network           init      layers    lowest   highest    growth   "
        "flow at least, at most  loss first, last"
    )
    for line in runs(options.steps, options.optimizers, options.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
