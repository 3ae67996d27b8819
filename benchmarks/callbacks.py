"""What the Inspector's callbacks cost, one by one.

Run it on one thread: OMP_NUM_THREADS=1 python benchmarks/callbacks.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import click
import torch
from timing import medians
from torch import nn
from torch.nn import functional as F
from torch.torch_version import TorchVersion

from collapse_doctor.inspector.callsite import expressions, site_of, user_frame
from collapse_doctor.inspector.clock import StepClock
from collapse_doctor.inspector.fuse import Fuse
from collapse_doctor.inspector.hooks import ForwardHook
from collapse_doctor.inspector.kinship import Side, kinship
from collapse_doctor.inspector.mode import ModeWindow
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.names import birth_of, written
from collapse_doctor.inspector.operands import SEEN, Operands
from collapse_doctor.inspector.outputs import tensors_in
from collapse_doctor.inspector.provenance import Known, Provenance, fingerprint
from collapse_doctor.inspector.relations import mean_cosine, relate
from collapse_doctor.recording.observations import Origin

Pieces = dict[str, Callable[[], object]]


def nothing(*_args: object, **_kwargs: object) -> None:
    """What a callback of ours would do."""


def on_every_forward(left: torch.Tensor) -> Pieces:
    """What runs at every forward pass of a watched module."""
    model = nn.Identity()
    clock = StepClock([model], nothing)
    moment = Moment({"model": model}, clock)
    window = ModeWindow(SEEN, nothing)
    past = Provenance()
    known = Known(Origin("model", "output", 0, 0))
    hook, guarded = ForwardHook(nothing), Fuse(nothing).guard(nothing)
    return {
        "an empty function": lambda: nothing(model, (), {}, left),
        "ForwardHook.__call__": lambda: hook(model, (), {}, left),
        "Fuse.guard": lambda: guarded(model, (), {}, left),
        "ModeWindow.is_open": lambda: window.is_open,
        "tensors_in, a tensor": lambda: list(tensors_in(left)),
        "tensors_in, a tuple in a dict": lambda: list(tensors_in({"a": (left, left)})),
        "fingerprint": lambda: fingerprint(left),
        "Moment.entered": lambda: moment.entered(((left,), {})),
        "Provenance.born": lambda: past.born(left, known),
        "Provenance.of": lambda: past.of(left),
        "Provenance.sweep": past.sweep,
        "is the sum finite": lambda: bool(left.detach().sum().isfinite()),
        "model.parameters(), empty": lambda: list(model.parameters()),
    }


def on_comparisons(left: torch.Tensor, right: torch.Tensor) -> Pieces:
    """What runs at every comparison while the window is open."""
    moment = Moment({}, StepClock([], nothing))
    past = Provenance()
    sides = Side(left, "left", None), Side(right, "right", None)
    operands = Operands(moment, past, nothing)
    frame = sys._getframe()

    def compared() -> None:
        result = left.sum()
        operands.seen(F.cosine_similarity, (left, right), {}, result)

    def named() -> None:
        written(sys._getframe(), F.cosine_similarity, ("x1", "x2"))

    return {
        "user_frame": user_frame,
        "site_of": lambda: site_of(frame),
        "written": named,
        "expressions": lambda: expressions(frame, ("x1", "x2")),
        "birth_of, nothing found": lambda: birth_of(frame, "left", "right", "equal"),
        "relate, different": lambda: relate(left, right),
        "relate, equal": lambda: relate(left, left.clone()),
        "relate, scaled": lambda: relate(left, left * 2),
        "mean_cosine": lambda: mean_cosine(left, right),
        "kinship": lambda: kinship(*sides, -1, moment, past),
        "Operands.seen, a comparison": compared,
        "Operands.seen, a carrier": lambda: operands.seen(torch.clone, (left,), {}, right),
    }


@click.command()
@click.option("--rounds", default=50, show_default=True, help="Ten calls of each piece a round.")
@click.option("--rows", default=64, show_default=True)
@click.option("--width", default=128, show_default=True)
def main(rounds: int, rows: int, width: int) -> None:
    """Print a table of callbacks, in µs."""
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(rows, width, generator=generator) for _ in range(2))
    version: TorchVersion = torch.__version__
    click.echo(f"{rows}x{width}, {torch.get_num_threads()} thread(s), torch {version}; µs per call")
    with torch.no_grad():
        for part in (on_every_forward(left), on_comparisons(left, right)):
            for name, cost in medians(part, rounds).items():
                click.echo(f"{name:32}{cost:8.1f}")


if __name__ == "__main__":
    main()
