"""The model beside a copy whose weights are drawn anew: whether a collapse was born or learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import nn
from torch.nn.utils import parametrize

from collapse_doctor.batch import measure_batch
from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.embeddings import OUTPUT_METRICS
from collapse_doctor.inspector.probing.bench import Bench, CannotRun
from collapse_doctor.recording.observations import Probe

__all__ = ["REDRAWN", "draw_anew"]

REDRAWN = "redrawn"
DRAWS = ("reset_parameters", "_reset_parameters")


def draw_anew(bench: Bench) -> Iterator[Probe]:
    """Yield the measures of each embedding, of the model as it is and with weights drawn anew.

    Both in the mode of the training, because statistics of batches that eval mode would use are
    drawn anew as well. What a model does to its weights after they were drawn, as initialisations
    of its author's, the copy does not know.
    """
    missing = next(_without(bench.model), None)
    if missing is not None:
        raise CannotRun(missing)
    trained = bench.run(training=bench.was_trained).embeddings()
    drawn = bench.run(training=bench.was_trained, change=_draw).embeddings(trained)
    with Aside():
        for name in (name for name in trained if name in drawn):
            for arm, rows in (("trained", trained[name].values), ("drawn", drawn[name].values)):
                yield Probe(
                    REDRAWN,
                    bench.name,
                    layer=name,
                    depth=len(bench.layers),
                    arm=arm,
                    rows=len(rows),
                    width=rows.shape[1],
                    dtype=str(rows.dtype).removeprefix("torch."),
                    values=dict(measure_batch(rows, OUTPUT_METRICS)),
                )


def _without(model: nn.Module) -> Iterator[str]:
    """Yield why weights could not be drawn anew."""
    for name, module in model.named_modules():
        at = f"`{name}`" if name else "the model itself"
        if parametrize.is_parametrized(module):
            yield f"the weights of {at} are computed from others, and cannot be drawn anew"
        elif any(True for _ in module.parameters(recurse=False)) and _draws(module) is None:
            yield f"{at} holds parameters and has no `reset_parameters()` to draw them anew"


def _draws(module: nn.Module) -> Callable[[], object] | None:
    """Return what draws the weights of one module anew, None if it has no such method."""
    methods = (getattr(module, name, None) for name in DRAWS)
    return next((method for method in methods if callable(method)), None)


def _draw(model: nn.Module) -> None:
    for module in model.modules():
        draw = _draws(module)
        if draw is not None:
            draw()
