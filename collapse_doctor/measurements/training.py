"""Measure a recorded training: tidy tables, and the first and last state of every layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import msgspec
import pandas as pd

from collapse_doctor.findings import Subject
from collapse_doctor.measurements.cost import cost_details, cost_notes
from collapse_doctor.measurements.layers import layer_state
from collapse_doctor.measurements.tidy import Measured, tidy
from collapse_doctor.measurements.values import LABEL_COLUMNS, LayerState, Measurements
from collapse_doctor.recording.memory import Recording
from collapse_doctor.recording.observations import (
    Comparison,
    Intake,
    LayerInfo,
    Measure,
    Notice,
    Use,
)

__all__ = ["measure_training"]


@dataclass(frozen=True)
class _Course:
    """How far the training came, and by what its steps were counted."""

    steps: int
    by_forward: bool
    trained: bool


def measure_training(recording: Recording, title: str) -> Measurements:
    """Return the measurements of all layers of a recording."""
    course = _course(recording)
    measures = _measures(recording, course)
    layers = tuple(_layers(recording, measures))
    stand_ins = tuple(_stand_ins(layers))
    notices = (*recording.notices, *map(_stands_in, stand_ins))
    return Measurements(
        subject=Subject(
            "recording", title, _details(recording, course), cost_notes(recording.cost)
        ),
        metrics=tidy(_measured(entry) for entry in measures),
        layers=tuple(
            replace(layer, role="output", stands_in=True) if layer in stand_ins else layer
            for layer in layers
        ),
        comparisons=_comparisons(recording, course),
        objectives=tuple(recording.objectives),
        shapes=tuple(recording.shapes),
        labels=_frame(recording.labels, LABEL_COLUMNS),
        losses=_losses(recording),
        notices=notices,
        steps=course.steps,
        trained=course.trained,
        watched_comparisons=all(notice.about != "comparisons" for notice in notices),
        unseen=_unseen(recording, measures, notices),
        probes=tuple(recording.probes),
        cost=recording.cost,
        shared=recording.manifest.shared,
        updates=tuple(recording.updates),
        reaches=tuple(recording.reaches),
        activations=tuple(recording.activations),
        fresh=frozenset(model.name for model in recording.manifest.models if model.fresh),
        intakes=_intakes(recording, course),
        tables={model.name: model.tables for model in recording.manifest.models},
    )


def _course(recording: Recording) -> _Course:
    """Read the clock; a run that was killed before its first tick still has its measures."""
    tick = recording.tick
    if tick is None:
        steps = max((entry.step for entry in recording.measures), default=0)
        return _Course(steps, by_forward=False, trained=steps > 0)
    if tick.clock == "forward":
        return _Course(tick.forwards, by_forward=True, trained=False)
    return _Course(
        tick.steps, by_forward=False, trained=tick.clock == "optimizer" and tick.steps > 0
    )


def _measures(recording: Recording, course: _Course) -> list[Measure]:
    """Return the measures that tell of the training, ``step`` being a forward pass without one.

    A layer that was seen in train mode is judged by those measures alone: in eval mode
    normalisation and dropout give another geometry.
    """
    measures = recording.measures
    if course.by_forward:
        return [msgspec.structs.replace(entry, step=entry.forward) for entry in measures]
    in_training = {(entry.model, entry.layer) for entry in measures if entry.training}
    return [
        entry
        for entry in measures
        if entry.training or (entry.model, entry.layer) not in in_training
    ]


def _comparisons(recording: Recording, course: _Course) -> tuple[Comparison, ...]:
    if not course.by_forward:
        return tuple(recording.comparisons)
    return tuple(msgspec.structs.replace(c, step=c.forward) for c in recording.comparisons)


def _intakes(recording: Recording, course: _Course) -> tuple[Intake, ...]:
    """Return what entered the models: of one that was seen in train mode, in that mode alone."""
    if course.by_forward:
        return tuple(msgspec.structs.replace(i, step=i.forward) for i in recording.intakes)
    in_training = {intake.model for intake in recording.intakes if intake.training}
    return tuple(i for i in recording.intakes if i.training or i.model not in in_training)


def _measured(entry: Measure) -> Measured:
    nan = float("nan")
    values = {name: nan if value is None else value for name, value in entry.values.items()}
    return Measured(entry.model, entry.layer, entry.step, entry.rows, entry.width, values)


def _layers(recording: Recording, measures: Sequence[Measure]) -> Iterator[LayerState]:
    """Yield the state of each measured layer, by model and depth."""
    by_place: dict[tuple[str, str], list[Measure]] = {}
    for entry in measures:
        by_place.setdefault((entry.model, entry.layer), []).append(entry)
    shots = recording.snapshots
    fresh = {model.name for model in recording.manifest.models if model.fresh}
    for model, info in _watched(recording):
        own = by_place.get((model, info.name))
        if not own:
            continue
        last = own[-1]  # the width may change in between; what is judged is the last one
        history = [_measured(entry) for entry in own if entry.width == last.width]
        rows = [
            (shot.step, values)
            for shot, values in shots
            if (shot.model, shot.layer, shot.width) == (model, info.name, last.width)
        ]
        used = [use for use in recording.uses if (use.model, use.layer) == (model, info.name)]
        state = layer_state(model, _in_role(info, used), last.dtype, history, rows)
        directed = any(use.purpose == "directed" for use in used)
        needed = _dimensions(used)
        eps = max((use.eps for use in used if use.eps is not None), default=None)
        yield replace(state, dimensions=needed, fresh=model in fresh, directed=directed, eps=eps)


def _stand_ins(layers: Sequence[LayerState]) -> Iterator[LayerState]:
    """Yield the last block of each model whose outputs never were rows.

    A loss that is computed inside ``forward``, or a method other than ``forward`` that is called
    (``encode``, ``training_step``), leaves no output to be seen; the last block is the nearest to
    an embedding that was.
    """
    for _model, group in groupby(layers, key=lambda layer: layer.model):
        own = list(group)
        if all(layer.role == "block" for layer in own):
            yield max(own, key=lambda layer: layer.depth)


def _stands_in(layer: LayerState) -> Notice:
    return Notice(
        about=f"{layer.model}.{layer.layer}",
        text=(
            f"judged as the embedding of {layer.model}: the model was not called itself, or "
            "returned no rows, and this is the last of its blocks that was seen; name another "
            "with layers="
        ),
    )


def _in_role(info: LayerInfo, used: Sequence[Use]) -> LayerInfo:
    """Return a layer as logits if it was classified as it is, and never compared."""
    direct = any(use.purpose == "classified" and not use.through for use in used)
    if info.role != "output" or not direct or any(use.purpose == "compared" for use in used):
        return info
    return msgspec.structs.replace(info, role="logits")


def _dimensions(used: Sequence[Use]) -> int | None:
    """Return how many dimensions are needed by what is learnt from an output, if that was seen."""
    if any(use.purpose == "compared" for use in used):
        return None
    return max((use.dimensions for use in used if use.dimensions is not None), default=None)


def _watched(recording: Recording) -> Iterator[tuple[str, LayerInfo]]:
    for model in recording.manifest.models:
        for layer in sorted(model.layers, key=lambda layer: layer.depth):
            yield model.name, layer


def _unseen(
    recording: Recording, measures: Sequence[Measure], notices: Sequence[Notice]
) -> dict[str, str]:
    """Return why something was not observed, by what it is."""
    measured = {(entry.model, entry.layer) for entry in measures}
    unseen = {
        f"{model}.{layer.name}": "no output of it was measured"
        for model, layer in _watched(recording)
        if (model, layer.name) not in measured
    }
    return unseen | {notice.about: notice.text for notice in notices}


def _losses(recording: Recording) -> pd.DataFrame | None:
    """Return the loss by step as it was told, or else as it was seen.

    Several calls of ``backward`` in a step add up: to a sum of losses, or to the mean over an
    accumulated batch.
    """
    if recording.losses:
        return _frame(recording.losses, ("step", "value"))
    seen: dict[int, float] = {}
    for objective in recording.objectives:
        if objective.outputs and objective.value is not None:
            seen[objective.step] = seen.get(objective.step, 0.0) + objective.value
    return pd.DataFrame(sorted(seen.items()), columns=["step", "value"]) if seen else None


def _frame(entries: Sequence[msgspec.Struct], columns: Sequence[str]) -> pd.DataFrame | None:
    if not entries:
        return None
    records = [tuple(getattr(entry, name) for name in columns) for entry in entries]
    return pd.DataFrame(records, columns=list(columns))


def _details(recording: Recording, course: _Course) -> dict[str, str]:
    models = recording.manifest.models
    counted = "forward passes" if course.by_forward else "steps"
    details = {counted: f"{course.steps:,}"}
    if len(models) == 1:  # its class is the title
        details["parameters"] = f"{models[0].parameters:,}"
    else:
        details["models"] = ", ".join(f"{m.name} ({m.parameters:,} parameters)" for m in models)
    details["layers"] = f"{sum(len(model.layers) for model in models):,}"
    if recording.tick is not None and recording.tick.reason:
        details["ended"] = recording.tick.reason
    return details | cost_details(recording.cost)
