"""What met in comparisons, and what the operands have to do with each other."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from collapse_doctor.recording.observations.places import CallSite, Operand

__all__ = ["Comparison", "Past", "Relation", "RelationKind"]

RelationKind = Literal[
    "same-object",  # ``a is b``
    "shared-storage",  # other object, same elements of the same memory
    "detached",  # this step's values, one side cut from the graph
    "equal",  # own memory, equal values, both alive in the graph (or neither)
    "scalar-multiple",  # every row of one is a multiple of that row of the other
    "stale",  # one side is the output of an earlier step
    "affine",  # every row of one is a multiple of that row of the other, plus an offset
    "same-input",  # two passes of one network over equal inputs, or two equal views in one pass
    "one-network",  # one network ran under two names, one of them that of a teacher
    "overwritten",  # one side was written over after it was made
]


class Relation(Struct, frozen=True, gc=False):
    """What two operands of one comparison have to do with each other.

    ``left`` and ``right`` are positions in the comparison's operands. ``cosine`` is the smallest
    absolute cosine over rows, ``scale`` the mean ratio right/left, ``difference`` the largest
    absolute difference relative to the operand's own size; all measured in float64. ``age`` is in
    steps, for stale operands. ``scales`` are the smallest and the largest ratio of any row,
    ``offset`` is the size of what an affine copy adds, relative to the right operand's own.
    ``site`` is the line that made it so, where it belongs to this relation alone, and
    ``operation`` what ran there. ``twin`` is another name of the operand, if it was given two.
    """

    kind: RelationKind
    left: int
    right: int
    cosine: float | None = None
    scale: float | None = None
    difference: float | None = None
    age: int | None = None
    scales: tuple[float, float] | None = None
    offset: float | None = None
    site: CallSite | None = None
    operation: str = ""
    twin: str = ""


class Past(Struct, frozen=True, gc=False):
    """What one operand of a comparison keeps of earlier steps, for the same or unknown samples.

    ``operand`` is its position; ``first`` and ``last`` are the steps in which it was made, which
    are one unless it ``is_store`` that was written several times. ``is_alike`` is true where the
    passes behind both operands ran in one mode. ``site`` is the line that made or wrote it.
    """

    operand: int
    first: int
    last: int
    is_store: bool = False
    is_alike: bool = False
    site: CallSite | None = None


class Comparison(Struct, frozen=True, gc=False, tag="comparison"):
    """One call of a similarity, distance or pair loss, with both operands.

    ``paired`` is true when row i is compared with row i. ``births`` are the places where an
    operand was made from the other, where the interpreter let us see it. ``similarity`` is the
    mean cosine of the rows that were compared (float64), None where it was not computed. ``past``
    tells of an operand that is older than the step, and stands in no relation but ``stale``.
    """

    step: int
    forward: int
    function: str
    paired: bool
    site: CallSite
    operands: tuple[Operand, ...]
    relations: tuple[Relation, ...] = ()
    births: tuple[CallSite, ...] = ()
    similarity: float | None = None
    past: Past | None = None
