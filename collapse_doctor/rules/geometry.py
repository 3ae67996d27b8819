"""What the geometry rules share: which layers are judged, their history, and how to say it.

An embedding is judged at its last state. In a watched training the model's own first state is
the null, because a network may be born in a state that would be sick at the end of training: an
untrained deep network without normalisation maps every input to nearly the same vector, and that
is no fault of the training that has just begun.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.rule import Match, NotExamined

__all__ = [
    "EPS",
    "FELL",
    "RECENT",
    "History",
    "Standing",
    "capped",
    "embeddings",
    "evidence",
    "history",
    "interval_of",
    "is_embedding",
    "judge",
    "null_of",
    "per_cent",
    "place",
    "rounding",
    "standing",
    "title",
]

FELL = 3.0
"""How many times smaller than at the first step a measure must be to have *fallen*.

Measured on 46 trainings of ReLU networks of depth 2 to 13 without normalisation on scikit-learn's
digits (triplet, InfoNCE, supervised contrastive, cosine and cross-entropy losses, and a loss that
only pulls; 300 to 400 steps). Where the loss went down by learning, the spread of directions
never fell below 0.55 of its first value; where it only pulled together, it ended between 0.02 and
0.04 of it. Three lies between, on the cautious side of what a benign dip has shown (1.8).
"""

RECENT = 5
"""How many of the last measured steps count as *now*: a median of five outlives two outliers."""

EPS = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""Distance of 1 to the next number of a dtype (IEEE 754; bfloat16 has 8 bits of precision)."""


class Standing(Enum):
    """What is known of how a layer came to its state."""

    FILE = "file"  # rows without a history: judged as they are
    TRAINED = "trained"  # an optimizer stepped: judged against the first state
    UNTRAINED = "untrained"  # watched, but no optimizer stepped: may be as it was born
    FRESH = "fresh"  # the same, and its weights are as they were drawn: it is as it was born

    @property
    def is_untrained(self) -> bool:
        """Whether no optimizer was seen to step."""
        return self in (Standing.UNTRAINED, Standing.FRESH)


@dataclass(frozen=True)
class History:
    """One measure of one layer over the steps, one value per step, undefined values left out."""

    steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def first(self) -> float:
        """The value at the first step, NaN without any."""
        return self.values[0] if self.values else math.nan

    @property
    def last(self) -> float:
        """The median of the last few values, NaN without any."""
        recent = sorted(self.values[-RECENT:])
        if not recent:
            return math.nan
        middle = len(recent) // 2
        return recent[middle] if len(recent) % 2 else (recent[middle - 1] + recent[middle]) / 2

    def map(self, function: Callable[[float], float]) -> History:
        """Return the same course with every value changed by ``function``."""
        return History(self.steps, tuple(function(value) for value in self.values))

    def onset(self, holds: Callable[[float], bool]) -> int | None:
        """Return the first step from which ``holds`` stays true to the end, or None.

        That is the step of a finding's ``where``, in all rules; ``onset.Onset`` has the rest.
        """
        begin = None
        for step, value in zip(reversed(self.steps), reversed(self.values), strict=True):
            if not holds(value):
                break
            begin = step
        return begin


def standing(measurements: Measurements, layer: LayerState) -> Standing:
    """Tell whether ``layer`` is of a file, of a training, or of a model that was only run."""
    if measurements.subject.kind == "embeddings":
        return Standing.FILE
    if measurements.trained and layer.first is not None:
        return Standing.TRAINED
    return Standing.FRESH if layer.fresh else Standing.UNTRAINED


def capped(severity: Severity, now: Standing, ceiling: Severity) -> Severity:
    """Return ``severity``, but at most ``ceiling`` for a model that no optimizer moved.

    Whether such weights were ever trained can be seen only where they are as they were drawn; an
    untrained network owes nobody a good geometry, so there it is told as info.
    """
    if now is Standing.FRESH:
        return Severity.INFO
    above = now.is_untrained and severity.rank > ceiling.rank
    return ceiling if above else severity


def is_embedding(layer: LayerState) -> bool:
    """Tell whether a layer's geometry is judged: it is an output, or was asked for by name."""
    return layer.role in ("output", "chosen")


def embeddings(measurements: Measurements) -> tuple[LayerState, ...]:
    """Return the layers whose geometry is judged, raising NotExamined when there are none."""
    outputs = tuple(layer for layer in measurements.layers if is_embedding(layer))
    if outputs:
        return outputs
    if any(layer.role == "logits" for layer in measurements.layers):
        raise NotExamined(
            "the model's only outputs are a classifier's logits; name an embedding with layers="
        )
    raise NotExamined("no embedding was measured")


def judge(
    layers: Iterable[LayerState],
    examine: Callable[[LayerState], Match | None],
    *,
    stand_in: Severity = Severity.INFO,
) -> Iterator[Match]:
    """Yield what ``examine`` finds in each layer; at the end say which could not be examined.

    ``stand_in`` is the ceiling for a block that stands in for an output nobody saw. It may be the
    logits of a classifier, to which frequent classes give a common mean and few dimensions.
    """
    reasons = []
    for layer in layers:
        try:
            match = examine(layer)
        except NotExamined as missing:
            reasons.append(f"{title(layer)}: {missing}" if layer.model else str(missing))
            continue
        if match is not None:
            yield _held_back(match, stand_in) if layer.stands_in else match
    if reasons:
        raise NotExamined("; ".join(reasons))


def _held_back(match: Match, ceiling: Severity) -> Match:
    if match.severity is None or match.severity.rank <= ceiling.rank:
        return match
    return replace(match, severity=ceiling, confidence=Confidence.MEDIUM)


def history(measurements: Measurements, layer: LayerState, metric: str) -> History:
    """Return ``metric`` of ``layer`` over the steps; several forwards of a step are averaged.

    For effective_rank the values are shares of their null, since batches differ in size.
    """
    frame = measurements.metrics
    if frame.empty:
        return History((), ())
    own = frame["model"].eq(layer.model) & frame["layer"].eq(layer.layer)
    rows = frame[own & frame["metric"].eq(metric)]
    values = rows["value"] / rows["null"] if metric == "effective_rank" else rows["value"]
    by_step = values.astype(float).groupby(rows["step"].astype(int)).median().dropna()
    return History(
        tuple(int(step) for step in by_step.index), tuple(float(value) for value in by_step)
    )


def null_of(layer: LayerState, metric: str) -> float | None:
    """Return what ``metric`` reads on isotropic rows of this number and width, if that is known."""
    null = layer.nulls.get(metric, math.nan)
    return null if math.isfinite(null) else None


def interval_of(
    layer: LayerState, metric: str, over: float | None = 1.0
) -> tuple[float, float] | None:
    """Return where ``metric`` would lie in 95 of 100 other draws, in units of ``over``."""
    found = layer.intervals.get(metric)
    if found is None or not over:
        return None
    return found[0] / over, found[1] / over


def rounding(layer: LayerState) -> float:
    """Return the distance of 1.0 to the next number in the layer's dtype (float32 if unknown)."""
    return EPS.get(layer.dtype.removeprefix("torch."), EPS["float32"])


def title(layer: LayerState) -> str:
    """Name a layer in a sentence: its dotted name, or "the embeddings" for a file."""
    if not layer.model:
        return "the embeddings"
    return f"{layer.model}.{layer.layer}" if layer.layer else layer.model


def place(layer: LayerState, step: int | None = None, note: str = "") -> Where:
    """Return where ``layer`` is, in the model and in time; nothing for a file."""
    if not layer.model:
        return Where(note=note)
    return Where(model=layer.model, layer=layer.layer, step=step, note=note)


def per_cent(share: float) -> str:
    """Write a share as a percentage of two significant figures: ``0.0123`` → ``1.2 %``."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.3g} %"


def evidence(**numbers: Evidence | None) -> dict[str, Evidence]:
    """Keep the numbers that exist: what is undefined is no evidence, and no NaN reaches JSON."""
    kept = {}
    for name, number in numbers.items():
        if number is None:
            continue
        if isinstance(number.value, float) and not math.isfinite(number.value):
            continue
        kept[name] = number
    return kept
