"""CD306 narrow-cone: a large common mean makes all cosines high, although the rest is rich.

What it finds
-------------
The mean cosine of all pairs is 0.85 or more, while the rows, once their mean is taken out, use
their dimensions.

Why it matters
--------------
All pairs look similar, so a threshold on the cosine tells little apart and a margin loss spends
itself on the common part. The information is there; the cosine does not show it.

Likely causes
-------------
A bias or common direction that grew during training; an activation that leaves no negative
values before the output; a few rogue coordinates of large constant value, as in the raw hidden
states of language models.

What to do
----------
Of embeddings that are finished, subtract the mean of the data set before comparing, or whiten. In
training, give the loss something that pushes apart (negatives, a variance term, a stop-gradient
with a predictor); if it has that, put a normalisation layer (BatchNorm without affine part) before
the embedding or take off the last ReLU. For rogue coordinates standardise each coordinate: this is
a property of such models and not a bug.

What would refute it
--------------------
The embedding is never compared by cosine or inner product (in a training where none was seen this
is told as info, unless all cosines have become one number); or all rows are of one kind (one
speaker, one scene), and their similarity is real.

Bounds and their source
-----------------------
mean_cosine: 0.85. Independent coordinates that cannot be negative have a cosine of E[x]²/E[x²]
by themselves: 1/π = 0.32 after a ReLU on normal values, 1/2 for exponential, 2/π = 0.64 for
half-normal, 3/4 for uniform ones. The bound is above them all: 85 % of each vector's squared
length is the same for all rows.
same: 0.03125. With 1 - cos = spread², all cosines are then one number in half precision (eps
2^-10), in which similarities are often computed, and the message says so. Of rows without a
history it is no more than a warning: it is not known that a cosine is what they are made for, and
their lengths may differ. A block that stands in for an output nobody saw may be a
classifier's logits, to which frequent classes give a common mean: above this spread it is told
as info. So is an inner layer of a model whose outputs are logits, at any spread: there the mean is
a bias of each class, as in the last states of language models.
rich: 0.1 of the isotropic null of the effective rank, the bound of CD303: below it the rest is
not rich. rogue: 0.5. If three coordinates or fewer hold half of the squared length of the mean, it
is told as info.
min_width: 3. One dimension has two directions, and a cone in two says little.
narrowed: 2. In a training the spread of directions, sqrt(1 - mean cosine), must have halved since
the first step: an untrained deep ReLU network is born in a cone (0.87 at depth 10, 0.95 at depth
20, by the arc-cosine recursion), and benign dips reached 0.55 of the first value.

References
----------
Ethayarajh, "How Contextual are Contextualized Word Representations?", EMNLP 2019. Cho and Saul,
"Kernel Methods for Deep Learning", NeurIPS 2009. Timkey and van Schijndel, "All Bark and No
Bite: Rogue Dimensions in Transformer Language Models Obscure Representational Quality", EMNLP 2021.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.rules.depth import first_lost, located
from collapse_doctor.rules.geometry import (
    Standing,
    embeddings,
    evidence,
    history,
    interval_of,
    judge,
    null_of,
    place,
    standing,
    title,
)
from collapse_doctor.rules.onset import onset_below
from collapse_doctor.rules.rule import Match, NotExamined, Rule
from collapse_doctor.rules.spread import is_fitted, require_spread

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When a cone is narrow, and what excuses it."""

    mean_cosine: float = 0.85  # above 3/4, the cosine of uniform non-negative coordinates
    rich: float = 0.1  # effective rank over its null: the bound of CD303
    rogue: float = 0.5  # half of the mean's squared length in at most three coordinates
    same: float = 2.0**-5  # spread of directions: 1 - cos below eps of half precision, 2**-10
    min_width: int = 3  # one dimension has two directions
    narrowed: float = 2.0  # times less spread than at the first step; benign dips: 1 / 0.55


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding that lies in a narrow cone."""
    examine = partial(_examine, measurements, bounds)
    return judge(embeddings(measurements), examine, stand_in=Severity.WARNING)


def _examine(measurements: Measurements, bounds: Bounds, layer: LayerState) -> Match | None:
    if layer.width < bounds.min_width:
        raise NotExamined(f"cosines in {layer.width} dimensions say little")
    require_spread(measurements, layer)
    cosine = layer.values.get("mean_cosine", math.nan)
    if math.isnan(cosine):
        raise NotExamined("its cosines are undefined")
    if cosine < bounds.mean_cosine:
        return None
    rank, null = layer.values.get("effective_rank", math.nan), null_of(layer, "effective_rank")
    if null is None or not rank >= bounds.rich * null:
        raise NotExamined("its rank is low, too: a cone is not what is wrong first (see CD303)")
    _require_narrowed(measurements, layer, bounds, cosine)
    return _from_where(measurements, layer, bounds, _match(measurements, layer, bounds, cosine))


def _from_where(
    measurements: Measurements, layer: LayerState, bounds: Bounds, match: Match
) -> Match:
    """Return a match that names the first layer that lies in such a cone, and was not born so."""

    def is_lost(other: LayerState) -> bool:
        cosine = other.values.get("mean_cosine", math.nan)
        if not cosine >= bounds.mean_cosine:  # True for NaN
            return False
        try:
            _require_narrowed(measurements, other, bounds, cosine)
        except NotExamined:
            return False
        return True

    return located(
        match,
        first_lost(measurements, layer, is_lost),
        lambda first: history(measurements, first, "mean_cosine"),
        lambda cosine: cosine >= bounds.mean_cosine,
        lambda last: f"has a mean cosine of {last.values.get('mean_cosine', math.nan):.2f}",
    )


def _require_narrowed(
    measurements: Measurements, layer: LayerState, bounds: Bounds, cosine: float
) -> None:
    """Raise NotExamined for a cone that may be the one the network was born in."""
    now = standing(measurements, layer)
    if now.is_untrained:
        raise NotExamined(
            f"its mean cosine is {cosine:.2f}, but no optimizer stepped: untrained deep ReLU "
            "networks are born in such a cone"
        )
    first = (layer.first or {}).get("mean_cosine", math.nan)
    if now is Standing.TRAINED and not math.isnan(first):
        spread, born = math.sqrt(max(1 - cosine, 0)), math.sqrt(max(1 - first, 0))
        if born < bounds.narrowed * spread:
            raise NotExamined(
                f"its mean cosine is {cosine:.2f} and was {first:.2f} at the first step: the "
                "network was born in this cone"
            )


def _match(measurements: Measurements, layer: LayerState, bounds: Bounds, cosine: float) -> Match:
    rogue = layer.values.get("mean_top_share", math.nan)
    is_rogue = rogue > bounds.rogue  # False for NaN
    course = history(measurements, layer, "mean_cosine")
    onset = course.onset(lambda v: v >= bounds.mean_cosine)
    began = onset_below(course.map(lambda v: 1.0 - v), 1.0 - bounds.mean_cosine, onset)
    cause, remedy = _advice(measurements, layer, cosine, is_rogue=is_rogue)
    return Match(
        message=_message(layer, bounds, cosine, is_rogue=is_rogue) + began.sentence,
        where=place(layer, onset),
        evidence=evidence(
            mean_cosine=Evidence(
                cosine,
                bounds.mean_cosine,
                ">=",
                null=0.0,
                interval=interval_of(layer, "mean_cosine"),
            ),
            effective_rank=Evidence(
                layer.values["effective_rank"],
                null=null_of(layer, "effective_rank"),
                interval=interval_of(layer, "effective_rank"),
            ),
            mean_top_share=Evidence(
                rogue,
                bounds.rogue,
                ">" if is_rogue else "<=",
                null_of(layer, "mean_top_share"),
                meaning="share of the common mean in its few largest coordinates",
            ),
            at_first_step=Evidence((layer.first or {}).get("mean_cosine", math.nan)),
            **(began.numbers if layer.first else {}),
            rows=Evidence(layer.count),
        ),
        severity=_severity(measurements, layer, bounds, is_rogue=is_rogue),
        confidence=Confidence.HIGH,
        cause=cause,
        remedy=remedy,
    )


def _severity(
    measurements: Measurements, layer: LayerState, bounds: Bounds, *, is_rogue: bool
) -> Severity:
    """Return a warning where directions are compared, an info where nothing says they are."""
    if is_rogue or _may_be_other(layer, bounds):
        return Severity.INFO
    one_direction = layer.values.get("direction_dispersion", math.nan) < bounds.same
    fitted = is_fitted(measurements, layer) or layer.dimensions is not None
    excused = fitted or _feeds_classes(measurements, layer)
    harms = layer.directed or (one_direction and not excused)
    trained = standing(measurements, layer) is Standing.TRAINED
    return Severity.WARNING if harms or not trained else Severity.INFO


def _may_be_other(layer: LayerState, bounds: Bounds) -> bool:
    """Tell whether a cone may be of logits, or of what a predictor returns, and no embedding's.

    Of the parts of a model several are compared; what it returns itself is called ``output``.
    """
    of_part = layer.role == "output" and bool(layer.model) and not layer.layer.startswith("output")
    spread = layer.values.get("direction_dispersion", math.nan)
    return (layer.stands_in or of_part) and not spread < bounds.same


def _feeds_classes(measurements: Measurements, layer: LayerState) -> bool:
    """Tell whether a layer lies before the logits of a classifier, or of a language model.

    Its rows meet the vectors of the classes in inner products: to these a mean that all rows share
    is a bias of each class, and as a bias it is learnt, by frequent words first.
    """
    return layer.role == "chosen" and any(
        other.model == layer.model and other.role == "logits" for other in measurements.layers
    )


def _advice(
    measurements: Measurements, layer: LayerState, cosine: float, *, is_rogue: bool
) -> tuple[str, str]:
    """Return cause and remedy; empty where those of the page hold."""
    if is_rogue:
        return _ROGUE_CAUSE, "Centre or standardise the coordinates before comparing."
    if standing(measurements, layer) is not Standing.TRAINED:
        return "", ""
    first = (layer.first or {}).get("mean_cosine", math.nan)
    rose = "" if math.isnan(first) else f" from {first:.2f} to {cosine:.2f}"
    cause = (
        f"The mean cosine rose{rose} in training: what pulls rows together is stronger than what "
        "pushes them apart, or a common bias grew."
    )
    return cause, _TRAINING_REMEDY


_TRAINING_REMEDY = (
    "Give the loss something that pushes apart: negatives, a variance term (VICReg), or a "
    "stop-gradient with a predictor (SimSiam). If it has that, lower the margin of cosines above "
    "which it pushes, or put a BatchNorm without affine part "
    "before the embedding, or take off the last ReLU. Taking the mean out afterwards would only "
    "hide it."
)

_ROGUE_CAUSE = (
    "A few coordinates hold most of the common mean, as in the raw hidden states of language "
    "models. That is a property of such models and not a bug."
)


def _message(layer: LayerState, bounds: Bounds, cosine: float, *, is_rogue: bool) -> str:
    spread = layer.values.get("direction_dispersion", math.nan)
    if spread < bounds.same:
        return (
            f"All cosines in {title(layer)} are within {spread**2:.1g} of 1 on average: the rows "
            "point in one direction, and differ by their length and by little else."
        )
    why = "a few rogue coordinates" if is_rogue else "a large mean that all rows share"
    return (
        f"All cosines in {title(layer)} are high ({cosine:.3f} on average) because of {why}; "
        "without it the rows are varied."
    )


RULE = Rule(
    code="CD306",
    name="narrow-cone",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
