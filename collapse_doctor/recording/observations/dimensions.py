"""What broadcast to all pairs, or worked along the batch, where rows were meant."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from collapse_doctor.recording.observations.places import CallSite, Operand

__all__ = ["AlongBatch", "Spread"]


class Spread(Struct, frozen=True, gc=False, tag="spread"):
    """One line at which the shapes of two operands met in all pairs, told once for each shape.

    ``kind`` is ``"outer"`` where n numbers met n rows of one, and ``"matrix"`` where a label for
    each row met a matrix of all pairs, ``"margin"`` where a hinge was put on the difference of two
    such matrices. ``result`` is the shape that came of it; ``reduced`` is the
    line at which all of that became one number. ``labels`` is true when one operand was given and
    the other computed. ``made`` is the line that made the first of two matrices.
    """

    step: int
    forward: int
    function: str
    kind: Literal["outer", "matrix", "margin"]
    site: CallSite
    operands: tuple[Operand, ...]
    result: tuple[int, ...]
    reduced: CallSite
    labels: bool = False
    made: CallSite | None = None


class AlongBatch(Struct, frozen=True, gc=False, tag="along-batch"):
    """One line that worked along the batch where rows were meant, told once.

    ``site`` is the line of ``function``; ``met`` is the line that shows that rows were meant: where
    they are compared, or classified. A ``default`` dimension that nobody wrote is the second of
    three, where features lie in the last. ``columns`` and ``rows`` are the smallest and the largest
    length (or sum, after a softmax) of each, where they were measured.
    """

    step: int
    forward: int
    function: str
    kind: Literal["normalized", "everything", "softmax", "weights", "compared", "default"]
    site: CallSite
    operand: Operand
    met: CallSite | None = None
    columns: tuple[float, float] | None = None
    rows: tuple[float, float] | None = None
