"""CD205 broadcast-mismatch: shapes that broadcast to all pairs where pairs were meant.

What it finds
-------------
A tensor of n numbers, `(n,)`, meets one of n rows of one, `(n, 1)`, and the result is `(n, n)`:
each number meets every other instead of its own. Or a label for each of n pairs is spread along the
n × n matrix of all pairs, or a hinge is put on the difference of two such matrices with the same
rows (`relu(cdist(a, p) - cdist(a, n) + margin)`). It is told where all of these pairs are then made
one number that is learnt from. The same holds for `(n, d)` against `(n, 1, d)`. Or all that was
minimised on an output, at every step looked at, is the mean of the distances or similarities of
every row of it with every row of its partner, whoever asked for that matrix.

Why it matters
--------------
Nothing fails, the loss is finite and often falls. But of n² terms only the n on the diagonal belong
together. A regression is drawn to the mean of all targets; with labels for pairs each distance is
pulled and pushed by the labels of all others, so that what is learnt does not depend on which pair
was labelled what. A mean of all similarities has no other maximum than one vector for all rows.

Likely causes
-------------
Labels that a data set or `view(-1, 1)` gave a second dimension; the `(n, 1)` of a last layer with
one output; `keepdim=True` on one side only; `squeeze` on one side only; `cdist` or a matrix product
where the distance of row i to row i was meant.

What to do
----------
Give both the same shape before they meet: `y.squeeze(1)`, `y.view(-1)` or `score.squeeze(1)`. For n
distances of n pairs use `pairwise_distance`, `cosine_similarity(a, b, dim=-1)` or the diagonal. A
line `assert a.shape == b.shape` before the loss keeps it so.

What would refute it
--------------------
All n² pairs are meant, as in a ranking loss over all scores or a kernel. Write both dimensions
(`s[:, None] - t[None, :]`) and it is taken for what it is.

Bounds and their source
-----------------------
rows: 2, the fewest for which all pairs are more than the pairs; a single row cannot tell. The rest
is the arithmetic of shapes. Where a line also meets other numbers of rows, (n,) with (k, 1), these
never were pairs, and nothing is told.
looks: 6 steps at which a loss was seen that draws every row to every row, as in CD208: one of two
kinds of batches in turn shows both.

References
----------
NumPy documentation, "Broadcasting". The warning of `torch.nn.functional.mse_loss`, "Using a target
size that is different to the input size".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import CallSite, Operand, Spread
from collapse_doctor.rules.aliasing import require_watched
from collapse_doctor.rules.crossed import Crossed, crossed_losses
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["RULE"]


@dataclass(frozen=True)
class Bounds:
    """How many rows must have met."""

    rows: int = 2  # all pairs of one row are that pair
    looks: int = 6  # steps: two kinds of batches in turn are both seen


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each line at which pairs became all pairs."""
    if measurements.subject.kind == "embeddings":
        raise NotExamined("a file does not show which shapes met; watch the training")
    by_site: dict[CallSite, list[Spread]] = {}
    for seen in measurements.shapes:
        if isinstance(seen, Spread):
            by_site.setdefault(seen.site, []).append(seen)
    for spreads in _by_cause(by_site.values()):
        if all(_pairs(spread) >= bounds.rows for spread in spreads):
            yield _match(spreads[0], bounds)
    if not by_site:
        for drawn in crossed_losses(measurements):
            if len(drawn.steps) >= bounds.looks:
                yield _drawn_together(drawn, bounds)
    require_watched(measurements)


def _by_cause(sites: Iterable[list[Spread]]) -> Iterator[list[Spread]]:
    """Yield the first line of those whose pairs were made one number together.

    ``y * d`` and ``(1 - y) * relu(m - d)`` are one mistake in two terms of one loss.
    """
    known: set[CallSite] = set()
    for spreads in sites:
        if not any(spread.reduced in known for spread in spreads):
            yield spreads
        known |= {spread.reduced for spread in spreads}


def _pairs(spread: Spread) -> int:
    """Return how many rows met, 0 if the two sides had not equally many."""
    return spread.result[0] if spread.result[0] == spread.result[1] else 0


def _match(first: Spread, bounds: Bounds) -> Match:
    rows = _pairs(first)
    names = [_named(operand, place) for place, operand in enumerate(first.operands, 1)]
    what = " and ".join(names[:2])
    met = (
        f"are distances of all pairs when {first.function} holds one against the other"
        if first.kind == "margin"
        else f"broadcast to {_shape(first.result)} in {first.function}"
    )
    return Match(
        message=f"{what} {met}: each of the {rows} rows meets all {rows}, not its own partner, and "
        f"all {rows * rows:,} become one number.",
        where=_at(first.made or first.site, first.step),
        related=_reduced(first),
        evidence={
            "rows": Evidence(rows, bounds.rows, ">=", meaning="rows that met one another"),
            "pairs": Evidence(rows * rows, meaning="pairs that were made one number"),
            "first_step": Evidence(first.step),
        },
        confidence=Confidence.HIGH,
        cause=_cause(first),
        remedy=_remedy(first),
    )


def _drawn_together(drawn: Crossed, bounds: Bounds) -> Match:
    first = drawn.looks[0]
    where = at_line(Where(drawn.model, drawn.layer, first.step), drawn.site)
    return Match(
        message=f"All that is minimised on {drawn.model}.{drawn.layer} is one number made of every "
        "row with every row: it draws each row to all others, and not to its own partner.",
        where=where,
        evidence={
            "looks": Evidence(len(drawn.steps), bounds.looks, ">=", unit="steps"),
            "first_step": Evidence(first.step),
        },
        confidence=Confidence.HIGH,
        cause="A matrix of every row with every row is made one number, without a softmax, a mask, "
        "a margin or its diagonal: the partners of all other rows count as a row's own.",
        remedy="Compare row i with row i only: `pairwise_distance(a, b)`, or "
        "`cosine_similarity(a, b)` of equal shapes, or the diagonal of the matrix. To keep rows "
        "apart, let a softmax over each row of the matrix choose its own partner (InfoNCE).",
    )


def _cause(spread: Spread) -> str:
    if spread.kind == "matrix":
        return (
            "There is one label for each pair of rows, but a distance or similarity of every row "
            "with every row: the labels are spread along it."
        )
    if spread.kind == "margin":
        return (
            "A matrix of every row with every row was taken for the distances, or similarities, of "
            "row i with row i: the partners of all other rows count as its own."
        )
    high = max(spread.operands, key=lambda operand: len(operand.shape))
    return (
        f"One side has shape {_shape(high.shape)}: its dimension of 1 is spread over all rows of "
        "the other side, and the other side over its rows."
    )


def _remedy(spread: Spread) -> str:
    if spread.kind != "outer":
        return (
            "Compare row i with row i only: `pairwise_distance(a, b)`, `cosine_similarity(a, b)`, "
            "or the diagonal of the matrix. That gives one number for each row."
        )
    place, high = max(enumerate(spread.operands, 1), key=lambda one: len(one[1].shape))
    name = high.expression if high.expression.isidentifier() else f"operand {place}"
    return (
        f"Give both the same shape: `{name}.squeeze(1)` or `{name}.view(-1)`"
        if high.expression.isidentifier() and len(high.shape) == 2
        else f"Give both the same shape: `squeeze(1)` (or `view(-1)`) on {name}"
    ) + ", and assert that the shapes are equal before they meet."


def _named(operand: Operand, place: int) -> str:
    name = f"`{operand.expression}`" if operand.expression else f"operand {place}"
    return f"{name} {_shape(operand.shape)}"


def _shape(shape: tuple[int, ...]) -> str:
    """Return a shape as Python writes it.

    >>> _shape((8,)), _shape((8, 1))
    ('(8,)', '(8, 1)')
    """
    return str(tuple(shape))


def _reduced(spread: Spread) -> tuple[Where, ...]:
    if spread.made is not None and spread.made != spread.site:
        return (_at(spread.site, spread.step, "one is held against the other here"),)
    if (spread.reduced.file, spread.reduced.line) == (spread.site.file, spread.site.line):
        return ()
    return (_at(spread.reduced, spread.step, "all pairs become one number here"),)


def _at(site: CallSite, step: int, note: str = "") -> Where:
    return at_line(Where(step=step, note=note), site)


RULE = Rule(
    code="CD205",
    name="broadcast-mismatch",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
