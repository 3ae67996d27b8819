"""CD206 wrong-dimension: normalised, soft-maxed or compared along the batch dimension.

What it finds
-------------
Six ways in which the batch dimension was taken for that of the features or places of a row:
columns (or everything together) have one length and rows have not, where rows are compared (or, of
three dimensions, the views were taken for the features); a
softmax over the batch whose values are used as the probabilities of classes; one that makes the
weights with which words or steps are then added up within each row (attention, or pooling by it);
a cosine or distance along the batch, one number for each feature; a cosine of sequences
(n, t, d) or (t, n, d) along the second dimension, which is the default and was not written, where
a linear layer, a layer norm, a table of embeddings or a recurrent layer put the features last. What
is normalised along the batch and multiplied along it (`a.T @ b`), what is centred before,
what is soft-maxed both ways and what was transposed is meant so.

Why it matters
--------------
The result depends on which other rows happen to be in the batch, and says something else than is
meant: lengths of rows are free, so the loss can be lowered by scale alone; similarities no longer
lie within [-1, 1] or all lie near 0; each class has the same total probability in every batch,
whatever the labels.

Likely causes
-------------
`dim=0` taken over from code for a single vector; `nn.CosineSimilarity(dim=0)` or
`nn.Softmax(dim=0)` used for a batch; `z.norm()` without a dimension; `F.softmax` without a
dimension, which takes the first of three; `F.cosine_similarity(a, b)` and `nn.CosineSimilarity()`
without one, which take the second; `layer_norm(z, z.shape)`.

What to do
----------
Pass `dim=-1`: `F.normalize(z, dim=-1)`, `F.cosine_similarity(a, b, dim=-1)`,
`log_softmax(logits, dim=-1)`, `(a - b).norm(dim=-1)`, `layer_norm(z, z.shape[-1:])`.

What would refute it
--------------------
The first dimension is not the batch, or features are compared over the batch on purpose, as in a
loss of redundancy reduction that multiplies no matrices.

Bounds and their source
-----------------------
rows: 2, the fewest that make a column longer than its entries. unit: 0.0001, by how far a length
may differ from 1 and count as made to be 1: sums of float32 over thousands of entries err by less
(Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 4.2), and by twice the
rounding unit for coarser dtypes; untouched lengths are not that near to 1 in every column.

References
----------
PyTorch documentation of `torch.nn.functional.normalize`, `cosine_similarity` and `softmax`. Zbontar
and others, "Barlow Twins", ICML 2021 (what is normalised along the batch on purpose).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import AlongBatch, CallSite
from collapse_doctor.rules.aliasing import require_watched
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How many rows there must be, and how near to 1 a length made to be 1 is."""

    rows: int = 2  # a column of one row is that row's entry
    unit: float = 1e-4  # rounding of sums in float32 stays below


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each line that worked along the batch."""
    if measurements.subject.kind == "embeddings":
        raise NotExamined("a file does not show what is compared with what; watch the training")
    seen = [one for one in measurements.shapes if isinstance(one, AlongBatch)]
    told: set[CallSite | None] = set()
    for one in seen:
        # Both operands of one comparison are one mistake, whichever was seen first.
        if one.operand.shape[0] >= bounds.rows and (one.met is None or one.met not in told):
            told.add(one.met)
            yield _match(one, bounds)
    require_watched(measurements)


def _match(one: AlongBatch, bounds: Bounds) -> Match:
    origin = one.operand.origin
    model, layer = (origin.model, origin.layer) if origin else (None, None)
    return Match(
        message=_message(one),
        where=at_line(Where(model, layer, one.step), one.site),
        related=_met(one),
        evidence=_numbers(one, bounds),
        confidence=Confidence.HIGH,
        remedy=_remedy(one),
    )


def _message(one: AlongBatch) -> str:
    name = f"`{one.operand.expression}`" if one.operand.expression else "an output"
    shape = f"{name} of shape {tuple(one.operand.shape)}"
    rows, columns = one.operand.shape[0], one.operand.shape[-1]
    if one.kind == "compared":
        return (
            f"{one.function} compares along the batch: of {shape} it makes {columns} numbers, one "
            f"for each feature, and not one for each of {rows} rows."
        )
    if one.kind == "default":
        return (
            f"{one.function} compares {shape} along its default, dimension 1, of size "
            f"{one.operand.shape[1]}: the {columns} features lie in the last dimension."
        )
    if one.kind == "softmax":
        return (
            f"{one.function} makes the {rows} rows of {shape} sum to 1 for each class, and not the "
            f"{columns} classes of each row, but it is used as the probability of a class."
        )
    if one.kind == "weights":
        return (
            f"{one.function} makes the {rows} rows of {shape} sum to 1 in each place, and not the "
            f"{_places(one)} places of each row, but each row is then averaged with them."
        )
    maker = one.function or "What came before"
    if len(one.operand.shape) > 2 and one.kind == "normalized":
        return (
            f"{maker} normalises {shape} along another dimension than that of the features, "
            f"which has size {columns}, but rows are then compared."
        )
    if one.kind == "everything":
        return (
            f"{maker} makes all entries of {shape} one vector, rows of the batch included, "
            "but rows are then compared."
        )
    return (
        f"{maker} gives the columns of {shape} length 1, and not the rows, but rows are "
        "then compared."
    )


def _remedy(one: AlongBatch) -> str:
    if one.kind in ("compared", "default"):
        return "Compare along the features: pass `dim=-1`, which gives one number for each row."
    if one.kind == "softmax":
        return "Pass `dim=-1` to the softmax, so that the classes of each row sum to 1."
    if one.kind == "weights" and one.operand.shape[2:] not in ((), (1,)):
        return "Take the softmax along the keys, which are added up: `softmax(scores, dim=-1)`."
    if one.kind == "weights":
        return (
            "Take the softmax along the dimension that is summed over: `softmax(scores, dim=1)` "
            "for scores of shape (rows, places)."
        )
    if one.function == "layer_norm":
        return "Normalise each row: `layer_norm(z, z.shape[-1:])`."
    return (
        "Normalise each row: `F.normalize(z, dim=-1)`, or divide by `z.norm(dim=-1, keepdim=True)`."
    )


def _places(one: AlongBatch) -> int:
    """Return how many values are added up: of (n, t), (n, t, 1), or (n, …, queries, keys)."""
    last = one.operand.shape[-1]
    return last if last > 1 else one.operand.shape[1]


def _met(one: AlongBatch) -> tuple[Where, ...]:
    if one.met is None or (one.met.file, one.met.line) == (one.site.file, one.site.line):
        return ()
    used = {
        "softmax": "it is used as probabilities of classes",
        "weights": "each row is averaged with them",
    }.get(one.kind, "rows are compared")
    return (at_line(Where(step=one.step, note=f"{used} here"), one.met),)


def _numbers(one: AlongBatch, bounds: Bounds) -> dict[str, Evidence]:
    """Return the shape, and what columns and rows measured, where they were."""
    numbers = {
        "rows": Evidence(one.operand.shape[0], bounds.rows, ">=", meaning="rows of the batch")
    }
    if one.kind == "default":
        numbers["compared_along"] = Evidence(one.operand.shape[1], meaning="size of dimension 1")
        numbers["features"] = Evidence(one.operand.shape[-1], meaning="size of the last dimension")
    what = "sum" if one.kind in ("softmax", "weights") else "length"
    for name, span in (("column", one.columns), ("row", one.rows)):
        if span is not None:
            unit = f"within {bounds.unit:g} of 1 where it was made to be 1"
            numbers[f"smallest_{name}_{what}"] = Evidence(span[0], meaning=unit)
            numbers[f"largest_{name}_{what}"] = Evidence(span[1], meaning=unit)
    numbers["first_step"] = Evidence(one.step)
    return numbers


RULE = Rule(
    code="CD206",
    name="wrong-dimension",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
