"""CD401 non-finite: NaN or infinity in the embedding, in a layer before it, or in the loss.

What it finds
-------------
Rows with a coordinate that is NaN or infinite. The first step at which they were seen is named,
and the first layer in depth. Not every step is looked at: where steps lie between the last look at
finite rows and the first at others, both are named, or the step at which the loss was no longer
finite. Without such rows, a loss that is not a finite number.

Why it matters
--------------
One such row makes the loss NaN, the loss the gradients, and the gradients every weight: from the
next step on all outputs are NaN, and where it began can no longer be seen. Such rows are left out
of all other measures.

Likely causes
-------------
A learning rate too large, or no gradient clipping; half precision overflowing (65 504 for
float16); log or division of 0; normalising a row of length 0 in half precision, where the usual
eps of 1e-12 is 0; sqrt of 0, whose gradient is infinite; NaN in the data.

What to do
----------
Look at the layer and step that are named, and at the batch of that step. Run once with
torch.autograd.set_detect_anomaly(True). Lower the learning rate, clip gradients, use bfloat16 or
float32, add an eps that exists in the dtype.

What would refute it
--------------------
Rows that are masked out later are filled with NaN or infinity on purpose.

Bounds and their source
-----------------------
share: 0. One non-finite row is one too many: NaN spreads through every sum it enters (IEEE 754).

References
----------
IEEE Standard for Floating-Point Arithmetic (IEEE 754-2019). Micikevicius et al., "Mixed Precision
Training", ICLR 2018.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.geometry import evidence, history, per_cent, place, title
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How many non-finite rows are tolerated."""

    share: float = 0.0  # IEEE 754: NaN spreads through every sum


@dataclass(frozen=True)
class _Seen:
    """A layer with non-finite rows: the step they were first seen at, and their share there.

    ``before`` is the last step at which all its rows were finite, None where there was no such
    look.
    """

    layer: LayerState
    step: int
    share: float
    before: int | None = None


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match: the first non-finite rows in time, then in depth; else the loss."""
    if not measurements.layers:
        raise NotExamined("no layer was measured")
    seen = [found for layer in measurements.layers if (found := _seen(measurements, layer, bounds))]
    if seen:
        seen.sort(key=lambda found: (found.step, found.layer.depth))
        yield _match(measurements, seen)
    else:
        yield from _loss(measurements)


def _seen(measurements: Measurements, layer: LayerState, bounds: Bounds) -> _Seen | None:
    course = history(measurements, layer, "nonfinite_share")
    before = None
    for step, share in zip(course.steps, course.values, strict=True):
        if share > bounds.share:
            return _Seen(layer, step, share, before)
        before = step
    share = layer.values.get("nonfinite_share", 0.0)
    return _Seen(layer, layer.last_step or 0, share) if share > bounds.share else None


def _match(measurements: Measurements, seen: list[_Seen]) -> Match:
    first = _named(measurements, seen)
    onset = _onset(measurements, first)
    hidden = first is not seen[0]
    later = () if hidden else seen[1:4]
    return Match(
        message=(
            f"{title(first.layer)} holds NaN or infinity in {per_cent(first.share)} of its rows"
            f"{_when(first, onset)}{_HIDDEN if hidden else ''}."
        ),
        where=place(first.layer, first.step if onset is None else onset),
        related=tuple(place(s.layer, s.step, "NaN or infinity here, too") for s in later),
        evidence=evidence(
            nonfinite_share=Evidence(
                first.share, 0.0, ">", null=0.0, meaning="where it was first seen"
            ),
            layers_affected=Evidence(len(seen)),
            first_seen=Evidence(first.step) if first.layer.model else None,
            last_finite=Evidence(first.before) if first.before is not None else None,
        ),
        confidence=Confidence.CERTAIN,
    )


_HIDDEN = (
    "; every layer of the model did at that look, so the place it began in could not be seen: "
    "by then NaN may have gone through the weights"
)


def _named(measurements: Measurements, seen: list[_Seen]) -> _Seen:
    """Return the layer to name: the first in depth, or the last where all went bad together.

    A first layer with some finite rows has finite weights, so there it came in with the rows.
    """
    first = seen[0]
    own = [layer for layer in measurements.layers if layer.model == first.layer.model]
    together = [s for s in seen if s.layer.model == first.layer.model and s.step == first.step]
    spread = len(own) == len(together) > 1 and first.share == 1.0
    return max(together, key=lambda s: s.layer.depth) if spread else first


def _onset(measurements: Measurements, first: _Seen) -> int | None:
    """Return the step between two looks at which the loss was first not finite, if it was seen."""
    losses = measurements.losses
    if losses is None or losses.empty or not first.layer.model:
        return None
    finite = losses["value"].astype(float).abs().lt(float("inf"))
    bad = losses.loc[~finite, "step"]
    onset = int(bad.min()) if len(bad) else first.step
    since = -1 if first.before is None else first.before
    return onset if since < onset < first.step else None


def _when(first: _Seen, onset: int | None) -> str:
    if not first.layer.model:
        return ""
    if onset is not None:
        return f", seen at step {first.step}; the loss was no longer finite at step {onset}"
    if first.before is not None and first.step - first.before > 1:
        return f", which began between steps {first.before} and {first.step}"
    return f", first at step {first.step}"


def _loss(measurements: Measurements) -> Iterator[Match]:
    """Yield one match if the loss was not finite although every layer was."""
    losses = measurements.losses
    if losses is None or losses.empty:
        return
    values = losses["value"].astype(float)
    bad = losses[~values.abs().lt(float("inf"))]
    if bad.empty:
        return
    step = int(bad["step"].min())
    yield Match(
        message=f"The loss is not a finite number at step {step}, although the embeddings are.",
        where=Where(step=step),
        evidence={"steps_affected": Evidence(len(bad), 0, ">", meaning=f"of {len(losses)} seen")},
        confidence=Confidence.CERTAIN,
        cause="The loss itself overflows, or takes the logarithm or the root of 0.",
    )


RULE = Rule(
    code="CD401",
    name="non-finite",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
