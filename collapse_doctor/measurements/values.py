"""The plain values that rules and charts read: tidy tables, and the last state of each layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collapse_doctor.findings import Subject
from collapse_doctor.recording.observations import (
    Activation,
    AlongBatch,
    Comparison,
    Cost,
    Intake,
    Notice,
    Objective,
    Probe,
    Reach,
    Sharing,
    Spread,
    Update,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["LABEL_COLUMNS", "METRIC_COLUMNS", "LayerState", "Measurements", "Sample"]

METRIC_COLUMNS = ("model", "layer", "step", "metric", "value", "null", "rows", "width")
LABEL_COLUMNS = ("step", "count", "distinct", "batch", "value", "scalar", "sizes")


@dataclass(frozen=True)
class Sample:
    """A uniform sample of rows of one layer, for what needs rows: projections and histograms.

    ``rows`` is (n, d) float32, ``steps`` (n,) int64 (all 0 for a file), ``labels`` (n,) or None.
    """

    rows: np.ndarray
    steps: np.ndarray
    labels: np.ndarray | None = None


@dataclass(frozen=True)
class LayerState:
    """One layer as it is at the end, beside what it was at the first step.

    ``values`` and ``nulls`` are keyed by metric name (see ``metrics.METRICS``). ``first`` is None
    for a file, which has no history. ``count`` is the number of rows ``values`` rest on.
    ``eigenvalues`` are those of the centred covariance, largest first, float64. ``classes`` has one
    row per class: label, count, and within, the mean squared distance to the class mean.
    ``dimensions`` is how many the task of a head on top of the layer needs, where one was seen.
    ``fresh`` says that the model's weights were as PyTorch draws them when the watch began.
    ``directed`` says that its directions were seen to be compared, or taken. ``exact_rank`` is
    the number of directions that the rows of one step span at most, all that lies outside being
    rounding; None where rows fill what they can, or are not known. ``stands_in`` is true for a
    block that is judged because its model's own output was never seen. ``eps`` is the least length
    that its rows were divided by when their directions were taken, where that was seen.
    ``late`` are rows of the last quarter of a training's steps, at most eight of them.
    ``intervals`` are where the values would lie in 95 of 100 other draws of as many rows, where
    that is known.
    """

    model: str
    layer: str
    role: str
    depth: int
    count: int
    width: int
    dtype: str
    values: Mapping[str, float]
    nulls: Mapping[str, float]
    eigenvalues: np.ndarray
    first: Mapping[str, float] | None = None
    first_step: int | None = None
    last_step: int | None = None
    classes: pd.DataFrame | None = None
    dimensions: int | None = None
    exact_rank: int | None = None
    fresh: bool = False
    directed: bool = False
    stands_in: bool = False
    eps: float | None = None
    sample: Sample | None = None
    late: Sample | None = None
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurements:
    """Everything the rules may look at.

    ``metrics`` is tidy: one row per model, layer, step and metric (columns: METRIC_COLUMNS).
    ``labels`` has columns step, count, distinct, batch, value, scalar; ``losses`` step, value.
    ``objectives`` are what calls of ``backward`` minimised, at the steps that were looked at.
    ``layers`` are ordered by model and depth. ``trained`` is true when an optimizer that moves
    the watched model was seen to step. ``steps`` is the number of steps seen, 0 for a file.
    ``unseen`` says of what could not be observed (``"comparisons"``, a layer's name) why.
    ``probes`` is what active tests showed, where a probe batch was given.
    ``shapes`` is what broadcast to all pairs, or worked along the batch, where rows were meant.
    ``cost`` is what watching took of the training's time, where it was measured. ``shared`` are
    the names that hold one network, or one's parameters. ``updates`` are the steps of optimizers
    that were looked at, ``reaches`` what came back to outputs, both oldest first; ``fresh`` are
    the models whose weights were as PyTorch draws them when the watch began. ``intakes`` are what
    entered the models, oldest first; ``tables`` are the shapes of what each model looks rows up in.
    ``activations`` are what activation functions gave, oldest first.
    """

    subject: Subject
    metrics: pd.DataFrame
    layers: tuple[LayerState, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    objectives: tuple[Objective, ...] = ()
    shapes: tuple[Spread | AlongBatch, ...] = ()
    labels: pd.DataFrame | None = None
    losses: pd.DataFrame | None = None
    notices: tuple[Notice, ...] = ()
    steps: int = 0
    trained: bool = False
    watched_comparisons: bool = False
    unseen: Mapping[str, str] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()
    cost: Cost | None = None
    shared: tuple[Sharing, ...] = ()
    updates: tuple[Update, ...] = ()
    reaches: tuple[Reach, ...] = ()
    fresh: frozenset[str] = frozenset()
    intakes: tuple[Intake, ...] = ()
    tables: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    activations: tuple[Activation, ...] = ()
