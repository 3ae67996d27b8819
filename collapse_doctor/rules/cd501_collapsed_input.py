"""CD501 collapsed-input: the rows that enter the model are all alike, so it can return only one.

What it finds
-------------
From some step on every batch that enters a watched model holds one and the same row again and
again; or sentences that differ in nothing but their length, since every word became the same
number; or rows so nearly alike that the network, in the state it was born in, maps them to one
vector.

Why it matters
--------------
What is not in the input cannot be in the embedding. All that is said of the embedding follows from
this, and nothing that is changed in the model or the loss will help.

Likely causes
-------------
A data set whose `__getitem__` ignores its index; a tensor that was zeroed, or replaced by zeros
while debugging; an augmentation that blanks the image; a normalisation by the wrong scale; ids
clipped to one, or words that are all unknown to the vocabulary; one column so large that the others
vanish beside it.

What to do
----------
Print two different rows right before the model is called, then further up: after the augmentation,
after the collate function, out of the data set. Where they are first equal, something throws the
data away.

What would refute it
--------------------
The input is a placeholder, and what the model returns comes from somewhere else: a random draw of
its own, or a table that it holds.

Bounds and their source
-----------------------
batch: 4 rows in one pass, and rows: 32 in all since it began, at no fewer looks than looks: 3. A
value that nine rows in ten share fills 32 rows by chance with probability 0.9^32 = 0.034, and
comes back as the only one of three batches; data of one number per row are not judged unless they
are ids. That a batch of one row repeated is always another row may be meant (several draws for one
item), so there the embeddings must have collapsed as well.
dispersion: 0.02, the bound of CD301. Mathematics: a freshly drawn linear layer with a bias leaves
L / sqrt(1 + m² + L²) of the spread of rows, as a share of the length of what it returns; L is their
root mean square distance from their mean, m the length of that. The embeddings must lie below the
same bound at the first step and now: a layer that standardises its input first can make much of
little. Pixels of scikit-learn's digits have 0.7.

References
----------
PyTorch documentation, torch.utils.data (what a data set has to return for an index). Karpathy, "A
Recipe for Training Neural Networks", 2019 (look at what goes into the network just before it does).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.recording.observations import Intake
from collapse_doctor.rules.entered import intakes_of, lasting
from collapse_doctor.rules.geometry import evidence, per_cent
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """When what enters counts as one row."""

    batch: int = 4  # rows of one pass
    rows: int = 32  # in all: 0.9 ** 32 = 0.034
    looks: int = 3  # steps that were looked at
    dispersion: float = 0.02  # the bound of CD301


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each model whose inputs have no variety."""
    if measurements.subject.kind == "embeddings":
        raise NotExamined("a file of embeddings does not hold what they were made from")
    if not measurements.intakes:
        raise NotExamined("what entered the models was not seen, or is no tensor")
    reasons = []
    for model in dict.fromkeys(intake.model for intake in measurements.intakes):
        try:
            match = _examine(measurements, bounds, model)
        except NotExamined as missing:
            reasons.append(f"{model}: {missing}")
            continue
        if match is not None:
            yield match
    if reasons:
        raise NotExamined("; ".join(reasons))


def _examine(measurements: Measurements, bounds: Bounds, model: str) -> Match | None:
    seen = intakes_of(measurements, model)
    several = [intake for intake in seen if intake.batch >= bounds.batch]
    if not several:
        raise NotExamined(f"no pass was given {bounds.batch} rows")
    if not any(intake.whole for intake in several):
        raise NotExamined("it was given more than tensors of rows")
    if _is_upstream_to_blame(measurements, bounds, model, several):
        raise NotExamined("what entered it comes from another watched model")
    equal = lasting(several, _is_equal)
    if _is_enough(equal, bounds) and _is_one_row(measurements, bounds, equal):
        return _match(model, equal, bounds, _equal(equal[-1]))
    unworded = lasting(several, _differs_in_length)
    if _is_enough(unworded, bounds):
        return _match(model, unworded, bounds, _unworded(unworded[-1]))
    near = lasting(several, lambda intake: _is_near(intake, bounds))
    if _is_enough(near, bounds) and _born_and_still_one(measurements, bounds, model):
        return _match(model, near, bounds, _near(near[-1], bounds))
    return None


def _is_equal(intake: Intake) -> bool:
    """Tell whether all rows of each pass were one; one number per row may often be."""
    single = math.prod(intake.shape[1:]) == 1 and not _is_ids(intake)
    return intake.whole and not intake.varied and not single


def _is_ids(intake: Intake) -> bool:
    return intake.dtype in ("int64", "int32", "int16")


def _differs_in_length(intake: Intake) -> bool:
    """Tell whether sentences have the same words, each as often repeated as it likes."""
    long = len(intake.shape) == 2 and intake.shape[1] > 2
    return intake.whole and intake.varied and long and intake.runs == 1


def _is_near(intake: Intake, bounds: Bounds) -> bool:
    small = intake.dispersion is not None and intake.dispersion < bounds.dispersion
    return intake.whole and intake.varied and small and not intake.learned


def _is_enough(intakes: list[Intake], bounds: Bounds) -> bool:
    rows = sum(intake.batch for intake in intakes)
    return len(intakes) >= bounds.looks and rows >= bounds.rows


def _is_one_row(measurements: Measurements, bounds: Bounds, equal: list[Intake]) -> bool:
    """Tell whether it was one row at all looks, or embeddings show that it stayed one."""
    sequences = len(equal[-1].shape) in (3, 5) and not _is_ids(equal[-1])  # rows may be positions
    always = all(intake.repeated for intake in equal[1:])
    if always and not sequences:
        return True
    outputs = _outputs(measurements, equal[-1].model)
    return bool(outputs) and all(_spread(layer.values) < bounds.dispersion for layer in outputs)


def _born_and_still_one(measurements: Measurements, bounds: Bounds, model: str) -> bool:
    """Tell whether all outputs of a model are one vector, and were when they were first seen."""
    outputs = _outputs(measurements, model)
    return bool(outputs) and all(
        _spread(values) < bounds.dispersion
        for layer in outputs
        for values in (layer.values, layer.first or {})
    )


def _outputs(measurements: Measurements, model: str) -> list[LayerState]:
    return [one for one in measurements.layers if one.model == model and one.role != "block"]


def _spread(values: Mapping[str, float]) -> float:
    return values.get("relative_dispersion", math.nan)


def _is_upstream_to_blame(
    measurements: Measurements, bounds: Bounds, model: str, seen: list[Intake]
) -> bool:
    """Tell whether another watched model returned one vector for varied inputs, or may have.

    What a network computes on the way is no data. Where it is watched, it is judged itself; where
    it is not, rows that were equal from the start were so before it, for a network that nobody
    has trained yet does not make them so.
    """
    learned = seen[-1].learned
    if learned and _is_equal(seen[-1]) and len(lasting(seen, _is_equal)) < len(seen):
        return True
    for other in {intake.model for intake in measurements.intakes} - {model}:
        varied = any(intake.varied for intake in intakes_of(measurements, other)[-3:])
        outputs = _outputs(measurements, other)
        one = any(_spread(layer.values) < bounds.dispersion for layer in outputs)
        if varied and (one or learned):
            return True
    return False


@dataclass(frozen=True)
class _Told:
    """What is said of one kind of collapsed input."""

    message: str
    number: dict[str, Evidence]
    cause: str = ""
    certain: bool = True


def _equal(intake: Intake) -> _Told:
    what, number = _name(intake), {"distinct_rows": Evidence(1, 1, "<=", null=intake.batch)}
    zeros = intake.low == intake.high == 0
    one = intake.low == intake.high
    value = f": every number in it is {intake.low:g}" if one and intake.low is not None else ""
    cause = ""
    if zeros:
        cause = (
            "The input was multiplied by 0, made by `zeros_like`, masked altogether, or its buffer "
            "was never filled."
        )
    elif _is_ids(intake) and one:
        cause = "The ids were clipped, cast or looked up to one: all inputs have the same."
    return _Told(f"All rows that enter {intake.model} are equal ({what}){value}.", number, cause)


def _unworded(intake: Intake) -> _Told:
    return _Told(
        f"The rows that enter {intake.model} ({_name(intake)}) differ in nothing but their length: "
        "each word is the same number.",
        {"distinct_contents": Evidence(1, 1, "<=", null=intake.distinct)},
        "The tokenizer knows none of the words (all became the unknown one), or the ids were "
        "clipped to one.",
    )


def _near(intake: Intake, bounds: Bounds) -> _Told:
    share = intake.dispersion or 0.0
    return _Told(
        f"The rows that enter {intake.model} ({_name(intake)}) are nearly alike: beside their "
        f"common mean and a bias they differ by {per_cent(share)}.",
        {"dispersion": Evidence(share, bounds.dispersion, "<", meaning="left by a linear layer")},
        "The input was scaled to nothing, or a large constant or one very large column hides what "
        "differs.",
        certain=False,
    )


def _name(intake: Intake) -> str:
    shape = "x".join(str(size) for size in intake.shape)
    return f"{intake.name or 'its first tensor'}, {shape}, {intake.dtype}"


def _match(model: str, intakes: list[Intake], bounds: Bounds, told: _Told) -> Match:
    first, last = intakes[0], intakes[-1]
    return Match(
        message=told.message,
        where=Where(model=model, step=first.step),
        evidence=evidence(
            **told.number,
            looks=Evidence(len(intakes), bounds.looks, ">=", meaning="steps, from the first on"),
            batch=Evidence(last.batch, bounds.batch, ">=", meaning="rows of one pass"),
            low=None if last.low is None else Evidence(last.low, meaning="smallest number seen"),
            high=None if last.high is None else Evidence(last.high, meaning="largest number seen"),
        ),
        confidence=Confidence.CERTAIN if told.certain else Confidence.HIGH,
        cause=told.cause,
    )


RULE = Rule(
    code="CD501",
    name="collapsed-input",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
