"""CD109 overwritten-in-place: a compared tensor was overwritten after it was made.

What it finds
-------------
An operand of a comparison lies in memory that was written after the operand was computed: by a
later forward pass into the same output buffer, by `copy_`, `[:] =`, `zero_` or `fill_`, or, for a
detached alias that was kept, by any in-place operation on what it is an alias of. Or it was made of
such memory: of a buffer that one line filled twice in a step while nobody had read it, and that is
then used as if it held both; of an output that was changed by way of a detached alias with a name
of its own; of the argument of an in-place operation, beside what that operation gave back.

Why it matters
--------------
What is compared is no longer what was computed. The first output became the second, so the two
agree whatever the network does; or the kept value moved along with the one it was kept beside.

Likely causes
-------------
The model returns a buffer that each forward pass fills anew (`self.buffer[:] = …`, `out=`, a NumPy
array); `z1.copy_(z2)` was taken for an assignment; `kept = z.detach()`, which copies nothing, was
followed by `z.add_(…)`, `z.zero_()` or an activation with `inplace=True`, or was itself centred or
masked for a plot or a log; `dropped = z.masked_fill_(…)` was taken for a second view.

What to do
----------
Return a new tensor from each forward pass, or take `.clone()` of an output that must outlive the
next one. Keep a former value by `z.detach().clone()`; use the operation without the underscore.

What would refute it
--------------------
The write is meant to reach both: a normalisation of one's own output in place, a queue or a moving
average. Those are not told: what an output's holder does to it (`z.clamp_()` without gradients,
`z.data.clamp_()`), and stores that are no outputs. Nor is a buffer that is filled again after a
warm-up or a failed try, of which only the last content is asked for, nor slots filled in turn.

Bounds and their source
-----------------------
occurrences: 1. Addresses of living memory, and the order of a write and of what was made before it,
are exact; no statistics are involved. A write counts if it covers all of the operand; through a
detached alias it counts if one of the two lies within the other.

References
----------
PyTorch documentation, "Autograd mechanics", in-place operations. NumPy buffers share memory with
`torch.from_numpy` without a version counter: "torch.from_numpy", same place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Severity
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Relation
from collapse_doctor.rules.aliasing import Alias, Said, aliases, require_watched, told
from collapse_doctor.rules.rule import Match, Rule

__all__ = ["RULE"]

_PASS = "forward pass"


@dataclass(frozen=True)
class Bounds:
    """How often an operand must have been overwritten."""

    occurrences: int = 1  # addresses of living memory are exact


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each comparison of an operand that was overwritten."""
    for alias in aliases(measurements, "overwritten", paired=False):
        if len(alias.found) >= bounds.occurrences:
            yield told(alias, _say(alias), Confidence.CERTAIN)
    require_watched(measurements)


def _say(alias: Alias) -> Said:
    left, right = alias.names
    relation = alias.relation
    line = f" in line {relation.site.line}" if relation.site is not None else ""
    where = f"when {alias.first.function} compares it with"
    if relation.twin:
        return _say_twins(relation, line, alias)
    if relation.operation == _PASS:
        return Said(
            f"{left} no longer is what was computed {where} {right}: the forward pass{line} wrote "
            "into the same output buffer.",
            cause=f"The model returns one buffer and fills it anew in each forward pass, so {left} "
            f"was overwritten when {right} was computed.",
        )
    what = _written(relation.operation)
    if alias.left == alias.right and left == right:
        return Said(
            f"{left} was overwritten by {what}{line} after a hook had kept it, and then became "
            f"part of {alias.first.function}.",
            cause=f"A hook is given the tensor itself, and {what} writes into it afterwards.",
            remedy="Keep `output.clone()` in the hook, or use the operation that is not in place.",
        )
    return Said(
        f"{left} or {right} was overwritten by {what}{line} after it was made, and then compared "
        f"by {alias.first.function}.",
        cause=f"{what} writes into memory that {left} and {right}, or what one of them was made "
        "of, lie in: a view or a detached tensor is no copy.",
    )


def _say_twins(relation: Relation, line: str, alias: Alias) -> Said:
    left, right = alias.names
    how = "the forward pass" if relation.operation == _PASS else _written(relation.operation)
    return Said(
        f"`{relation.twin}` no longer is what was computed: {how}{line} filled the same buffer "
        f"again, and under another name it is compared as {left} or {right}.",
        cause="One buffer is filled anew in each pass and given out each time: all names for it "
        "hold what was computed last.",
    )


def _written(operation: str) -> str:
    return "an assignment to its elements" if operation == "__setitem__" else f"`{operation}`"


RULE = Rule(
    code="CD109",
    name="overwritten-in-place",
    severity=Severity.ERROR,
    bounds=Bounds(),
    check=check,
)
