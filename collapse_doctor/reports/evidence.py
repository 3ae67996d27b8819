"""Choose which charts a diagnosis is shown with: few, of the layers that matter."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from collapse_doctor.findings import Diagnosis
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.reports.figures.chart import Chart
from collapse_doctor.reports.figures.histograms import cosines, norms
from collapse_doctor.reports.figures.maps import pca_map, tsne_map
from collapse_doctor.reports.figures.spectrum import spectrum
from collapse_doctor.reports.figures.timeline import timeline
from collapse_doctor.reports.text import plain

__all__ = ["layer_charts", "layer_name", "training_charts"]

MAX_LAYERS = 2

# Spacing of the numbers at 1, relative: what a value is rounded to where it is stored.
_RESOLUTION = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 2**-23, "float64": 2**-52}


def layer_charts(diagnosis: Diagnosis) -> Iterator[Chart]:
    """Yield maps, spectrum and histograms of at most two layers: those at fault, then outputs."""
    for order, state in enumerate(_focus(diagnosis)):
        layer = layer_name(state)
        # float32 is how a sample is kept, so nothing finer can be seen in it.
        resolution = max(_RESOLUTION.get(state.dtype.removeprefix("torch."), 2**-23), 2**-23)
        if len(state.eigenvalues):
            yield spectrum(f"spectrum-{order}", layer, state)
        if state.sample is not None and np.size(state.sample.rows):
            yield cosines(f"cosines-{order}", layer, state.sample)
            yield pca_map(f"pca-{order}", layer, state.sample, resolution=resolution)
            yield tsne_map(f"tsne-{order}", layer, state.sample, resolution=resolution)
            yield norms(f"norms-{order}", layer, state.sample)


def training_charts(diagnosis: Diagnosis) -> Iterator[Chart]:
    """Yield the curves over training, if there was one."""
    if isinstance(diagnosis.measurements, Measurements):
        yield from timeline(diagnosis.measurements, diagnosis.findings)


def layer_name(state: LayerState) -> str:
    """Return ``model.layer`` as a report calls it."""
    name = f"{state.model}.{state.layer}" if state.model else state.layer
    return plain(re.sub(r"\s+", " ", name), 48)


def _focus(diagnosis: Diagnosis) -> list[LayerState]:
    """Layers named by findings, root cause first, then outputs, as far as there are rows."""
    if not isinstance(diagnosis.measurements, Measurements):
        return []
    states = [s for s in diagnosis.measurements.layers if s.sample is not None]
    states = states or list(diagnosis.measurements.layers)
    named = [(f.where.model or "", f.where.layer) for f in diagnosis.findings if f.severity.rank]
    last = {"output": 0, "logits": 1}
    order = {key: place for place, key in reversed(list(enumerate(named)))}
    ranked = sorted(
        states,
        key=lambda s: (order.get((s.model, s.layer), len(named)), last.get(s.role, 2), -s.depth),
    )
    wanted = [s for s in ranked if (s.model, s.layer) in order or s.role == "output"]
    return (wanted or ranked)[:MAX_LAYERS]
