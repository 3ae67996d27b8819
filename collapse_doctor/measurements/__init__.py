"""Measure: from a recording, or a summary of a file, to tidy tables that rules and charts read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collapse_doctor.measurements.values import LayerState, Measurements, Sample

if TYPE_CHECKING:
    from collapse_doctor.findings import Subject
    from collapse_doctor.recording.memory import Recording
    from collapse_doctor.summary import EmbeddingSummary

__all__ = ["LayerState", "Measurements", "Sample", "from_recording", "from_summary"]

# The rules need the values above and no torch, so the modules that build them are imported late.


def from_summary(summary: EmbeddingSummary, *, subject: Subject) -> Measurements:
    """Measure the rows of a file or tensor: one layer named "embeddings", without a history.

    Parameters
    ----------
    summary
        Of all rows, with their labels where there are any.
    subject
        What the rows are; what the summary had to bound or leave out is added to its notes.
    """
    from collapse_doctor.measurements.rows import measure_rows

    return measure_rows(summary, subject)


def from_recording(recording: Recording, *, title: str) -> Measurements:
    """Measure a recording: every layer as it is at the end, beside its first state.

    Where no optimizer and no call of ``inspector.step`` counted steps, one outermost forward
    pass is a step.
    """
    from collapse_doctor.measurements.training import measure_training

    return measure_training(recording, title)
