"""CD210 padding-leak: a row's embedding changes when padding is appended to it.

What it finds
-------------
In eval mode rows of the probe without padding (those of up to five lengths are cut to it) were
given padding, marked as such in the mask or the lengths that the model is given, and half of their
embeddings or more moved by a notable part of the distance to the nearest other row.

Why it matters
--------------
The same input gets another embedding in another batch: what it is depends on the longest row
beside it. Neighbours are then found by length, and results change with the batch size.

Likely causes
-------------
A mean, a maximum or the last position taken over all positions, padding included; attention or a
recurrent network that was not given the mask, or was given it inverted; a softmax over
positions without it; normalisation over positions.

What to do
----------
Give the mask to every layer that mixes positions: `src_key_padding_mask` (True where padding is),
packed sequences, `(h * m).sum(1) / m.sum(1)` for a mean, -inf for a maximum, the last real
position by its index. Then the same row alone and in a batch give the same embedding.

What would refute it
--------------------
All batches of training and use have one fixed length; or the padding that was added is none to
your model: another id, another side, another meaning of the mask.

Bounds and their source
-----------------------
The line is the first in the model's source that mixes positions and names no mask, else that of its
`forward`: where to look.
change: 0.333333 of the distance to the nearest other row, for half of the rows. Mathematics: let
each row move by c when it is padded. Its padded form lies c away from it, and those of others no
nearer than g - 2 c, if g is the distance to the nearest. Below c = g / 3 a row stays nearest to
itself whatever is padded; above, it need not. Of directions where the embedding is compared by
cosine or normalised, of vectors otherwise.
noise: 10. The change must be so many times that of the same rows in another order, which shows
rounding and whatever else differs from pass to pass.
dispersion: 0.02, the bound of CD301: rows that are nearly one vector have no distances that a
change could be held against.
A convolution that sees the border moves the positions beside it. That is a change like any other:
short rows feel it, long ones do not.

References
----------
Vaswani et al., "Attention Is All You Need", NeurIPS 2017 (masks). Reimers and Gurevych,
"Sentence-BERT", EMNLP 2019 (mean pooling by the mask).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.recording.observations import Probe
from collapse_doctor.rules.geometry import evidence, per_cent
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.probed import reasons, shown
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import CollapseBounds, spread_of

__all__ = ["RULE"]

TEST = "padding"


@dataclass(frozen=True)
class Bounds:
    """When a change counts."""

    change: float = 0.333333  # of the distance to the nearest row: c = g - 2 c
    noise: float = 10.0  # times what another order of the rows changes
    dispersion: float = CollapseBounds().dispersion  # the bound of CD301


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each output that padding moves."""
    missing = []
    layers = shown(measurements, TEST)
    for probe in layers:
        try:
            match = _examine(measurements, probe, bounds)
        except NotExamined as reason:
            missing.append(f"{probe.model}.{probe.layer}: {reason}")
            continue
        if match is not None:
            yield match
    missing += reasons(measurements, TEST)
    if missing:
        raise NotExamined("; ".join(missing))


def _examine(measurements: Measurements, probe: Probe, bounds: Bounds) -> Match | None:
    values = {name: math.nan if v is None else v for name, v in probe.values.items()}
    if math.isnan(values.get("relative_dispersion", math.nan)):
        raise NotExamined("its rows are not finite, or zero")
    if values["relative_dispersion"] < bounds.dispersion:
        raise NotExamined("its rows are nearly one vector, and a change has no measure")
    way = "direction_" if _counts_directions(measurements, probe) else ""
    change, noise = (values.get(way + word, math.nan) for word in ("change", "noise"))
    if math.isnan(change) or math.isnan(noise):
        raise NotExamined("its rows are not finite, or all alike")
    if change < bounds.change:
        return None
    if change < bounds.noise * noise:
        raise NotExamined("the same rows in another order give other embeddings as well")
    return _match(measurements, probe, values, way, bounds)


def _counts_directions(measurements: Measurements, probe: Probe) -> bool:
    """Tell whether the output's directions are what counts, as in CD301."""
    layer = _layer(measurements, probe)
    if layer is None:
        return False
    return spread_of(measurements, layer, CollapseBounds()).metric == "direction_dispersion"


def _layer(measurements: Measurements, probe: Probe) -> LayerState | None:
    own = (probe.model, probe.layer)
    return next((o for o in measurements.layers if (o.model, o.layer) == own), None)


def _match(
    measurements: Measurements, probe: Probe, values: dict[str, float], way: str, bounds: Bounds
) -> Match:
    change = values[way + "change"]
    what = "directions" if way else "rows"
    name = f"{probe.model}.{probe.layer}"
    more, length = int(values["padding"]), int(values["length"])
    return Match(
        message=(
            f"Padding changes {name}: {more} positions of it or more, beside at most {length} "
            f"real ones, move half of the {what} or more by {per_cent(change)} of the distance to "
            "the nearest other row."
        ),
        where=at_line(
            Where(model=probe.model, layer=probe.layer, step=measurements.steps or None), probe.site
        ),
        evidence=evidence(
            change=Evidence(
                change, bounds.change, ">=", meaning="median, over the distance to the nearest row"
            ),
            largest=Evidence(values[way + "largest"]),
            noise=Evidence(values[way + "noise"], meaning="the same of the rows in another order"),
            padding=Evidence(more, meaning="positions that were added"),
            length=Evidence(length, meaning="positions before"),
            rows=Evidence(int(values.get("compared", probe.rows)), meaning="that were compared"),
        ),
        confidence=Confidence.HIGH,
    )


RULE = Rule(
    code="CD210",
    name="padding-leak",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
