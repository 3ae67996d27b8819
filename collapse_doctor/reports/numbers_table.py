"""The numbers of a file as lines of text, one measure each; what they mean stands in the page."""

from __future__ import annotations

from collections.abc import Iterator

from collapse_doctor.findings import Diagnosis
from collapse_doctor.measurements import Measurements
from collapse_doctor.reports.readings import Reading, readings

__all__ = ["numbers_table"]

HEAD = ("", "value", "95 % of draws", "isotropic")


def numbers_table(diagnosis: Diagnosis) -> Iterator[str]:
    """Yield a heading, and one line for each measure of the one layer of a file.

    Nothing for a training: its layers are many, and their table is in the page.
    """
    measurements = diagnosis.measurements
    if not isinstance(measurements, Measurements) or diagnosis.subject.kind != "embeddings":
        return
    if len(measurements.layers) != 1:
        return
    cells = [HEAD, *(_cells(reading) for reading in readings(measurements.layers[0]))]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    for title, *numbers in cells:
        shown = (text.rjust(width) for text, width in zip(numbers, widths[1:], strict=True))
        yield f"{title.ljust(widths[0])}  {'  '.join(shown)}".rstrip()


def _cells(reading: Reading) -> tuple[str, ...]:
    return (reading.title, reading.value, reading.interval, reading.null)
