"""Measure the rows of a file or tensor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from collapse_doctor.findings import Subject
from collapse_doctor.measurements.by_class import by_class
from collapse_doctor.measurements.tidy import Measured, nulls, tidy
from collapse_doctor.measurements.values import LABEL_COLUMNS, LayerState, Measurements, Sample
from collapse_doctor.metrics.intervals import intervals
from collapse_doctor.metrics.table import measure
from collapse_doctor.summary import EmbeddingSummary

__all__ = ["measure_rows"]

LAYER = "embeddings"


def measure_rows(summary: EmbeddingSummary, subject: Subject) -> Measurements:
    """Return the measurements of one layer without a history."""
    values = measure(summary)
    classes = _classes(summary)
    measured = Measured("", LAYER, 0, summary.rows_seen, summary.width, values)
    return Measurements(
        subject=replace(subject, notes=(*subject.notes, *summary.notes())),
        metrics=tidy([measured]),
        layers=(_layer(summary, values, classes),),
        labels=_labels(classes),
    )


def _layer(
    summary: EmbeddingSummary, values: dict[str, float], classes: pd.DataFrame | None
) -> LayerState:
    # The spectrum of very wide rows rests on a sample, and rank is what the count is asked for.
    count = min(summary.spectrum_rows, summary.count)
    labelled = by_class(summary)
    return LayerState(
        model="",
        layer=LAYER,
        role="output",
        depth=0,
        count=count,
        width=summary.width,
        dtype=summary.dtype,
        values=values | labelled.values,
        nulls={**nulls(count, summary.width), **labelled.nulls},
        eigenvalues=summary.eigenvalues().cpu().numpy(),
        classes=classes,
        sample=_sample(summary),
        intervals=intervals(summary.sample_rows(), values, count) | labelled.intervals,
    )


def _sample(summary: EmbeddingSummary) -> Sample:
    sample = summary.sample
    rows = sample.rows.float().cpu().numpy()
    return Sample(rows, np.zeros(len(rows), dtype=np.int64), sample.labels)


def _classes(summary: EmbeddingSummary) -> pd.DataFrame | None:
    held = summary.classes
    if held is None:
        return None
    counts, squares = held.counts.cpu().numpy(), held.squares.cpu().numpy()
    labels = list(held.labels)
    return pd.DataFrame({"label": labels, "count": counts.astype(int), "within": squares / counts})


def _labels(classes: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the labels of the file as those of one batch."""
    if classes is None:
        return None
    count, distinct = int(classes["count"].sum()), len(classes)
    value = str(classes["label"].iloc[0]) if distinct == 1 else ""
    entry = (0, count, distinct, count, value, False, (count,))
    return pd.DataFrame([entry], columns=list(LABEL_COLUMNS))
