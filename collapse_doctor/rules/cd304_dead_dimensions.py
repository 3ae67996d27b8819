"""CD304 dead-dimensions: a notable share of the coordinates never varies.

What it finds
-------------
At least a tenth of the embedding's coordinates has the same value in every row.

Why it matters
--------------
A coordinate that never varies tells nothing apart. It takes memory and time in every search, and a
unit that is silent for all inputs gets no gradient to come back by.

Likely causes
-------------
A ReLU as the last layer whose units died after a step that was too large; padding to a round
width; columns of zeros in the last weight matrix; strong L1 or weight decay.

What to do
----------
Take the ReLU off the embedding, or use LeakyReLU or GELU. Lower the learning rate or warm it up;
lower a penalty on activity, or the weight decay. If the columns are padding, drop them.

What would refute it
--------------------
Units that answer only to rare inputs which are missing from these rows.

Bounds and their source
-----------------------
share: 0.1. min_rows: 32. A unit that is active for one input in ten is silent for all of 32 rows
with probability 0.9^32 = 0.034, so a layer of such sparse units reads a third of the bound.
died: 0.5. In a training, half of the coordinates that varied at the first step must have
died: a ReLU output is born with dead units (0.39 of 64 in an untrained network of depth 5 on
digits), and a healthy training by class adds some (0.26 of the living, same network, triplet).

References
----------
Lu et al., "Dying ReLU and Initialization: Theory and Numerical Examples", 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from collapse_doctor.findings import Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.geometry import (
    Standing,
    capped,
    embeddings,
    evidence,
    history,
    judge,
    per_cent,
    place,
    standing,
    title,
)
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import require_spread

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When dead coordinates are worth a word."""

    share: float = 0.1  # three times what sparse but living units read on min_rows
    min_rows: int = 32  # 0.9 ** 32 = 0.034
    died: float = 0.5  # of the coordinates alive at the first step; healthy: 0.26 measured


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding with dead coordinates."""
    return judge(embeddings(measurements), partial(_examine, measurements, bounds))


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    if layer.count < bounds.min_rows:
        raise NotExamined(f"{layer.count} rows are too few; {bounds.min_rows} would do")
    require_spread(measurements, layer)
    share = layer.values.get("dead_share", math.nan)
    if math.isnan(share):
        raise NotExamined("its coordinates were not measured")
    if share < bounds.share:
        return None
    born = _born(measurements, layer)
    if born is not None and share - born < bounds.died * (1 - born):
        raise NotExamined(
            f"{born:.0%} of its coordinates were dead at the first step, {share:.0%} are now: too "
            "small a change to blame the training"
        )
    return _match(measurements, layer, bounds, share)


def _born(measurements: Measurements, layer: LayerState) -> float | None:
    """Return the share that was dead at the first step of a training, None where unknown."""
    if standing(measurements, layer) is not Standing.TRAINED:
        return None
    first = (layer.first or {}).get("dead_share", math.nan)
    return None if math.isnan(first) else first


def _match(measurements: Measurements, layer: LayerState, bounds: Bounds, share: float) -> Match:
    dead = round(share * layer.width)
    onset = history(measurements, layer, "dead_share").onset(lambda v: v >= bounds.share)
    now, born = standing(measurements, layer), _born(measurements, layer)
    return Match(
        message=(
            f"{dead} of the {layer.width} coordinates of {title(layer)} never vary "
            f"({per_cent(share)})."
        ),
        where=place(layer, onset),
        evidence=evidence(
            dead_share=Evidence(share, bounds.share, ">=", null=0.0),
            dead_coordinates=Evidence(dead),
            at_first_step=Evidence(born) if born is not None else None,
            onset_step=Evidence(onset) if born is not None and onset is not None else None,
            rows=Evidence(layer.count, bounds.min_rows, ">="),
        ),
        severity=capped(Severity.WARNING, now, Severity.INFO),
    )


RULE = Rule(
    code="CD304",
    name="dead-dimensions",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
