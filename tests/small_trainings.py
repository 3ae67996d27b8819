"""A training small enough to be one test, and the lines of it that are marked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from collapse_doctor.api import Inspector
from collapse_doctor.findings import Diagnosis, Finding

ROWS, INPUT, WIDTH = 12, 20, 16


def network(dropout: float = 0.0) -> nn.Sequential:
    layers = [nn.Linear(INPUT, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, WIDTH)]
    return nn.Sequential(*layers)


def view(x: Tensor) -> Tensor:
    return x + 0.1 * torch.randn_like(x)


@contextmanager
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(
    watched: nn.Module | Mapping[str, nn.Module],
    loss_of: Callable[[Tensor], Any],
    *,
    modules: Sequence[nn.Module] = (),
    steps: int = 4,
) -> Diagnosis:
    """Train on random rows; nothing of ours may fail on the way."""
    models = [watched] if isinstance(watched, nn.Module) else list(watched.values())
    parameters = dict.fromkeys(p for m in (*models, *modules) for p in m.parameters())
    optimizer = torch.optim.SGD([p for p in parameters if p.requires_grad], lr=0.05)
    draw = torch.Generator().manual_seed(0)
    with one_thread(), Inspector(watched) as inspector:
        for _ in range(steps):
            loss = loss_of(torch.randn(ROWS, INPUT, generator=draw))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not [n for n in inspector.recording.notices if n.about == "inspector"]
    return inspector.diagnose()


def codes(diagnosis: Diagnosis, prefix: str = "CD1") -> set[str]:
    return {f.code for f in diagnosis.findings if f.code.startswith(prefix)}


def finding(diagnosis: Diagnosis, code: str) -> Finding:
    (found,) = [f for f in diagnosis.findings if f.code == code]
    return found


def marked(function: Callable[..., Any], mark: str) -> int:
    """Return the line of a function's source that ends with a comment ``# mark``."""
    lines, first = inspect.getsourcelines(function)
    (place,) = [first + n for n, line in enumerate(lines) if line.rstrip().endswith(f"# {mark}")]
    return place
