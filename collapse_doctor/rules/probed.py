"""What active tests showed, as the rules read it."""

from __future__ import annotations

from collections.abc import Iterator

from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Probe
from collapse_doctor.rules.rule import NotExamined

__all__ = ["reasons", "shown"]

NO_PROBE = (
    "no probe was given: `Inspector(model, probe=batch)` makes this test when its block is left"
)


def shown(measurements: Measurements, test: str) -> tuple[Probe, ...]:
    """Return what one test showed of the layers of all models.

    Raises
    ------
    NotExamined
        Where the test was not made at all, with the reason.
    """
    if measurements.subject.kind == "embeddings":
        raise NotExamined("a file holds no model to be run; watch the training, with a probe")
    made = [probe for probe in measurements.probes if probe.test == test]
    if not made:
        raise NotExamined(NO_PROBE)
    layers = tuple(probe for probe in made if probe.layer and _is_known(measurements, probe))
    if not layers:
        raise NotExamined("; ".join(reasons(measurements, test)))
    return layers


def _is_known(measurements: Measurements, probe: Probe) -> bool:
    """Tell whether an output is one that the training had; of a model not seen there, any is.

    Without gradients masks and initial states look like embeddings.
    """
    outputs = {
        layer.layer
        for layer in measurements.layers
        if layer.model == probe.model and layer.role != "block" and not layer.stands_in
    }
    return probe.role != "output" or not outputs or probe.layer in outputs


def reasons(measurements: Measurements, test: str) -> Iterator[str]:
    """Yield why a test was not made of a model, or of one of its layers."""
    for probe in measurements.probes:
        if probe.test == test and probe.reason:
            place = f"{probe.model}.{probe.layer}" if probe.layer else probe.model
            yield f"{place}: {probe.reason}"
